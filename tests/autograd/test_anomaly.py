"""The first NaN or infinity is named, with the line that made it."""

from pathlib import Path

import numpy as np
import pytest

import minipose
from minipose import Tensor, ops

HERE = Path(__file__).name


def line_of(text):
    return next(i for i, line in enumerate(Path(__file__).read_text().splitlines(), 1) if text in line)


def test_a_result_that_is_not_finite_names_operation_and_line():
    x = minipose.tensor([1.0, 0.0], requires_grad=True)
    with minipose.detect_anomaly(), pytest.raises(RuntimeError) as caught:
        y = x * 2
        z = ops.log(y)  # the culprit in forward
        z.sum()
    assert str(caught.value).startswith("log: the result holds an infinity; made at ")
    assert f"{HERE}:{line_of('# the culprit in forward')}: z = ops.log(y)" in str(caught.value)


def test_a_gradient_that_is_not_finite_names_the_forward_line():
    x = minipose.tensor([4.0, 0.0], requires_grad=True)
    with minipose.detect_anomaly():
        root = ops.sqrt(x * 1)  # the culprit in backward
        total = (root * 3).sum()
        with pytest.raises(RuntimeError) as caught:
            total.backward()
    assert "backward: the gradient of input 0 of sqrt holds an infinity" in str(caught.value)
    assert f"{HERE}:{line_of('# the culprit in backward')}: root = ops.sqrt(x * 1)" in str(caught.value)


def test_nan_is_told_from_infinity():
    x = minipose.tensor([0.0], requires_grad=True)
    with minipose.detect_anomaly():
        y = ops.sqrt(x) * minipose.tensor([0.0])
        with pytest.raises(RuntimeError, match="mul|sqrt"):
            y.backward()
        with pytest.raises(RuntimeError, match="div: the result holds a NaN"):
            x / x


def test_the_line_is_unknown_where_forward_ran_outside():
    x = minipose.tensor([0.0], requires_grad=True)
    y = ops.sqrt(x)
    with minipose.detect_anomaly(), pytest.raises(RuntimeError, match="of sqrt holds.*not known; run forward"):
        y.backward()


def test_an_operation_that_only_passes_it_on_is_not_blamed():
    x = minipose.tensor([np.inf, 1.0], requires_grad=True)
    with minipose.detect_anomaly():
        y = x * 2
        with pytest.raises(RuntimeError, match="reaches mul holds an infinity already"):
            y.backward(minipose.tensor([np.inf, 1.0]))


def test_outside_nothing_is_looked_at():
    x = minipose.tensor([0.0], requires_grad=True)
    y = ops.sqrt(x)
    y.backward()
    assert x.grad.item() == np.inf


def test_it_ends_with_the_block_and_with_an_error():
    with pytest.raises(KeyError), minipose.detect_anomaly():
        raise KeyError
    assert ops.log(minipose.zeros(1)).item() == -np.inf

    @minipose.detect_anomaly
    def decorated():
        return ops.log(minipose.zeros(1))

    with pytest.raises(RuntimeError, match="log"):
        decorated()


@pytest.mark.parametrize("write", [
    lambda x, y: x.data.__setitem__(0, 7),
    lambda x, y: np.negative(y.data, out=y.data),
], ids=["input", "result"])  # fmt: skip
def test_a_write_through_numpy_is_noticed(write, rng):
    x = Tensor(rng.standard_normal((3, 5)), requires_grad=True)
    with minipose.detect_anomaly():
        y = ops.exp(x)
        z = x * y
        write(x, y)
        with pytest.raises(RuntimeError, match="written to since"):
            z.sum().backward()


def test_an_honest_step_raises_nothing(rng):
    layer = minipose.nn.Conv2d(3, 5, (3, 2))
    with minipose.detect_anomaly():
        ops.relu(layer(Tensor(rng.standard_normal((2, 3, 7, 5)).astype("float32")))).mean().backward()
    assert np.isfinite(layer.weight.grad.data).all()


@pytest.mark.parametrize("name", ["detect_anomaly", "no_grad", "enable_grad"])
def test_they_take_a_function_or_nothing(name):
    with pytest.raises(TypeError, match=f"{name}: .*3"):
        getattr(minipose, name)(3)
