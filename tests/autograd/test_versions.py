"""Backward never computes with numbers that were written over after forward: it raises and names the operation."""

import numpy as np
import pytest

import minipose
from minipose import Tensor, nn, ops, optim

WRITES = {
    "replaced": lambda x: setattr(x, "data", x.data * 2),
    "in_place": lambda x: exec("x.data *= 2", {"x": x}),
    "told": lambda x: (np.multiply(x.data, 2, out=x.data), x.bump_version()),
    "load_state_dict": lambda x: holder(x).load_state_dict({"weight": np.full(x.shape, 7)}),
    "initialised": lambda x: nn.init.ones_(x),
    "drawn": lambda x: nn.init.normal_(x),
    "zero_": lambda x: unrecorded(x.zero_),
    "fill_": lambda x: unrecorded(x.fill_, 3),
    "copy_": lambda x: unrecorded(x.copy_, minipose.ones(*x.shape)),
    "set_item": lambda x: unrecorded(x.__setitem__, (0, slice(1, None)), 5),
    "of_a_view": lambda x: x.detach().reshape(-1).fill_(3),
    "of_a_transposed_view": lambda x: x.detach().T[0].zero_(),
}


def holder(parameter):
    module = nn.Module()
    module.weight = parameter
    return module


def unrecorded(write, *arguments):
    with minipose.no_grad():
        write(*arguments)


@pytest.fixture
def weight(rng):
    return nn.Parameter(rng.standard_normal((3, 5)))


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_saved_input_that_was_written_to(weight, write):
    y = (weight * weight).sum()
    write(weight)
    with pytest.raises(RuntimeError, match="backward: mul needs one of its inputs .* written to since"):
        y.backward()


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_write_after_backward_is_fine(weight, write):
    before = weight.data.copy()
    (weight * weight).sum().backward()
    write(weight)
    np.testing.assert_array_equal(weight.grad.data, 2 * before)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_write_that_backward_does_not_need_to_know_of(weight, write):
    y = (weight + weight).sum()
    write(weight)
    y.backward()
    np.testing.assert_array_equal(weight.grad.data, np.full((3, 5), 2))


def test_a_result_that_was_written_to(weight):
    y = ops.exp(weight)
    y.data -= 1
    with pytest.raises(RuntimeError, match="backward: exp needs its result .* written to since"):
        y.sum().backward()


def test_the_step_of_an_optimiser_is_a_write(weight):
    layer = holder(weight)
    loss = (weight * weight).sum()
    loss.backward(retain_graph=True)
    optim.Adam(layer.parameters()).step()
    with pytest.raises(RuntimeError, match="backward: mul needs one of its inputs"):
        loss.backward()


def test_a_write_to_a_view_of_the_result_reaches_the_one_that_saved_it(weight):
    y = ops.exp(weight)
    y.detach().reshape(5, 3).permute(1, 0)[1].fill_(0)
    with pytest.raises(RuntimeError, match="backward: exp needs its result"):
        y.sum().backward()


def test_arrays_apart_have_versions_apart(weight):
    x = minipose.ones(3, 5)
    y = (weight * x.to("float64")).sum()
    x.zero_()
    y.backward()
    np.testing.assert_array_equal(weight.grad.data, np.ones((3, 5)))


def test_writing_in_place_while_a_graph_is_recorded_is_refused(weight):
    for write in (lambda x: x.zero_(), lambda x: x.fill_(1), lambda x: x.copy_(x), lambda x: x.__setitem__(0, 1)):
        with pytest.raises(RuntimeError, match="requires a gradient.*no_grad"):
            write(weight * 2)
        with pytest.raises(RuntimeError, match="requires a gradient.*no_grad"):
            write(weight)
        with minipose.no_grad():
            write(weight)


def test_what_in_place_writing_writes():
    x = minipose.zeros(2, 3)
    assert x.fill_(2) is x and x.data.tolist() == [[2, 2, 2], [2, 2, 2]]
    x[0, 1:] = minipose.tensor([5, 7])
    x[1] = 3
    assert x.data.tolist() == [[2, 5, 7], [3, 3, 3]]
    x[minipose.tensor([[True, False, True], [False, False, False]])] = 0
    assert x.data.tolist() == [[0, 5, 0], [3, 3, 3]]
    assert x.copy_(minipose.tensor([1, 2, 3])).data.tolist() == [[1, 2, 3], [1, 2, 3]]
    assert x.zero_().data.tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda x: x.fill_("a"), TypeError, "fill_: .*'a'"),
    (lambda x: x.copy_(minipose.ones(4)), ValueError, r"copy_: .*\(4,\).*\(2, 3\)"),
    (lambda x: x.copy_([1]), TypeError, "copy_: .*list"),
    (lambda x: x.__setitem__(5, 1), (IndexError, ValueError), "setitem: "),
    (lambda x: x.__setitem__(0, minipose.ones(2)), ValueError, r"setitem: .*\(2,\)"),
    (lambda x: x.__setitem__("a", 1), TypeError, "setitem: "),
    (lambda x: x.__setitem__(0, "a"), TypeError, "setitem: "),
])  # fmt: skip
def test_wrong_writes(call, error, text):
    with pytest.raises(error, match=text):
        call(Tensor(np.zeros((2, 3))))
