"""The reference kernels against their formulas, written out as loops over single numbers."""

import itertools
import math

import numpy as np
import pytest

from minipose.kernels import reference

GEOMETRIES = [  # size, kernel, stride, padding, dilation, groups
    ((5, 3), (2, 3), (1, 1), (0, 0), (1, 1), 1),
    ((5, 3), (3, 1), (2, 1), (1, 0), (1, 1), 1),
    ((5, 7), (2, 3), (2, 3), (1, 2), (1, 1), 1),
    ((5, 7), (2, 3), (1, 2), (1, 0), (3, 2), 1),
    ((7, 5), (1, 2), (3, 3), (0, 1), (1, 1), 1),
    ((7, 5), (3, 2), (2, 1), (2, 1), (2, 3), 3),
    ((2, 3), (2, 3), (1, 1), (0, 0), (1, 1), 3),
]
each_geometry = pytest.mark.parametrize(("size", "kernel", "stride", "padding", "dilation", "groups"), GEOMETRIES)


def output_size(size, kernel, stride, padding, dilation):
    return [(size[k] + 2 * padding[k] - dilation[k] * (kernel[k] - 1) - 1) // stride[k] + 1 for k in range(2)]


def terms(size, kernel, stride, padding, dilation, groups, N=2, C=3, F=6):
    """Yield the indices of x, w and g of every term of the trilinear form that does not fall on padding."""
    OH, OW = output_size(size, kernel, stride, padding, dilation)
    per_group_c, per_group_f = C // groups, F // groups
    spans = (N, F, per_group_c, OH, OW, *kernel)
    for n, f, c, i, j, a, b in itertools.product(*map(range, spans)):
        h = i * stride[0] + a * dilation[0] - padding[0]
        w = j * stride[1] + b * dilation[1] - padding[1]
        if 0 <= h < size[0] and 0 <= w < size[1]:
            channel = f // per_group_f * per_group_c + c
            yield (n, channel, h, w), (f, c, a, b), (n, f, i, j)


def operands(rng, size, kernel, stride, padding, dilation, groups):
    OH, OW = output_size(size, kernel, stride, padding, dilation)
    shapes = (2, 3, *size), (6, 3 // groups, *kernel), (2, 6, OH, OW)
    return [rng.standard_normal(shape) for shape in shapes]


@each_geometry
def test_the_three_derivatives_of_the_trilinear_form(size, kernel, stride, padding, dilation, groups, rng):
    x, w, g = operands(rng, size, kernel, stride, padding, dilation, groups)
    by_g, by_x, by_w = np.zeros_like(g), np.zeros_like(x), np.zeros_like(w)
    for ix, iw, ig in terms(size, kernel, stride, padding, dilation, groups):
        by_g[ig] += w[iw] * x[ix]
        by_x[ix] += w[iw] * g[ig]
        by_w[iw] += x[ix] * g[ig]
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    np.testing.assert_allclose(reference.conv2d(x, w, **options), by_g, atol=1e-12)
    np.testing.assert_allclose(reference.conv2d_input_grad(g, w, size=size, **options), by_x, atol=1e-12)
    np.testing.assert_allclose(reference.conv2d_weight_grad(x, g, kernel=kernel, **options), by_w, atol=1e-12)
    assert reference.conv_output_size(size, kernel, stride, padding, dilation) == g.shape[2:]


def test_input_grad_of_a_size_that_no_tap_reaches(rng):
    """Stride 3, kernel 1: with 6 rows, the last two are reached by nothing and must be zero."""
    g, w = rng.standard_normal((1, 1, 2, 2)), rng.standard_normal((1, 1, 1, 1))
    x = reference.conv2d_input_grad(g, w, (6, 5), (3, 3), (0, 0), (1, 1), 1)
    expected = np.zeros((1, 1, 6, 5))
    expected[:, :, ::3, ::3] = g * w
    np.testing.assert_allclose(x, expected)


def test_matmul(rng):
    a, b = rng.standard_normal((3, 5)), rng.standard_normal((5, 2))
    expected = [[sum(a[i, k] * b[k, j] for k in range(5)) for j in range(2)] for i in range(3)]
    np.testing.assert_allclose(reference.matmul(a, b), expected, atol=1e-14)


def test_batch_statistics(rng):
    x = rng.standard_normal((2, 3, 5, 7))
    mean, var = reference.batch_statistics(x)
    for c in range(3):
        values = [x[n, c, h, w] for n in range(2) for h in range(5) for w in range(7)]
        m = math.fsum(values) / 70
        assert mean[c] == pytest.approx(m, abs=1e-14)
        assert var[c] == pytest.approx(math.fsum((v - m) ** 2 for v in values) / 70, abs=1e-14)


def test_batch_norm_and_its_gradient(rng):
    x, upstream = rng.standard_normal((2, 2, 3, 2, 5))  # each N=2 C=3 H=2 W=5
    weight, bias, eps = np.array([0.5, -2.0, 3.0]), np.array([1.0, 2.0, -4.0]), 0.1

    def forward(x, weight, bias):
        y = np.empty_like(x)
        for c in range(3):
            m, v = x[:, c].mean(), x[:, c].var()
            y[:, c] = (x[:, c] - m) / math.sqrt(v + eps) * weight[c] + bias[c]
        return y

    mean, var = reference.batch_statistics(x)
    y = reference.batch_norm(x, mean, var, weight, bias, eps)
    np.testing.assert_allclose(y, forward(x, weight, bias), atol=1e-12)
    grads = reference.batch_norm_grad(upstream, x, mean, var, weight, bias, eps)
    for position, (array, grad) in enumerate(zip((x, weight, bias), grads, strict=True)):
        for index in np.ndindex(array.shape):
            ends = []
            for step in (1e-6, -1e-6):
                moved = [a.copy() for a in (x, weight, bias)]
                moved[position][index] += step
                ends.append((forward(*moved) * upstream).sum())
            assert grad[index] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-7)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation", "size"),
    [
        ((2, 3), (2, 3), (0, 0), (1, 1), (3, 1)),
        ((3, 2), (2, 1), (1, 1), (1, 1), (4, 6)),
        ((2, 2), (1, 2), (1, 0), (3, 2), (6, 2)),
        ((3, 2), (3, 2), (0, 0), (1, 1), (3, 3)),  # the last windows hang over the edge, as in ceil_mode
    ],
)
def test_max_pool2d(kernel, stride, padding, dilation, size, rng):
    x = rng.integers(0, 9, (2, 3, 7, 5)).astype(float)  # many ties
    y, places = reference.max_pool2d(x, kernel, stride, padding, dilation, size)
    upstream = rng.standard_normal((2, 3, *size))
    back = np.zeros_like(x)
    for n, c, i, j in np.ndindex(2, 3, *size):
        best, place = -math.inf, None
        for a, b in np.ndindex(kernel):
            h, w = i * stride[0] + a * dilation[0] - padding[0], j * stride[1] + b * dilation[1] - padding[1]
            if 0 <= h < 7 and 0 <= w < 5 and x[n, c, h, w] > best:
                best, place = x[n, c, h, w], (h, w)
        assert y[n, c, i, j] == best and places[n, c, i, j] == place[0] * 5 + place[1]
        back[(n, c, *place)] += upstream[n, c, i, j]
    grad = reference.max_pool2d_grad(upstream, places, (7, 5), kernel, stride, padding, dilation)
    np.testing.assert_allclose(grad, back, atol=1e-14)
    np.testing.assert_array_equal(reference.take_pixels(x, places), y)


