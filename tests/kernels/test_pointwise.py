"""The kernels that go through arrays entry by entry, and their sums, against the reference in float64."""

import numpy as np
import pytest

from minipose.kernels import cpu, reference
from tests.kernels.test_cpu import TOLERANCE, compare, each_layout, lay, random
from tests.oracle import LAYOUTS, assert_close

LARGE = 1 << 15  # from this many numbers on, the kernels use all threads
POINTWISE_SHAPES = [(1,), (7, 5), (LARGE - 1,), (LARGE,), (LARGE + 3,), (2, 17, 31, 37)]


def test_a_copy_is_one_and_keeps_the_order_of_memory(rng):
    x = random(rng, 2, 31, 37, 17).transpose(0, 3, 1, 2)
    y = cpu.copy(x)
    assert not np.shares_memory(x, y) and y.strides == x.strides


@pytest.mark.parametrize("shape", POINTWISE_SHAPES, ids=str)
@each_layout
def test_pointwise(shape, layout, rng):
    a, b = (lay(layout, random(rng, *shape)) for _ in range(2))
    compare("copy", a)
    compare("add", a, b)
    compare("sub", a, b)
    compare("mul", a, b)
    compare("add", a, random(rng, *shape))  # the two may be laid out in different ways
    compare("relu_grad", a, compare("relu", b))
    compare("relu_grad", random(rng, *shape), cpu.relu(b))


@pytest.mark.parametrize("shape", [(), (0, 3), *POINTWISE_SHAPES, (40 * 1024 + 7,), (1024, 3 * 31)], ids=str)
@each_layout
def test_squared_error(shape, layout, rng):
    a, b = (lay(layout, random(rng, *shape)) if shape else np.float32(rng.random()).reshape(()) for _ in range(2))
    compare("squared_error", a, b)
    compare("scaled_difference", a, b, np.asarray(-1.5, np.float32))
    compare("squared_error", a, random(rng, *shape) if shape else b)


@pytest.mark.parametrize("place", [0, 1023, 1024, -1])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_squared_error_notices_nan_and_infinity(place, bad, rng):
    a, b = random(rng, 2, LARGE + 3)
    a[place] = bad
    assert str(cpu.squared_error(a, b)) == str(np.float32(bad))


def test_add_broadcasts(rng):
    x = random(rng, 2, 17, 31, 37)
    compare("add", x, random(rng, 17, 1, 1))
    compare("add", random(rng, 1), x)
    compare("add", x, x[:1])


CHANNELS = [(2, 3, 7, 5), (3, 17, 31, 37), (1, 1, 257, 131), (67, 521, 1, 1), (37, 1031, 1, 2), (2, 33, 1, 701)]


@pytest.mark.parametrize("shape", CHANNELS, ids=str)
@each_layout
def test_numbers_for_each_channel(shape, layout, rng):
    x, other = (lay(layout, random(rng, *shape)) for _ in range(2))
    N, C = shape[:2]
    for values in (random(rng, 1, C, 1, 1), random(rng, N, C, 1, 1), random(rng, 2 * N, C, 1, 1)[::2]):
        compare("add", x, values)
        compare("mul", x, values)
        compare("mul", values, x)
    for by_image in (False, True):
        compare("sum_pixels", x, None, by_image)
        compare("sum_pixels", x, other, by_image)
        compare("sum_pixels", x, random(rng, 1, 1, *shape[2:]), by_image)


@pytest.mark.parametrize("shape", [(N, C, 1, 1) for N in (1, 3) for C in (1, 17)], ids=str)
def test_arithmetic_with_channels_keeps_them_last(shape, rng):
    x = LAYOUTS["channels_last"](random(rng, 3, 17, 31, 37))
    for name in ("add", "mul"):
        y = getattr(cpu, name)(x, random(rng, *shape))
        assert y.transpose(0, 2, 3, 1).flags.c_contiguous, name


def test_numbers_for_each_channel_of_nan_and_infinity(rng):
    x, values = LAYOUTS["channels_last"](random(rng, 3, 17, 31, 37)), random(rng, 3, 17, 1, 1)
    x[0, 1, 2, 3], x[1, 5, 30, 36], values[2, 7] = np.nan, np.inf, -np.inf
    for name, arguments in (("add", (x, values)), ("mul", (x, values)), ("sum_pixels", (x, x, True))):
        actual, expected = (getattr(kernels, name)(*arguments) for kernels in (cpu, reference))
        np.testing.assert_array_equal(np.isfinite(actual), np.isfinite(expected), err_msg=name)


