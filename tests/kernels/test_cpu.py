"""The compiled kernels against the reference in float64, on every tail of every tile and in every memory layout."""

import numpy as np
import pytest

from minipose.kernels import cpu, reference
from minipose.kernels.cpu import conv
from tests.oracle import LAYOUTS, assert_close

TAILS = [1, 2, 3, 5, 16, 17, 31, 32, 33, 64, 65]  # around the lanes and the columns of the tiles
TOLERANCE = 1e-5
PLAIN = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}

each_layout = pytest.mark.parametrize("layout", ["contiguous", *LAYOUTS])


def lay(layout, array):
    return array if layout == "contiguous" else LAYOUTS[layout](array)


def random(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def compare(name, *arguments, tolerance=TOLERANCE, **options):
    """Run a kernel twice on float32 and once, as reference, on float64; return the float32 result."""
    before = [np.array(a) for a in arguments]
    results = [getattr(cpu, name)(*arguments, **options) for _ in range(2)]
    wide = [a.astype(np.float64) if getattr(a, "dtype", None) == np.float32 else a for a in arguments]
    expected = getattr(reference, name)(*wide, **options)
    parts = zip(*(r if isinstance(r, tuple) else (r,) for r in (*results, expected)), strict=True)
    for i, (first, second, exact) in enumerate(parts):
        what = f"{name}[{i}] of {[getattr(a, 'shape', a) for a in arguments]} {options}"
        assert first.dtype == (np.float32 if exact.dtype == np.float64 else exact.dtype), what
        np.testing.assert_array_equal(first, second, err_msg=f"{what}: not the same in two runs")
        assert_close(first, exact, tolerance, what)
    for a, b in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=f"{name} modified an input")
    return results[0]


