import math

import numpy as np
import pytest

from minipose import Tensor, gradcheck, gradgradcheck, nn
from minipose.nn import SoftArgmax2d, js_divergence2d, soft_argmax2d
from minipose.pose import decode_soft_argmax
from tests.oracle import Case, check_layout, each_dtype, each_layout

SHAPE = (2, 3, 5, 7)


@pytest.mark.parametrize("beta", [1.0, 2.5])
def test_gradients_to_second_order(rng, beta):
    maps = Tensor(rng.standard_normal((2, 3, 3, 4)), requires_grad=True)
    assert gradcheck(lambda x: soft_argmax2d(x, beta), maps, generator=rng)
    assert gradgradcheck(lambda x: soft_argmax2d(x, beta), maps, generator=rng)


def test_gradients_of_the_divergence_to_second_order(rng):
    maps = Tensor(rng.standard_normal((2, 2, 3, 4)), requires_grad=True)
    centres = Tensor(rng.uniform(0, 3, (2, 2, 2)), requires_grad=True)
    assert gradcheck(lambda x, c: js_divergence2d(x, c, 1.3, 0.7), [maps, centres], generator=rng)
    assert gradgradcheck(lambda x, c: js_divergence2d(x, c, 1.3, 0.7), [maps, centres], generator=rng)


def torchs_soft_argmax(torch, maps, beta):
    N, J, h, w = maps.shape
    p = torch.softmax((maps * beta).flatten(2), -1).reshape(N, J, h, w)
    x, y = torch.arange(w, dtype=maps.dtype), torch.arange(h, dtype=maps.dtype)
    return torch.stack([(p.sum(2) * x).sum(-1), (p.sum(3) * y).sum(-1)], -1)


def torchs_divergence(torch, maps, centres, sigma):
    N, J, h, w = maps.shape
    p = torch.softmax(maps.flatten(2), -1)
    x, y = torch.arange(w, dtype=maps.dtype), torch.arange(h, dtype=maps.dtype)
    squares = (y[:, None] - centres[..., 1, None, None]) ** 2 + (x - centres[..., 0, None, None]) ** 2
    q = torch.softmax(-squares.flatten(2) / (2 * sigma**2), -1)
    kl = torch.nn.functional.kl_div
    m = ((p + q) / 2).log()
    return (kl(m, p, reduction="none").sum(-1) + kl(m, q, reduction="none").sum(-1)) / 2


@each_dtype
def test_values_and_gradients_are_torchs(rng, torch, dtype):
    maps, centres = rng.standard_normal(SHAPE) * 2, rng.uniform(0, 4, (2, 3, 2))
    cases = (
        (lambda x, c: soft_argmax2d(x, 1.7), lambda x, c: torchs_soft_argmax(torch, x, 1.7)),
        (lambda x, c: js_divergence2d(x, c, 1.3), lambda x, c: torchs_divergence(torch, x, c, 1.3)),
    )
    for ours, theirs in cases:
        x = Tensor(maps.astype(dtype), requires_grad=True)
        y = torch.tensor(maps.astype(dtype).astype("float64"), requires_grad=True)
        result, expected = ours(x, Tensor(centres.astype(dtype))), theirs(y, torch.tensor(centres))
        upstream = rng.standard_normal(result.shape)
        result.backward(Tensor(upstream.astype(dtype)))
        expected.backward(torch.tensor(upstream))
        tolerance = 1e-12 if dtype == "float64" else 1e-5
        np.testing.assert_allclose(result.data, expected.detach().numpy(), atol=tolerance)
        np.testing.assert_allclose(x.grad.data, y.grad.numpy(), atol=tolerance)
        assert np.abs(x.grad.data).max() > 0.01 and result.dtype == dtype


@each_layout
def test_any_memory_layout(rng, layout):
    check_layout(Case("soft_argmax2d", lambda F, x: soft_argmax2d(x), [SHAPE]), rng, layout, "float32")


def test_it_is_what_the_codec_decodes(rng):
    maps = rng.standard_normal(SHAPE).astype(np.float32) * 3
    cells = SoftArgmax2d(beta=2.0)(Tensor(maps)).data
    np.testing.assert_allclose(4 * cells + 1.5, decode_soft_argmax(maps, 4, beta=2.0)[0], rtol=1e-5)


def test_x_is_the_column_and_y_the_row():
    maps = np.full(SHAPE, -50.0, np.float32)
    maps[:, :, 1, 4] = 50
    np.testing.assert_allclose(soft_argmax2d(Tensor(maps)).data, np.broadcast_to([4.0, 1.0], (2, 3, 2)))


def test_the_divergence_goes_from_zero_to_log_two():
    centres = np.array([[[2.3, 3.1]]])
    rows, columns = np.mgrid[:7, :6]
    log_gaussian = -((columns - 2.3) ** 2 + (rows - 3.1) ** 2) / (2 * 1.5**2)
    same = js_divergence2d(Tensor(log_gaussian[None, None]), Tensor(centres), sigma=1.5)
    assert same.item() == pytest.approx(0, abs=1e-12)
    for dtype in ("float32", "float64"):
        corner = np.zeros((1, 1, 40, 40), dtype)
        corner[0, 0, 0, 0] = 3e4
        x = Tensor(corner, requires_grad=True)
        apart = js_divergence2d(x, Tensor(np.array([[[39, 39]]], dtype)), sigma=0.5)
        apart.backward()
        assert apart.item() == pytest.approx(math.log(2), abs=1e-6)
        assert np.isfinite(x.grad.data).all()


@pytest.mark.parametrize("shape", [(3, 5, 7), (1, 2, 3, 5, 7), (2, 3, 0, 7), (35,)])
def test_only_four_axes_and_some_cell(shape):
    with pytest.raises(ValueError, match="^soft_argmax2d: input must have four axes N J h w"):
        soft_argmax2d(Tensor(np.zeros(shape, np.float32)))


def test_centres_must_fit():
    maps = Tensor(np.zeros(SHAPE))
    with pytest.raises(ValueError, match=r"^js_divergence2d: centres must have shape \(N, J, 2\) = \(2, 3, 2\)"):
        js_divergence2d(maps, Tensor(np.zeros((2, 2, 3))))
    with pytest.raises(TypeError, match="^js_divergence2d: centres is float32 but input float64"):
        js_divergence2d(maps, Tensor(np.zeros((2, 3, 2), np.float32)))
    with pytest.raises(ValueError, match="^js_divergence2d: sigma must be a number"):
        js_divergence2d(maps, Tensor(np.zeros((2, 3, 2))), sigma=0.0)


@pytest.mark.parametrize("beta", [0, -1.0, float("nan"), "1"])
def test_beta_must_be_positive(beta):
    with pytest.raises((ValueError, TypeError), match="^SoftArgmax2d: beta must be a number"):
        nn.SoftArgmax2d(beta)
    assert repr(nn.SoftArgmax2d(3.0)) == "SoftArgmax2d(beta=3.0)"