def test_pointwise():
    x, y = np.array([-2.0, 0.0, 3.0, np.nan]), np.array([5.0, -7.0, 11.0, 13.0])
    np.testing.assert_array_equal(reference.add(x, y), [3, -7, 14, np.nan])
    np.testing.assert_array_equal(reference.relu(x), [0, 0, 3, np.nan])
    np.testing.assert_array_equal(reference.relu_grad(y[:3], reference.relu(x[:3])), [0, 0, 11])
    stopped = reference.relu_grad(np.array([np.inf, np.nan, 2.0]), np.array([0.0, 0, 1]))
    np.testing.assert_array_equal(stopped, [0, 0, 2])


def test_adam_step(rng):
    """Two steps by hand, Kingma & Ba 2015, algorithm 1."""
    lr, beta1, beta2, eps, decay = 0.1, 0.7, 0.8, 1e-3, 0.05
    start, grads = rng.standard_normal(3), rng.standard_normal((2, 3))
    parameter, first, second = start.copy(), np.zeros(3), np.zeros(3)
    expected, m, v = start.copy(), np.zeros(3), np.zeros(3)
    for step, grad in enumerate(grads, 1):
        reference.adam_step([parameter], [grad], [first], [second], lr, beta1, beta2, eps, decay, [step])
        g = grad + decay * expected
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        expected = expected - lr * (m / (1 - beta1**step)) / (np.sqrt(v / (1 - beta2**step)) + eps)
        np.testing.assert_allclose(parameter, expected, rtol=1e-12)
    np.testing.assert_allclose(first, m, rtol=1e-12)
    np.testing.assert_allclose(second, v, rtol=1e-12)


ROWS = np.array([0, 0, 2, 3, 1]), np.array([1, 0, 3, 3, 2]), np.array([0.2, 0.7, 0.0, 0.5, 0.9])  # 4 to 5 pixels
COLUMNS = np.array([4, 0, 2]), None, None  # 5 to 3


@pytest.mark.parametrize(("rows", "columns"), [(ROWS, COLUMNS), (COLUMNS, ROWS), (ROWS, ROWS), (COLUMNS, COLUMNS)])
def test_resize_and_its_adjoint(rows, columns, rng):
    x = rng.standard_normal((2, 3, 5, 6))
    shape = (2, 3, len(rows[0]), len(columns[0]))
    upstream = rng.standard_normal(shape)
    expected, back = np.zeros(shape), np.zeros_like(x)

    def parts(taps, i):
        low, high, fraction = taps
        return [(low[i], 1.0)] if fraction is None else [(low[i], 1 - fraction[i]), (high[i], fraction[i])]

    for n, c, i, j in np.ndindex(shape):
        for h, share_h in parts(rows, i):
            for w, share_w in parts(columns, j):
                expected[n, c, i, j] += share_h * share_w * x[n, c, h, w]
                back[n, c, h, w] += share_h * share_w * upstream[n, c, i, j]
    np.testing.assert_allclose(reference.resize(x, rows, columns), expected, atol=1e-14)
    np.testing.assert_allclose(reference.resize_grad(upstream, rows, columns, (5, 6)), back, atol=1e-13)
