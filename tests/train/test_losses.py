import numpy as np
import pytest

from minipose import Tensor, gradcheck, no_grad
from minipose.nn import Parameter
from minipose.ops import mse_loss
from minipose.optim import Adam
from minipose.pose import HeatmapCodec, IntegralCodec, RegressionCodec, SimCCCodec
from minipose.train.losses import heatmap_loss, integral_loss, loss_of, regression_loss, simcc_loss

SIZE = (24, 32)
CODECS = [HeatmapCodec(SIZE, 4), IntegralCodec(SIZE, 2, beta=0.7), SimCCCodec(SIZE, sigma=3.0), RegressionCodec(SIZE)]
each_codec = pytest.mark.parametrize("codec", CODECS, ids=lambda c: type(c).__name__)
N, J = 2, 3


def example(codec, rng, dtype="float64"):
    """Return the points, random outputs that want a gradient, targets, and weights of 1."""
    points = rng.uniform(5, (SIZE[1] - 6, SIZE[0] - 6), (N, J, 2))
    targets, weights = codec.encode(points, np.full((N, J), 2))
    outputs = Tensor(rng.standard_normal((N, *codec.output_shape(J))).astype(dtype), requires_grad=True)
    return points, outputs, Tensor(targets.astype(dtype)), Tensor(weights.astype(dtype))


def gradient(loss, outputs, *others):
    outputs.grad = None
    loss(outputs, *others).backward()
    return outputs.grad.data.copy()


def torch_loss(torch, codec, outputs, targets, weights):
    """The same formulas, joint by joint, in PyTorch."""
    F, log_softmax = torch.nn.functional, torch.log_softmax
    if isinstance(codec, HeatmapCodec):
        each = ((outputs - targets) ** 2).mean((2, 3))
    elif isinstance(codec, RegressionCodec):
        each = (outputs - targets).abs().mean(2)
    elif isinstance(codec, SimCCCodec):
        each = sum(
            F.kl_div(log_softmax(o, -1), t, reduction="none").sum(-1)
            for o, t in zip(outputs.split(codec.x_bins, -1), targets.split(codec.x_bins, -1), strict=True)
        )
    else:
        h, w = codec.map_size
        p = torch.softmax((outputs * codec.beta).flatten(2), -1).reshape(N, J, h, w)
        x, y = torch.arange(w, dtype=p.dtype), torch.arange(h, dtype=p.dtype)
        mean = torch.stack([(p.sum(2) * x).sum(-1), (p.sum(3) * y).sum(-1)], -1)
        squares = (y[:, None] - targets[..., 1, None, None]) ** 2 + (x - targets[..., 0, None, None]) ** 2
        q = torch.softmax(-squares.flatten(2) / (2 * codec.sigma**2), -1).reshape(p.shape)
        m = (p + q) / 2
        divergence = ((p * (p / m).log()).sum((2, 3)) + (q * (q / m).log()).sum((2, 3))) / 2
        each = ((mean - targets) * 2 / torch.tensor([w, h])).norm(dim=-1) + divergence
    return (each * weights).mean()


@each_codec
@pytest.mark.parametrize("kind", ["ones", "some"])
def test_values_and_gradients_are_those_of_the_formula(codec, kind, rng, torch):
    _, outputs, targets, weights = example(codec, rng)
    if kind == "some":
        weights = Tensor(rng.choice([0.0, 0.5, 1.0], (N, J)) + np.eye(N, J))
    theirs = torch.tensor(outputs.data, requires_grad=True)
    expected = torch_loss(torch, codec, theirs, torch.tensor(targets.data), torch.tensor(weights.data))
    (expected * 1.7).backward()
    loss = loss_of(codec)(outputs, targets, weights)
    (loss * 1.7).backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-9)
    assert np.abs(outputs.grad.data).max() > 1e-5
    np.testing.assert_allclose(outputs.grad.data, theirs.grad.numpy(), rtol=1e-9, atol=1e-9)


@each_codec
def test_gradients_agree_with_differences(codec, rng):
    _, outputs, targets, _ = example(codec, rng)
    weights = Tensor(rng.uniform(0.2, 1, (N, J)))
    assert gradcheck(lambda x: loss_of(codec)(x, targets, weights), outputs, generator=rng)


@each_codec
def test_a_dropped_joint_has_no_gradient_and_the_others_keep_theirs_to_the_bit(codec, rng):
    _, outputs, targets, weights = example(codec, rng, "float32")
    whole = gradient(loss_of(codec), outputs, targets, weights)
    assert np.abs(whole[1, 2]).max() > 0
    weights.data[1, 2] = 0
    dropped = gradient(loss_of(codec), outputs, targets, weights)
    assert not dropped[1, 2].any()
    whole[1, 2] = 0
    np.testing.assert_array_equal(dropped, whole)


