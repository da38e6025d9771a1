"""The CUDA kernels against the reference: on the stand-in everywhere, on CuPy where there is a GPU."""

import inspect

import numpy as np
import pytest

from minipose.kernels import cuda, reference
from tests.oracle import TOLERANCES, assert_close

N, C, H, W, F, KERNEL = 2, 3, 11, 13, 6, (3, 2)
PLAIN = dict(stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1)
GEOMETRIES = {
    "plain": PLAIN,
    "strided": PLAIN | dict(stride=(2, 3), padding=(1, 0)),
    "dilated": PLAIN | dict(stride=(1, 2), padding=(2, 1), dilation=(2, 3)),
    "grouped": PLAIN | dict(stride=(2, 1), padding=(1, 2), groups=3),
    "padding beyond the kernel": PLAIN | dict(padding=(4, 3)),
    "stride beyond the kernel": PLAIN | dict(stride=(4, 5)),
}
POOLS = {  # options, output size; the last windows may hang over the edge, as in ceil_mode
    "apart": (dict(kernel=(2, 3), stride=(2, 3), padding=(0, 0), dilation=(1, 1)), (5, 4)),
    "overlapping": (dict(kernel=(3, 2), stride=(2, 1), padding=(1, 1), dilation=(1, 2)), (6, 13)),
    "hanging over": (dict(kernel=(4, 2), stride=(2, 3), padding=(1, 0), dilation=(1, 1)), (6, 5)),
}
LAYOUTS = {  # how an array comes to lie on the device in other than row order
    "rows": lambda module, a: module.asarray(a),
    "channels last": lambda module, a: module.asarray(np.moveaxis(a, 1, -1).copy()).transpose(
        0, a.ndim - 1, *range(1, a.ndim - 1)
    ),
    "stepped": lambda module, a: module.asarray(np.repeat(a, 2, -1))[..., ::2],
    "reversed": lambda module, a: module.asarray(a[..., ::-1].copy())[..., ::-1],
}  # fmt: skip


def upload(module, value, layout="rows"):
    if isinstance(value, tuple):
        return tuple(upload(module, v) for v in value)
    if not isinstance(value, np.ndarray):
        return value
    floating = value.dtype.kind == "f" and value.ndim > 1
    return LAYOUTS[layout if floating else "rows"](module, value)


def widen(value):
    if isinstance(value, tuple):
        return tuple(widen(v) for v in value)
    return value.astype(np.float64) if getattr(value, "dtype", None) == np.float32 else value


@pytest.fixture(params=["float32", "float64"])
def numbers(request, rng):
    """A function that draws arrays of either precision."""
    return lambda *shape: rng.standard_normal(shape).astype(request.param)


