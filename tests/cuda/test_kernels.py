"""The CUDA kernels against the reference: on the stand-in everywhere, on CuPy where there is a GPU."""

import inspect

import numpy as np
import pytest

from minipose.kernels import cuda, reference

GEOMETRIES = {
    "plain": dict(stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1),
    "strided": dict(stride=(2, 3), padding=(1, 0), dilation=(1, 1), groups=1),
    "dilated": dict(stride=(1, 2), padding=(2, 1), dilation=(2, 3), groups=1),
    "grouped": dict(stride=(2, 1), padding=(1, 2), dilation=(1, 1), groups=3),
}
N, C, H, W, F, KERNEL = 2, 3, 11, 13, 6, (3, 2)
POOL = dict(kernel=(3, 2), stride=(2, 1), padding=(1, 1), dilation=(1, 2))


@pytest.fixture(params=[np.float32, np.float64])
def numbers(request, rng):
    """A function that draws arrays whose axes are not in memory order."""

    def draw(*shape):
        return np.asfortranarray(rng.standard_normal(shape).astype(request.param))

    return draw


@pytest.fixture
def compare(device_module):
    """Run a kernel on the device and the reference on the host, and compare all that they return."""

    def run(name, *arguments, **options):
        on_device = [to_device(device_module, a) for a in arguments]
        actual = getattr(cuda, name)(*on_device, **options)
        expected = getattr(reference, name)(*arguments, **options)
        actual, expected = (x if isinstance(x, tuple) else (x,) for x in (actual, expected))
        for a, e in zip(actual, expected, strict=True):
            assert isinstance(a, device_module.ndarray), f"{name} left the device"
            assert a.dtype == e.dtype and a.shape == e.shape
            tolerance = 1e-4 if e.dtype == np.float32 else 1e-11
            np.testing.assert_allclose(a.get(), e, rtol=tolerance, atol=tolerance)
        return expected if len(expected) > 1 else expected[0]

    return run


def to_device(module, value):
    if isinstance(value, tuple):
        return tuple(to_device(module, v) for v in value)
    return module.asarray(value) if isinstance(value, np.ndarray) else value


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_convolution_and_its_gradients(compare, numbers, geometry):
    x, weight = numbers(N, C, H, W), numbers(F, C // geometry["groups"], *KERNEL)
    y = compare("conv2d", x, weight, **geometry)
    grad = numbers(*y.shape)
    compare("conv2d_input_grad", grad, weight, size=(H, W), **geometry)
    compare("conv2d_weight_grad", x, grad, kernel=KERNEL, **geometry)


def test_output_padding_leaves_rows_that_no_tap_reaches(compare, numbers):
    geometry = dict(stride=(3, 2), padding=(0, 0), dilation=(1, 1), groups=1)
    compare("conv2d_input_grad", numbers(N, F, 4, 5), numbers(F, C, 2, 2), size=(13, 11), **geometry)


def test_matmul(compare, numbers):
    compare("matmul", numbers(7, 5), numbers(5, 3))
    compare("matmul", numbers(2, 1, 7, 5), numbers(3, 5, 2))


def test_batch_norm(compare, numbers):
    x, weight, bias = numbers(N, C, H, W) + 3, numbers(C), numbers(C)
    mean, var = compare("batch_statistics", x)
    compare("batch_norm", x, mean, var, weight, bias, 1e-5)
    compare("batch_norm_grad", numbers(N, C, H, W), x, mean, var, weight, 1e-5)


def test_pointwise(compare, numbers):
    x = numbers(N, C, H, W)
    y = compare("relu", x)
    compare("relu_grad", numbers(N, C, H, W), y)
    compare("add", x, numbers(C, 1, 1))


@pytest.mark.parametrize("size", [(5, 12), (6, 14)], ids=["whole windows", "hanging over the edge"])
def test_max_pool2d(compare, numbers, size):
    x = np.round(numbers(N, C, H, W))  # with ties
    y, places = compare("max_pool2d", x, **POOL, size=size)
    compare("take_pixels", x, places)
    compare("max_pool2d_grad", numbers(*y.shape), places, size=(H, W), **POOL)


@pytest.mark.parametrize("mixing", [True, False], ids=["bilinear", "nearest"])
def test_resize(compare, numbers, rng, mixing):
    def taps(length, target):
        low, high = rng.integers(0, length, target), rng.integers(0, length, target)
        return (low, high, numbers(target)) if mixing else (low, None, None)

    rows, columns = taps(H, 7), taps(W, 17)
    y = compare("resize", numbers(N, C, H, W), rows, columns)
    compare("resize_grad", numbers(*y.shape), rows, columns, size=(H, W))


def test_adam_step(device_module, numbers):
    arrays = [numbers(7, 5) for _ in range(3)] + [np.abs(numbers(7, 5))]
    on_device = [device_module.asarray(a) for a in arrays]
    options = (1e-2, 0.9, 0.99, 1e-8, 0.1, 3)
    cuda.adam_step(*on_device, *options)
    reference.adam_step(*arrays, *options)
    for actual, expected in zip(on_device, arrays, strict=True):
        np.testing.assert_allclose(actual.get(), expected, rtol=1e-5)


def test_every_kernel_of_the_reference_is_there_with_its_signature():
    names = [n for n, f in inspect.getmembers(reference, inspect.isfunction) if f.__module__ == reference.__name__]
    kernels = [n for n in names if not n.startswith("_") and n not in ("conv_output_size", "taps")]
    assert kernels and set(kernels) == set(cuda.__all__)
    for name in kernels:
        here, there = (inspect.signature(getattr(module, name)) for module in (cuda, reference))
        assert list(here.parameters) == list(there.parameters), name
