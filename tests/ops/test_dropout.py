import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests import oracle
from tests.oracle import Case

CASES = [  # what does not depend on the draw
    Case("dropout_of_nothing", lambda F, x: F.dropout(x, 0.0), [(5, 7)]),
    Case("dropout_in_use", lambda F, x: F.dropout(x, 0.3, training=False), [(5, 7)]),
    Case("dropout_of_all", lambda F, x, y: F.dropout(x, 1.0) + x * y, [(5, 7)] * 2),
    Case("dropout_0d", lambda F, x: F.dropout(x, 0.0), [()]),
    Case("dropout2d_of_nothing", lambda F, x: F.dropout2d(x, p=0.0), [(2, 3, 5, 7)]),
    Case("dropout2d_in_use", lambda F, x: F.dropout2d(x, training=False), [(2, 3, 5, 7)]),
    Case("dropout2d_of_all", lambda F, x, y: F.dropout2d(x, 1.0) + x * y, [(2, 3, 5, 7)] * 2),
]
LINEAR = [
    Case("dropout", lambda F, x: F.dropout(x, 0.3, generator=np.random.default_rng(5)), [(5, 7)]),
    Case("dropout2d", lambda F, x: F.dropout2d(x, 0.3, generator=np.random.default_rng(5)), [(2, 3, 5, 7)]),
]


@oracle.each_dtype
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_entries_are_dropped_with_probability_p_and_the_others_scaled(dtype, p):
    minipose.manual_seed(3)
    y = ops.dropout(minipose.ones(200, 300, dtype=dtype), p).data
    assert y.dtype == dtype
    np.testing.assert_allclose(np.unique(y), [0, 1 / (1 - p)], rtol=1e-7)
    deviation = np.sqrt(p * (1 - p) / y.size)
    assert abs((y == 0).mean() - p) < 5 * deviation
    for axis in (0, 1):  # neither rows nor columns hang together
        assert abs((y == 0).mean(axis) - p).max() < 5 * np.sqrt(p * (1 - p) / y.shape[axis])


def test_whole_channels_are_dropped():
    minipose.manual_seed(3)
    y = ops.dropout2d(minipose.ones(50, 40, 2, 3), 0.25).data
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :, :1, :1], y.shape))
    assert abs((y == 0).mean() - 0.25) < 0.05 and abs(y.max() - 4 / 3) < 1e-6


@pytest.mark.parametrize("operation", [ops.dropout, ops.dropout2d])
def test_the_gradient_has_the_forward_mask(operation, rng):
    minipose.manual_seed(3)
    values, upstream = rng.standard_normal((2, 2, 3, 5, 7))
    x = Tensor(values, requires_grad=True)
    y = operation(x, 0.4)
    y.backward(Tensor(upstream))
    np.testing.assert_allclose(x.grad.data, y.data / values * upstream, rtol=1e-12)
    assert 0 < (y.data == 0).mean() < 1


@pytest.mark.parametrize("operation", [ops.dropout, ops.dropout2d])
def test_a_seed_or_a_generator_gives_the_same_mask_again(operation):
    x = minipose.ones(5, 7, 2, 3)
    masks = []
    for seed in (1, 1, 2):
        minipose.manual_seed(seed)
        masks.append(operation(x).data)
    own = [operation(x, generator=np.random.default_rng(seed)).data for seed in (1, 1, 2)]
    for first, again, other in (masks, own):
        np.testing.assert_array_equal(first, again)
        assert (first != other).any()
    np.testing.assert_array_equal(masks[0], own[0])
    generator = np.random.default_rng(1)
    assert (operation(x, generator=generator).data != operation(x, generator=generator).data).any()


def test_a_given_generator_leaves_the_default_one_alone_and_use_draws_nothing():
    x = minipose.ones(5, 7)
    minipose.manual_seed(7)
    expected = ops.dropout(x).data
    minipose.manual_seed(7)
    ops.dropout(x, generator=np.random.default_rng(0))
    assert ops.dropout(x, training=False) is x
    np.testing.assert_array_equal(ops.dropout(x).data, expected)


def test_the_mask_and_the_layout_do_not_depend_on_the_memory_layout():
    x = minipose.ones(2, 3, 5, 7)
    image = Tensor(oracle.LAYOUTS["channels_last"](x.data))
    a, b = (ops.dropout(t, generator=np.random.default_rng(1)).data for t in (x, image))
    np.testing.assert_array_equal(a, b)
    assert b.strides == image.data.strides


def test_checkpoint_draws_the_same_mask_again(rng):
    x = Tensor(rng.standard_normal((5, 7)), requires_grad=True)
    minipose.manual_seed(3)
    y = minipose.checkpoint(lambda t: ops.dropout(t, 0.4) * 2, x)
    y.backward(minipose.ones(5, 7, dtype="float64"))
    np.testing.assert_allclose(x.grad.data, y.data / x.data, rtol=1e-12)
    z = minipose.checkpoint(lambda t: ops.dropout(t, generator=np.random.default_rng(1)) * 2, x)
    with pytest.raises(RuntimeError, match="dropout: inside checkpoint only the default generator"):
        z.sum().backward()


@pytest.mark.parametrize("shape", [(0,), (0, 3, 2, 2), (2, 3, 0, 2), ()])
def test_no_entries(shape):
    x = minipose.ones(*shape, requires_grad=True)
    for operation in (ops.dropout, ops.dropout2d):
        if len(shape) == 4 or operation is ops.dropout:
            y = operation(x, 0.5)
            y.sum().backward()
            assert y.shape == shape and x.grad.shape == shape


def test_integers_pass_in_use_only():
    x = Tensor(np.arange(3))
    assert ops.dropout(x, training=False) is x
    with pytest.raises(TypeError, match="^dropout: input must hold floating-point numbers, not int64"):
        ops.dropout(x)


X = minipose.ones(2, 3, 5, 7)
ERRORS = [
    (lambda f: f(X.data), TypeError, "input .*ndarray"),
    (lambda f: f([1.0], training=False), TypeError, "input .*list"),
    (lambda f: f(X, -0.1), ValueError, "p must be a number from 0 up to 1, not -0.1"),
    (lambda f: f(X, 1.1), ValueError, "p must be a number from 0 up to 1, not 1.1"),
    (lambda f: f(X, float("nan")), ValueError, "p must be a number.*nan"),
    (lambda f: f(X, 2.0, training=False), ValueError, "p must be a number.*2.0"),
    (lambda f: f(X, "0.5"), TypeError, "p must be a number, not '0.5'"),
    (lambda f: f(X, True), TypeError, "p must be a number, not True"),
    (lambda f: f(X, None), TypeError, "p must be a number, not None"),
    (lambda f: f(X, 0.5, 1), TypeError, "training must be True or False, not 1"),
    (lambda f: f(X, 0.5, True, 0), TypeError, "inplace must be True or False, not 0"),
    (lambda f: f(X, 0.5, True, True), ValueError, "inplace=True is not offered"),
    (lambda f: f(X, generator=5), TypeError, "generator must be a numpy.random.Generator, not 5"),
]


@pytest.mark.parametrize("name", ["dropout", "dropout2d"])
@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:40] for _, _, text in ERRORS])
def test_errors_name_operation_and_argument(name, call, error, text):
    with pytest.raises(error, match=f"^{name}: {text}"):
        call(getattr(ops, name))


def test_dropout2d_wants_images():
    with pytest.raises(ValueError, match=r"^dropout2d: input must have four axes N C H W, not shape \(2, 3, 5\)"):
        ops.dropout2d(X[..., 0])
