"""The losses of the codecs on the device: the same numbers as on the CPU, and nothing that has to be waited for."""

import numpy as np
import pytest

from minipose import Tensor
from minipose.pose import AffinityCodec, HeatmapCodec, IntegralCodec, RegressionCodec, SimCCCodec
from minipose.train.losses import heatmap_loss, loss_of

CODECS = [HeatmapCodec((12, 16)), IntegralCodec((12, 16)), SimCCCodec((12, 16)), RegressionCodec((12, 16))]


def on_both(codec, targets, weights, shape, no_waiting, rng):
    """Compare the loss of random outputs and their gradient with those of the CPU; return the gradient."""
    values = [rng.standard_normal(shape), targets, weights]
    arrays = [value.astype(np.float64) for value in values]
    results = []
    for device in ("cpu", "cuda"):
        outputs, *others = [Tensor(a).to(device) for a in arrays]
        outputs.requires_grad_()
        if device == "cuda":
            with no_waiting():
                loss = loss_of(codec)(outputs, *others)
                loss.backward()
        else:
            loss = loss_of(codec)(outputs, *others)
            loss.backward()
        results.append((loss.item(), outputs.grad.cpu().data))
    assert results[1][0] == pytest.approx(results[0][0], rel=1e-12)
    np.testing.assert_allclose(results[1][1], results[0][1], rtol=1e-9, atol=1e-12)
    return results[1][1]


@pytest.mark.parametrize("codec", CODECS, ids=lambda c: type(c).__name__)
def test_values_and_gradients_are_those_of_the_cpu(codec, device_module, no_waiting, rng):
    targets, weights = codec.encode(rng.uniform(0, 11, (2, 3, 2)), [[2, 0, 1], [1, 2, 2]])
    gradient = on_both(codec, targets, weights, (2, *codec.output_shape(3)), no_waiting, rng)
    assert not gradient[0, 1].any() and gradient[0, 0].any()


def test_so_are_those_of_several_people(device_module, no_waiting, rng):
    codec = AffinityCodec((12, 16))
    visible = [np.full((2, 16), 2), np.full((1, 16), 2)]
    visible[0][1, 3] = 0
    targets, weights = codec.encode([rng.uniform(0, 11, (2, 16, 2)), rng.uniform(0, 11, (1, 16, 2))], visible)
    gradient = on_both(codec, targets, weights, targets.shape, no_waiting, rng)
    assert not gradient[0, 3].any() and gradient[1, 3].any()


def test_weights_on_another_device_are_refused(fake):
    maps = Tensor(np.ones((2, 3, 4, 5)))
    with pytest.raises(ValueError, match="^heatmap_loss: weights are on 'cuda' but targets on 'cpu'"):
        heatmap_loss(maps, maps, Tensor(np.ones((2, 3))).to("cuda"))