def compare_convolutions(rng, N, C, F, size, kernel, layout="contiguous", **options):
    """All three derivatives of the trilinear form."""
    options = {**PLAIN, **options}
    geometry = {key: options[key] for key in ("stride", "padding", "dilation")}
    output = reference.conv_output_size(size, kernel, **geometry)
    x, weight = random(rng, N, C, *size), random(rng, F, C // options["groups"], *kernel)
    x, weight, grad = (lay(layout, a) for a in (x, weight, random(rng, N, F, *output)))
    compare("conv2d", x, weight, **options)
    compare("conv2d_input_grad", grad, weight, size=size, **options)
    compare("conv2d_weight_grad", x, grad, kernel=kernel, **options)


@pytest.mark.parametrize("C", TAILS)
def test_channel_tails(C, rng):
    for F in TAILS if C in (3, 17) else (1, 5, 33):
        compare_convolutions(rng, 2, C, F, (3, 5), (2, 3), padding=(1, 0))


@pytest.mark.parametrize("kernel", [(1, 1), (3, 2), (1, 5)])
def test_widths_up_to_more_than_a_block(kernel, rng):
    for width in [*range(1, 16), 23, 24, 25, 191, 192, 193, 401]:
        compare_convolutions(rng, 1, 3, 5, (3, width + kernel[1] - 1), kernel)


def test_more_rows_than_a_block_and_more_images_than_workers(rng):
    compare_convolutions(rng, 5, 3, 17, (61, 13), (3, 2), padding=(1, 1))
    compare_convolutions(rng, 1, 17, 3, (211, 3), (2, 3), stride=(3, 1))


GEOMETRIES = {
    "one_pixel": {"size": (1, 1), "kernel": (1, 1)},
    "one_pixel_padded": {"size": (1, 1), "kernel": (3, 2), "padding": (1, 1)},
    "kernel_beyond_stride": {"size": (7, 11), "kernel": (5, 3), "stride": (2, 1), "padding": (2, 0)},
    "stride_beyond_kernel": {"size": (11, 7), "kernel": (1, 2), "stride": (3, 5)},
    "one_tap_stride_2": {"size": (7, 5), "kernel": (1, 1), "stride": (2, 2)},
    "one_tap_padded": {"size": (7, 5), "kernel": (1, 1), "stride": (2, 3), "padding": (1, 2)},
    "padding_beyond_kernel": {"size": (3, 2), "kernel": (2, 1), "padding": (4, 3)},
    "dilated": {"size": (11, 7), "kernel": (3, 2), "dilation": (2, 5)},
    "dilation_divides_stride": {
        "size": (13, 11), "kernel": (3, 2), "stride": (4, 3), "dilation": (2, 3), "padding": (1, 2),
    },
    "stride_and_dilation_coprime": {
        "size": (13, 11), "kernel": (3, 4), "stride": (3, 2), "dilation": (2, 3), "padding": (0, 4),
    },
    "groups": {"size": (7, 5), "kernel": (3, 2), "stride": (2, 1), "padding": (1, 0), "groups": 3},
    "depthwise": {"size": (7, 5), "kernel": (2, 3), "padding": (0, 1), "groups": 6},
}  # fmt: skip


@pytest.fixture(params=[0, 10**6], ids=["a copy of the weights for each worker", "one copy for all"])
def copies(request, monkeypatch):
    monkeypatch.setattr(conv, "FEW_PIXELS", request.param)


@pytest.mark.parametrize("name", GEOMETRIES)
@each_layout
def test_geometries_in_every_layout(name, layout, copies, rng):
    compare_convolutions(rng, 2, 6, 12, layout=layout, **GEOMETRIES[name])


@pytest.mark.parametrize("seed", range(8))
def test_random_geometries(seed, copies):
    rng = np.random.default_rng(seed)
    for _ in range(20):
        groups = int(rng.choice([1, 1, 2, 3]))
        kernel, stride, dilation = (tuple(rng.integers(1, high, 2).tolist()) for high in (5, 4, 4))
        padding = tuple(rng.integers(0, 4, 2).tolist())
        least = [max(1, d * (k - 1) + 1 - 2 * p) for d, k, p in zip(dilation, kernel, padding, strict=True)]
        size = tuple(n + int(rng.integers(0, 9)) for n in least)
        N, C, F = int(rng.integers(0, 4)), groups * int(rng.integers(1, 20)), groups * int(rng.integers(1, 40))
        layout = str(rng.choice(["contiguous", *LAYOUTS]))
        options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        compare_convolutions(rng, N, C, F, size, kernel, layout, **options)


def test_input_grad_of_all_sizes_that_a_strided_convolution_maps_to_one(rng):
    grad, weight = random(rng, 2, 5, 3, 2), random(rng, 5, 3, 2, 3)
    for H in (8, 9, 10):
        for W in (5, 6):
            options = {"stride": (3, 2), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
            compare("conv2d_input_grad", grad, weight, size=(H, W), **options)


@pytest.mark.parametrize("channel_stride", ["slice", "broadcast"])
def test_slices_of_channels_and_broadcast_gradients(channel_stride, rng):
    wide = LAYOUTS["channels_last"](random(rng, 2, 11, 7, 5))
    x = wide[:, 3:8] if channel_stride == "slice" else np.broadcast_to(random(rng, 1, 1, 7, 5), (2, 5, 7, 5))
    for F in (1, 4):
        weight = random(rng, F, 5, 3, 2)
        grad = np.broadcast_to(np.float32(1.5), (2, F, 5, 4))
        compare("conv2d", x, weight, **PLAIN)
        compare("conv2d_input_grad", grad, weight, size=(7, 5), **PLAIN)
        compare("conv2d_weight_grad", x, grad, kernel=(3, 2), **PLAIN)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
@pytest.mark.parametrize("padding", [(0, 0), (1, 1)])
def test_a_bad_number_reaches_what_depends_on_it_and_nothing_else(bad, padding, rng):
    options = {**PLAIN, "padding": padding, "stride": (2, 1)}
    x, weight = random(rng, 2, 3, 7, 35), random(rng, 17, 3, 3, 2)
    grad = random(rng, *cpu.conv2d(x, weight, **options).shape)
    bad_x, bad_grad = x.copy(), grad.copy()
    bad_x[1, 2, 3, 20] = bad_grad[0, 5, 1, 7] = bad
    calls = [
        ("conv2d", (bad_x, weight), {}),
        ("conv2d_input_grad", (bad_grad, weight), {"size": (7, 35)}),
        ("conv2d_weight_grad", (bad_x, grad), {"kernel": (3, 2)}),
        ("conv2d_weight_grad", (x, bad_grad), {"kernel": (3, 2)}),
    ]
    for name, arrays, more in calls:
        expected = getattr(reference, name)(*(a.astype(np.float64) for a in arrays), **options, **more)
        actual = getattr(cpu, name)(*arrays, **options, **more)
        assert not np.isfinite(expected).all() and np.isfinite(expected).any()
        np.testing.assert_array_equal(np.isfinite(actual), np.isfinite(expected), err_msg=name)


def test_an_infinite_weight_stays_in_its_output_channel(rng):
    weight = random(rng, 35, 3, 3, 2)
    weight[33, 1, 0, 1] = np.inf
    y = cpu.conv2d(random(rng, 2, 3, 7, 5), weight, **PLAIN)
    np.testing.assert_array_equal(np.isfinite(y).all((0, 2, 3)), np.arange(35) != 33)


@pytest.mark.parametrize("K", [1, 2, 5, 17, 64])
def test_matmul_tails(K, rng):
    for M in (1, 2, 3, 11, 12, 13, 25, 193):
        for N in TAILS:
            compare("matmul", random(rng, M, K), random(rng, K, N))


@each_layout
def test_matmul_layouts(layout, rng):
    compare("matmul", lay(layout, random(rng, 29, 17)), lay(layout, random(rng, 17, 37)))


def test_matmul_of_stacks_and_of_nothing(rng):
    compare("matmul", random(rng, 2, 1, 7, 5), random(rng, 3, 5, 2))
    for shapes in (((0, 5), (5, 3)), ((7, 0), (0, 3)), ((7, 5), (5, 0))):
        compare("matmul", *(random(rng, *shape) for shape in shapes))
    compare("matmul", random(rng, 29, 17), np.broadcast_to(np.float32(2), (17, 1)))


RECTIFIERS = [(False,), (True,), (True, 0.75)]  # none, a floor, and a ceiling besides
IMAGES = [(2, 3, 7, 5), (1, 1, 1, 2), (3, 17, 1, 1), (5, 33, 13, 11), (2, 64, 3, 2), (1, 1, 67, 29)]


@pytest.mark.parametrize("shape", IMAGES, ids=str)
@each_layout
def test_batch_norm(shape, layout, rng):
    x, grad = (lay(layout, random(rng, *shape) * 3 + 1) for _ in range(2))
    weight, bias = random(rng, 2, shape[1])
    mean, var = compare("batch_statistics", x)
    for other in (None, grad):
        for rectifier in RECTIFIERS:
            compare("batch_norm", x, mean, var, weight, bias, 1e-5, other, *rectifier)
    for rectifier in RECTIFIERS:
        compare("batch_norm_grad", grad, x, mean, var, weight, bias, 0.1, *rectifier)


@pytest.mark.parametrize("pixels", [31, 32, 33, 1023, 1025, 16 * 32 + 1, 40 * 32 + 7])
def test_batch_norm_of_lines_that_end_within_a_stretch(pixels, rng):
    x, grad = random(rng, 2, 1, 33, 1, pixels)
    mean, var = compare("batch_statistics", x)
    weight, bias = random(rng, 2, 33)
    compare("batch_norm_grad", grad, x, mean, var, weight, bias, 0.1, True)


def test_batch_norm_lets_nan_and_infinity_through(rng):
    x = random(rng, 2, 3, 7, 5)
    x[0, 1, 2, 3], x[1, 2, 3, 4] = np.nan, np.inf
    for rectifier in RECTIFIERS[:2]:
        y = cpu.batch_norm(x, *np.ones((4, 3), np.float32), 0.1, None, *rectifier)
        np.testing.assert_array_equal(np.isnan(y), np.isnan(x))
        np.testing.assert_array_equal(np.isinf(y), np.isinf(x))


@pytest.mark.parametrize("centre", [0, 1e3])
def test_batch_statistics_far_from_zero(centre, rng):
    x = (rng.standard_normal((4, 5, 31, 37)) + centre).astype(np.float32)
    mean, var = cpu.batch_statistics(x)
    np.testing.assert_allclose(mean, x.astype(np.float64).mean((0, 2, 3)), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(var, x.astype(np.float64).var((0, 2, 3)), rtol=1e-5)


def test_batch_statistics_where_the_first_pixel_lies_far_off(rng):
    """A dark corner, in an image of bright pixels."""
    x = (rng.standard_normal((4, 5, 31, 37)) + 1e3).astype(np.float32)
    x[0, :, 0, 0] = 0
    mean, var = cpu.batch_statistics(x)
    np.testing.assert_allclose(mean, x.astype(np.float64).mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(var, x.astype(np.float64).var((0, 2, 3)), rtol=1e-3)


def test_batch_statistics_notice_nan(rng):
    x = random(rng, 2, 3, 7, 5)
    x[1, 1, 2, 3] = np.nan
    mean, var = cpu.batch_statistics(x)
    np.testing.assert_array_equal(np.isnan(mean), [False, True, False])
    np.testing.assert_array_equal(np.isnan(var), [False, True, False])


def test_empty_batches():
    x, weight = np.ones((0, 3, 7, 5), np.float32), np.ones((2, 3, 3, 2), np.float32)
    y = cpu.conv2d(x, weight, **PLAIN)
    assert y.shape == (0, 2, 5, 4)
    assert cpu.conv2d_input_grad(y, weight, size=(7, 5), **PLAIN).shape == x.shape
    np.testing.assert_array_equal(cpu.conv2d_weight_grad(x, y, kernel=(3, 2), **PLAIN), np.zeros_like(weight))
    assert cpu.relu(x).shape == cpu.add(x, x).shape == cpu.relu_grad(x, x).shape == x.shape




def test_there_is_a_compiled_or_reference_kernel_for_every_name():
    assert set(reference.__all__) - {"Pair", "Taps", "conv_output_size", "taps"} == set(cpu.__all__)
