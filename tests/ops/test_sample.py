import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests.oracle import Case

SHAPE, GRID = (2, 3, 7, 5), (2, 3, 4, 2)


def sampling(name, torch_twice=True, **options):
    """The grid reaches beyond the image, so that the padding counts."""
    return Case(
        name, lambda F, x, g: F.grid_sample(x, g * 0.8, **options), [SHAPE, GRID], torch_twice=torch_twice
    )


CASES = [
    sampling("bilinear", align_corners=False),
    sampling("bilinear_corners", align_corners=True),
    sampling("border", padding_mode="border", align_corners=False),
    sampling("border_corners", padding_mode="border", align_corners=True),
    sampling("reflection", padding_mode="reflection", align_corners=False),
    sampling("reflection_corners", padding_mode="reflection", align_corners=True),
    Case("nearest", lambda F, x, g: F.grid_sample(x, g * 0.8, "nearest", align_corners=False) + g[:, :1, :, :1] * 2,
         [SHAPE, (2, 3, 3, 2)]),
    Case("affine_grid", lambda F, t: F.affine_grid(t, (2, 3, 5, 7), align_corners=False), [(2, 2, 3)]),
    Case("affine_grid_corners", lambda F, t: F.affine_grid(t, [2, 3, 5, 7], align_corners=True), [(2, 2, 3)]),
    Case("both", lambda F, x, t: F.grid_sample(x, F.affine_grid(t * 0.4, (2, 3, 3, 4), align_corners=False),
                                               align_corners=False), [SHAPE, (2, 2, 3)]),
    Case("pixel_shuffle", lambda F, x: F.pixel_shuffle(x, 2), [(2, 12, 3, 5)]),
    Case("pixel_shuffle_single", lambda F, x: F.pixel_shuffle(x, 3), [(18, 3, 2)]),
    Case("pixel_unshuffle", lambda F, x: F.pixel_unshuffle(x, 2), [(2, 3, 6, 10)]),
]  # fmt: skip
LINEAR = [case for case in CASES if case.name not in ("affine_grid", "affine_grid_corners")]


def test_the_identity_reads_the_image(rng):
    x = Tensor(rng.standard_normal(SHAPE))
    theta = Tensor(np.tile([[1.0, 0, 0], [0, 1, 0]], (2, 1, 1)))
    for corners in (True, False):
        grid = ops.affine_grid(theta, SHAPE, corners)
        np.testing.assert_allclose(ops.grid_sample(x, grid, align_corners=corners).data, x.data, rtol=1e-12, atol=1e-13)
        np.testing.assert_array_equal(ops.grid_sample(x, grid, "nearest", align_corners=corners).data, x.data)


def test_x_comes_first():
    x = Tensor(np.arange(6.0).reshape(1, 1, 2, 3))
    right = Tensor(np.array([[[[1.0, -1.0]]]]))  # the right end of the first row
    assert ops.grid_sample(x, right, align_corners=True).item() == 2


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_far_away_and_on_the_pixels(mode, padding_mode, align_corners, dtype, rng, torch):
    x = rng.standard_normal((1, 2, 5, 4)).astype(dtype)
    line = np.array([-7.3, -3, -1.6, -1.2, -1, -0.75, -0.5, 0, 0.1, 0.4, 0.75, 1, 1.3, 2, 5.9], dtype)
    grid = np.stack(np.meshgrid(line, line[::-1]), -1)[None]
    options = {"mode": mode, "padding_mode": padding_mode, "align_corners": align_corners}
    expected = torch.nn.functional.grid_sample(torch.tensor(x), torch.tensor(grid), **options).numpy()
    actual = ops.grid_sample(Tensor(x), Tensor(grid), **options).data
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    if mode == "nearest" and dtype == "float32":  # rounding decides between two pixels at their edge
        assert np.mean(np.abs(actual - expected) > tolerance) < 0.02
    else:
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


X, G, T = minipose.ones(2, 3, 7, 5), minipose.ones(2, 3, 4, 2), minipose.ones(2, 2, 3)
ERRORS = [
    (lambda: ops.grid_sample(X, G, "cubic"), ValueError, "grid_sample: mode must be one of"),
    (lambda: ops.grid_sample(X, G, padding_mode="wrap"), ValueError, "grid_sample: padding_mode must be one of"),
    (lambda: ops.grid_sample(X, G, align_corners=1), TypeError, "grid_sample: align_corners"),
    (lambda: ops.grid_sample(X, G[:1]), ValueError, r"grid_sample: .*\(2, 3, 7, 5\) and \(1, 3, 4, 2\)"),
    (lambda: ops.grid_sample(X[0], G), ValueError, r"grid_sample: .*\(3, 7, 5\)"),
    (lambda: ops.grid_sample(X, G[..., :1]), ValueError, "grid_sample: "),
    (lambda: ops.grid_sample(X, G.to("float64")), TypeError, "grid_sample: input is float32 but grid float64"),
    (lambda: ops.grid_sample(X, None), TypeError, "grid_sample: grid must be a Tensor"),
    (lambda: ops.grid_sample(X[:, :, :0], G), ValueError, "grid_sample: input has no pixels"),
    (lambda: ops.affine_grid(T, (2, 3, 7)), ValueError, "affine_grid: size must be four positive integers"),
    (lambda: ops.affine_grid(T, (1, 3, 7, 5)), ValueError, r"affine_grid: theta must have shape \(N, 2, 3\)"),
    (lambda: ops.affine_grid(T, (2, 3, 10**9, 10**9)), ValueError, "affine_grid: .*too large"),
    (lambda: ops.affine_grid(T.to("int64"), (2, 3, 7, 5)), TypeError, "affine_grid: theta must hold floating-point"),
    (lambda: ops.pixel_shuffle(X, 2), ValueError, "pixel_shuffle: upscale_factor=2 needs a multiple of 4 channels"),
    (lambda: ops.pixel_shuffle(X, 0), ValueError, "pixel_shuffle: upscale_factor must be a positive integer"),
    (lambda: ops.pixel_shuffle(X[0, 0], 2), ValueError, "pixel_shuffle: input must be"),
    (lambda: ops.pixel_unshuffle(X, 2), ValueError, "pixel_unshuffle: downscale_factor=2 must divide"),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:50] for _, _, text in ERRORS])
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