ACTIVATIONS = {"relu6": 1, "leaky_relu": 0, "sigmoid": 1, "silu": 0, "hardsigmoid": 1, "hardswish": 0}
OF_RESULT = {name for name, of_result in ACTIVATIONS.items() if of_result}  # whose gradient is told by the result


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("shape", POINTWISE_SHAPES, ids=str)
@each_layout
def test_activations(name, shape, layout, rng):
    x, grad = lay(layout, random(rng, *shape) * 4), lay(layout, random(rng, *shape))
    options = (0.3,) if name == "leaky_relu" else ()
    y = compare(name, x, *options)
    compare(f"{name}_grad", grad, y if name in OF_RESULT else x, *options)
    compare(f"{name}_grad", random(rng, *shape), y if name in OF_RESULT else x, *options)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("size", [18, LARGE + 3])
def test_activations_at_kinks_nan_and_infinity(name, size):
    values = [np.nan, np.inf, -np.inf, 0.0, -0.0, 3, -3, 6, 87.2, -87.2, 87.4, -87.4, 90, -90, 1e4, -1e4, 3e38, -3e38]
    x = np.resize(np.float32(values), size)
    grad = np.resize(np.float32([1, -2, 3, 1e5, np.nan]), size)
    options = (0.3,) if name == "leaky_relu" else ()
    with np.errstate(all="ignore"):
        expected = getattr(reference, name)(x, *options)
        np.testing.assert_allclose(getattr(cpu, name)(x, *options), expected, 1e-6, 1e-7)
        of = np.nan_to_num(expected if name in OF_RESULT else x)
        slopes = [getattr(module, f"{name}_grad")(grad, of, *options) for module in (cpu, reference)]
    np.testing.assert_allclose(*slopes, 1e-6, 1e-7)


def test_sigmoid_of_all_sizes():
    x = np.linspace(-87, 87, LARGE * 3, dtype=np.float32)
    exact = 1 / (1 + np.exp(-x.astype(np.float64)))
    np.testing.assert_allclose(cpu.sigmoid(x), exact, 5e-7)


@pytest.mark.parametrize("size", [7, LARGE + 3])
def test_pointwise_nan_and_infinity(size):
    x = np.resize(np.float32([np.nan, np.inf, -np.inf, -1, -0.0, 2]), size)
    grad = np.resize(np.float32([np.inf, np.nan, 3, -np.inf, 5]), size)
    np.testing.assert_array_equal(cpu.relu(x), np.where(x < 0, 0, x))
    y = cpu.relu(np.nan_to_num(x))
    np.testing.assert_array_equal(cpu.relu_grad(grad, y), np.where(y > 0, grad, 0))


ADAM_SHAPES = [(7, 5), (61, 37), (LARGE + 3,), (0, 3), (2, 17, 31, 37)]


@pytest.mark.parametrize("shapes", [*([shape] for shape in ADAM_SHAPES), ADAM_SHAPES, [(3,)] * 5], ids=str)
@pytest.mark.parametrize("layout", ["contiguous", "transposed", "channels_last", "stepped"])
@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
def test_adam_step(shapes, layout, weight_decay, rng):
    """Of several arrays each is updated, each at its own step."""
    arrays = [[lay(layout, random(rng, *shape)) for shape in shapes] for _ in range(2)]
    arrays += [[lay(layout, np.abs(random(rng, *shape))) for shape in shapes] for _ in range(2)]
    wide = [[a.astype(np.float64) for a in group] for group in arrays]
    for step in (1, 2, 1000):
        options = (0.01, 0.9, 0.999, 1e-8, weight_decay, [step + 3 * i for i in range(len(shapes))])
        cpu.adam_step(*arrays, *options)
        reference.adam_step(*wide, *options)
    for group, exact in zip(arrays, wide, strict=True):
        for array, expected in zip(group, exact, strict=True):
            assert_close(array, expected, TOLERANCE)


@pytest.mark.parametrize("shape", CHANNELS, ids=str)
@each_layout
def test_images_joined_along_channels_and_cut(shape, layout, rng):
    N, C, H, W = shape
    images = [lay(layout, random(rng, N, channels, H, W)) for channels in (C, C + 2, 1)]
    y = compare("concatenate_channels", *images[:2])
    compare("concatenate_channels", images[0])
    compare("concatenate_channels", *images)
    for start, stop in ((0, C), (C, 2 * C + 2), (1, C + 1), (C, C)):
        compare("take_channels", y, start, stop)
        compare("take_channels", lay(layout, y), start, stop)


def test_joining_along_channels_and_cutting_keep_them_last(rng):
    x, other = (LAYOUTS["channels_last"](random(rng, 3, C, 31, 37)) for C in (17, 11))
    y = cpu.concatenate_channels(x, other)
    for image in (y, cpu.take_channels(y, 17, 28)):
        assert image.transpose(0, 2, 3, 1).flags.c_contiguous