@pytest.fixture(params=LAYOUTS)
def compare(request, device_module, no_waiting):
    """A function that runs a kernel twice on the device, and the reference in float64; it returns the results."""

    def run(name, *arguments, **options):
        uploaded = [upload(device_module, a, request.param) for a in arguments]
        with no_waiting():
            results = [getattr(cuda, name)(*uploaded, **options) for _ in range(2)]
        exact = getattr(reference, name)(*map(widen, arguments), **options)
        dtype = next(a.dtype for a in arguments if isinstance(a, np.ndarray) and a.dtype.kind == "f")
        on_host = []
        for first, second, e in zip(*(r if isinstance(r, tuple) else (r,) for r in (*results, exact)), strict=True):
            assert isinstance(first, device_module.ndarray), f"{name} left the device"
            assert first.dtype == (dtype if e.dtype.kind == "f" else e.dtype)
            np.testing.assert_array_equal(first.get(), second.get(), err_msg=f"{name}: not the same in two runs")
            assert_close(first.get(), e, TOLERANCES[dtype.name], name)
            on_host.append(first.get())
        for a, original in zip(uploaded, arguments, strict=True):
            if isinstance(original, np.ndarray):
                np.testing.assert_array_equal(a.get(), original, err_msg=f"{name} modified an input")
        return on_host if len(on_host) > 1 else on_host[0]

    return run


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_convolution_and_its_gradients(compare, numbers, geometry):
    x, weight = numbers(N, C, H, W), numbers(F, C // geometry["groups"], *KERNEL)
    y = compare("conv2d", x, weight, **geometry)
    grad = numbers(*y.shape)
    compare("conv2d_input_grad", grad, weight, size=(H, W), **geometry)
    compare("conv2d_weight_grad", x, grad, kernel=KERNEL, **geometry)


@pytest.mark.parametrize("size", [(11, 10), (12, 11), (13, 11)], ids=str)
def test_input_grad_of_all_sizes_that_a_strided_convolution_maps_to_one(compare, numbers, size):
    geometry = PLAIN | dict(stride=(3, 2))
    compare("conv2d_input_grad", numbers(N, F, 4, 5), numbers(F, C, 2, 2), size=size, **geometry)


def test_matmul(compare, numbers):
    compare("matmul", numbers(7, 5), numbers(5, 3))
    compare("matmul", numbers(2, 1, 7, 5), numbers(3, 5, 2))


def test_batch_norm(compare, numbers):
    x, weight, bias = numbers(N, C, H, W) + 3, numbers(C), numbers(C)
    mean, var = compare("batch_statistics", x)
    compare("batch_norm", x, mean, var, weight, bias, 1e-5)
    compare("batch_norm", x, mean, var, weight, bias, 1e-5, numbers(N, C, H, W), True)
    compare("batch_norm", x, mean, var, weight, bias, 1e-5, None, True, 0.75)
    for rectifier in ((False,), (True,), (True, 0.75)):
        compare("batch_norm_grad", numbers(N, C, H, W), x, mean, var, weight, bias, 0.1, *rectifier)


def test_pointwise(compare, numbers):
    x = numbers(N, C, H, W)
    y = compare("relu", x)
    compare("relu_grad", numbers(N, C, H, W), y)
    compare("copy", x)
    compare("add", x, numbers(N, C, H, W))
    for name in ("add", "sub", "mul"):
        compare(name, x, numbers(C, 1, 1))
    compare("squared_error", x, numbers(N, C, H, W))
    compare("scaled_difference", x, numbers(N, C, H, W), np.asarray(1.5, x.dtype))
    compare("concatenate_channels", x, numbers(N, 2, H, W))
    compare("take_channels", x, 1, 3)
    for by_image in (False, True):
        compare("sum_pixels", x, None, by_image)
        compare("sum_pixels", x, numbers(N, C, H, W), by_image)


@pytest.mark.parametrize("name", ["relu6", "leaky_relu", "sigmoid", "silu", "hardsigmoid", "hardswish"])
def test_activations(compare, numbers, name):
    x, options = numbers(N, C, H, W) * 4, (0.3,) if name == "leaky_relu" else ()
    y = compare(name, x, *options)
    compare(f"{name}_grad", numbers(N, C, H, W), y if name in ("relu6", "sigmoid", "hardsigmoid") else x, *options)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax(compare, numbers, name, axis):
    y = compare(name, numbers(N, C, H, W) * 4, axis)
    compare(f"{name}_grad", numbers(N, C, H, W), y, axis)


@pytest.mark.parametrize(("options", "size"), POOLS.values(), ids=POOLS)
def test_max_pool2d(compare, numbers, options, size):
    x = np.round(numbers(N, C, H, W))  # with ties
    y, places = compare("max_pool2d", x, **options, size=size)
    compare("take_pixels", x, places)
    compare("max_pool2d_grad", numbers(*y.shape), places, size=(H, W), **options)


@pytest.mark.parametrize(("options", "size"), POOLS.values(), ids=POOLS)
def test_avg_pool2d(compare, numbers, options, size):
    geometry = {key: options[key] for key in ("kernel", "stride", "padding")}
    share = numbers(*size)
    compare("avg_pool2d", numbers(N, C, H, W), share, **geometry)
    compare("avg_pool2d_grad", numbers(N, C, *share.shape), share, size=(H, W), **geometry)


def test_max_pool2d_of_nan_and_of_minus_infinity(device_module, rng):
    options, size = POOLS["overlapping"]
    x = np.full((N, C, H, W), -np.inf)
    x[0, 1, 2:5, 3:7] = np.nan
    x[1, 2] = rng.standard_normal((H, W))
    actual = cuda.max_pool2d(device_module.asarray(x), **options, size=size)
    for a, e in zip(actual, reference.max_pool2d(x, **options, size=size), strict=True):
        np.testing.assert_array_equal(a.get(), e)


def test_max_pool2d_of_an_image_smaller_than_the_window(compare, numbers):
    x, options = numbers(N, C, 3, 2), dict(kernel=(3, 5), stride=(1, 1), padding=(1, 2), dilation=(1, 1))
    _, places = compare("max_pool2d", x, **options, size=(3, 2))
    compare("max_pool2d_grad", numbers(N, C, 3, 2), places, size=(3, 2), **options)


@pytest.mark.parametrize("mixing", [True, False], ids=["bilinear", "nearest"])
def test_resize(compare, numbers, rng, mixing):
    def taps(length, target):
        low, high = rng.integers(0, length, target), rng.integers(0, length, target)
        return (low, high, numbers(target)) if mixing else (low, None, None)

    rows, columns = taps(H, 7), taps(W, 17)
    y = compare("resize", numbers(N, C, H, W), rows, columns)
    compare("resize_grad", numbers(*y.shape), rows, columns, (H, W))


def test_an_empty_batch(device_module):
    x, weight = device_module.ones((0, C, H, W)), device_module.ones((F, C, *KERNEL))
    y = cuda.conv2d(x, weight, **PLAIN)
    assert y.shape == (0, F, 9, 12)
    assert cuda.conv2d_input_grad(y, weight, size=(H, W), **PLAIN).shape == x.shape
    weight_grad = cuda.conv2d_weight_grad(x, y, kernel=KERNEL, **PLAIN)
    np.testing.assert_array_equal(weight_grad.get(), np.zeros(weight.shape))
    options, size = POOLS["overlapping"]
    pooled, places = cuda.max_pool2d(x, **options, size=size)
    assert cuda.max_pool2d_grad(pooled, places, size=(H, W), **options).shape == x.shape


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_adam_step(device_module, no_waiting, numbers, layout, weight_decay):
    arrays = [numbers(7, 5, 3) for _ in range(3)] + [np.abs(numbers(7, 5, 3))]
    uploaded = [upload(device_module, a, layout) for a in arrays]
    exact = [widen(a).copy() for a in arrays]
    for step in (1, 2, 1000):
        options = (1e-2, 0.9, 0.99, 1e-8, weight_decay, [step])
        with no_waiting():
            cuda.adam_step(*([a] for a in uploaded), *options)
        reference.adam_step(*([a] for a in exact), *options)
    for actual, original, expected in zip(uploaded, arrays, exact, strict=True):
        assert actual.dtype == original.dtype
        assert_close(actual.get(), expected, TOLERANCES[original.dtype.name])


def test_every_kernel_of_the_reference_is_there_with_its_signature():
    kernels = set(reference.__all__) - {"Pair", "Taps", "conv_output_size", "taps"}
    assert kernels == set(cuda.__all__)
    for name in kernels:
        here, there = (inspect.signature(getattr(module, name)) for module in (cuda, reference))
        assert list(here.parameters) == list(there.parameters), name
