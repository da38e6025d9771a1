"""What a user is told who asks for a GPU that is not there, or brings two devices together."""

import sys
import types

import numpy as np
import pytest

import minipose
from minipose import ops
from tests.cuda.conftest import forget_modules


@pytest.fixture(autouse=True)
def fresh():
    forget_modules()
    yield
    forget_modules()


ASKING = [
    lambda: minipose.tensor([1.0], device="cuda"),
    lambda: minipose.zeros(2, device="cuda"),
    lambda: minipose.zeros(2).to("cuda"),
    lambda: minipose.zeros(2).cuda(),
    lambda: minipose.nn.Linear(2, 3).to("cuda"),
]


@pytest.mark.parametrize("ask", ASKING)
def test_without_cupy(monkeypatch, ask):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(RuntimeError, match=r"^device 'cuda' needs CuPy, which is not installed: pip install .*'cpu'$"):
        ask()


@pytest.mark.parametrize("ask", ASKING)
def test_without_a_driver(monkeypatch, ask):
    without = types.SimpleNamespace(cuda=types.SimpleNamespace(is_available=lambda: False))
    monkeypatch.setitem(sys.modules, "cupy", without)
    with pytest.raises(RuntimeError, match=r"^device 'cuda' needs an NVIDIA GPU and its driver, and none was found"):
        ask()


def test_an_unknown_device():
    with pytest.raises(ValueError, match="device must be 'cpu' or 'cuda', not 'tpu'"):
        minipose.tensor([1.0], device="tpu")


IMAGE, WEIGHT = np.ones((2, 3, 7, 5), np.float32), np.ones((2, 3, 1, 1), np.float32)
TWO_DEVICES = {  # operation: a call with two images, one on each device, and a weight on the host
    "add": lambda a, b, w: a + b,
    "mul": lambda a, b, w: a * b.data,
    "mse_loss": lambda a, b, w: ops.mse_loss(a, b),
    "matmul": lambda a, b, w: a @ b.transpose(2, 3),
    "conv2d": lambda a, b, w: ops.conv2d(a, w) + ops.conv2d(b, w),
    "cat": lambda a, b, w: ops.cat([a, b]),
    "(lt|gt)": lambda a, b, w: a < b,  # Python may ask the other operand
    "eq": lambda a, b, w: a == b.data,
}


@pytest.mark.parametrize(("name", "call"), TWO_DEVICES.items(), ids=TWO_DEVICES)
@pytest.mark.parametrize("turned", [False, True])
def test_operands_on_two_devices(fake, name, call, turned):
    images = minipose.tensor(IMAGE), minipose.tensor(IMAGE, device="cuda")
    with pytest.raises(ValueError, match=rf"^{name}: .* on 'c.*' (and|but) .*on 'c.*'; move one with \.to\("):
        call(*images[:: -1 if turned else 1], minipose.tensor(WEIGHT))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("argument", ["running_mean", "running_var", "weight", "bias"])
def test_batch_norm_on_two_devices(fake, training, argument):
    values = {name: minipose.ones(3, device="cuda") for name in ("running_mean", "running_var", "weight", "bias")}
    values[argument] = minipose.ones(3)
    with pytest.raises(ValueError, match=f"^batch_norm: {argument} is on 'cpu' but input on 'cuda'"):
        ops.batch_norm(minipose.tensor(IMAGE, device="cuda"), **values, training=training)


def test_a_gradient_on_the_other_device(fake):
    x = minipose.tensor(IMAGE, device="cuda", requires_grad=True)
    with pytest.raises(ValueError, match="^backward: the gradient is on 'cpu' but the output on 'cuda'"):
        (x * 2).backward(minipose.tensor(IMAGE))


def test_numpy_of_a_device_tensor(fake):
    with pytest.raises(TypeError, match=r"use tensor\.cpu\(\)\.numpy\(\)"):
        minipose.tensor(np.ones(3), device="cuda").numpy()