@each_codec
def test_an_ideal_network_has_no_loss_and_training_leads_to_it(codec, rng):
    points, outputs, targets, weights = example(codec, rng, "float32")
    loss = loss_of(codec)
    with no_grad():
        assert loss(Tensor(codec.ideal_outputs(points)), targets, weights).item() == pytest.approx(0, abs=0.02)
    parameter = Parameter(0 * outputs.data)
    optimizer = Adam([parameter], lr=0.05)
    for _ in range(150):
        optimizer.zero_grad()
        loss(parameter, targets, weights).backward()
        optimizer.step()
    decoded, _ = codec.decode(parameter.data)
    assert np.linalg.norm(decoded - points, axis=-1).max() < 1


@each_codec
def test_stacks_are_added(codec, rng):
    _, outputs, targets, weights = example(codec, rng)
    loss = loss_of(codec)
    other = Tensor(outputs.data[::-1].copy(), requires_grad=True)
    together = loss([outputs, other], targets, weights)
    apart = loss(outputs, targets, weights) + loss(other, targets, weights)
    assert together.item() == apart.item()
    together.backward()
    assert outputs.grad is not None and other.grad is not None


def test_weights_of_one_cost_nothing(rng):
    _, outputs, targets, weights = example(CODECS[0], rng, "float32")
    plain = mse_loss(outputs, targets)
    for given in (None, weights):
        loss = heatmap_loss(outputs, targets, given)
        assert type(loss.grad_fn) is type(plain.grad_fn) and loss.item() == plain.item()
        expected = gradient(mse_loss, outputs, targets)
        np.testing.assert_array_equal(gradient(heatmap_loss, outputs, targets, given), expected)


def test_without_the_divergence_only_the_mean_counts(rng):
    codec = CODECS[1]
    points, outputs, targets, weights = example(codec, rng)
    two = np.full((N, J, *codec.map_size), -30.0)
    two[:, :, 2, 1] = two[:, :, 2, 5] = 30  # two peaks, and the mean in between
    between = Tensor(np.broadcast_to([3.0, 2.0], (N, J, 2)).copy())
    assert integral_loss(Tensor(two), between, weights, regularization=0).item() == pytest.approx(0, abs=1e-9)
    assert integral_loss(Tensor(two), between, weights).item() > 0.3


def test_a_small_error_is_squared_below_beta():
    outputs, targets = Tensor(np.full((1, 1, 2), 0.5)), Tensor(np.array([[[0.48, 0.9]]]))
    assert regression_loss(outputs, targets).item() == pytest.approx((0.02 + 0.4) / 2)
    assert regression_loss(outputs, targets, beta=0.1).item() == pytest.approx((0.02**2 / 0.2 + 0.4 - 0.05) / 2)


@each_codec
def test_wrong_shapes_are_refused_by_name(codec, rng):
    _, outputs, targets, weights = example(codec, rng)
    loss, axes = loss_of(codec), r"\(N, J"
    name = f"^{getattr(loss, 'func', loss).__name__}: "
    with pytest.raises(ValueError, match=rf"{name}outputs must have shape {axes}"):
        loss(outputs[0], targets, weights)
    with pytest.raises(ValueError, match=rf"{name}targets must have shape {axes}"):
        loss(outputs, targets[:1], weights)
    with pytest.raises(ValueError, match=rf"{name}weights must have shape {axes}\) = \(2, 3\), got \(3, 2\)"):
        loss(outputs, targets, Tensor(weights.data.T.copy()))
    with pytest.raises(TypeError, match=f"{name}targets are float32 but outputs float64"):
        loss(outputs, targets.to("float32"), weights)
    with pytest.raises(ValueError, match=f"{name}outputs are an empty list"):
        loss([], targets, weights)
    for bad in (-1.0, np.nan):
        with pytest.raises(ValueError, match=f"{name}weights must be 0 or more"):
            loss(outputs, targets, weights * bad)


def test_transposed_maps_are_refused(rng):
    _, outputs, targets, weights = example(CODECS[0], rng)
    with pytest.raises(ValueError, match=r"targets must have shape \(N, J, h, w\) = \(2, 3, 6, 8\)"):
        heatmap_loss(outputs, targets.permute(0, 1, 3, 2), weights)


@pytest.mark.parametrize("x_bins", [0, 112, -3])
def test_both_parts_must_have_bins(x_bins, rng):
    _, outputs, targets, weights = example(CODECS[2], rng)
    with pytest.raises(ValueError, match="^simcc_loss: x_bins must be from 1 to 111"):
        simcc_loss(outputs, targets, weights, x_bins=x_bins)


def test_only_a_codec_has_a_loss():
    with pytest.raises(TypeError, match="^loss_of: codec must be one of minipose.pose's, not 'heatmap'"):
        loss_of("heatmap")
