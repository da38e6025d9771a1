import numpy as np
import pytest

import minipose
from minipose import models
from minipose.data import StickFigures
from minipose.train import heatmap_loss, targets_of, weights_of


def test_the_loss_sums_the_stacks(rng):
    minipose.manual_seed(0)
    model = models.Hourglass(width=4, depth=2, stacks=3)
    images = minipose.tensor(rng.standard_normal((2, 3, 8, 12)).astype(np.float32))
    targets = rng.random((2, 16, 4, 6)).astype(np.float32)
    expected = sum(((maps.data - targets) ** 2).mean() for maps in model.forward_stacks(images))
    assert heatmap_loss(model, images, minipose.tensor(targets)).item() == pytest.approx(expected, rel=1e-5)


def test_targets_are_where_the_joints_are():
    batch = StickFigures("plain", "train", 48, 3).batch([0, 1, 2])
    maps = targets_of(batch, 2)
    assert maps.shape == (3, 16, 24, 24)
    row, column = np.unravel_index(maps[1, 4].argmax(), (24, 24))
    x, y = batch.points[1, 4]
    assert abs(2 * column + 0.5 - x) <= 1 and abs(2 * row + 0.5 - y) <= 1


def test_a_joint_without_weight_has_no_share_in_the_loss_nor_in_a_gradient(rng):
    minipose.manual_seed(0)
    model = models.Hourglass(width=4, depth=2, stacks=2)
    images = minipose.tensor(rng.standard_normal((2, 3, 8, 12)).astype(np.float32))
    targets = rng.random((2, 16, 4, 6)).astype(np.float32)
    weights = np.ones((2, 16), np.float32)
    plain = heatmap_loss(model, images, minipose.tensor(targets)).item()
    assert heatmap_loss(model, images, minipose.tensor(targets), minipose.tensor(weights)).item() == plain
    weights[:, 5] = weights[0, 7] = 0
    maps = [m.data for m in model.forward_stacks(images)]
    expected = sum(((m - targets) ** 2 * weights[..., None, None]).mean() for m in maps)
    for hidden in (0.0, 1e3):
        targets[:, 5] = targets[0, 7] = hidden
        loss = heatmap_loss(model, images, minipose.tensor(targets), minipose.tensor(weights))
        assert loss.item() == pytest.approx(expected, rel=1e-5)
    model.zero_grad()
    loss.backward()
    for head in model.heads[1:]:
        assert not head.weight.grad.data[5].any() and head.weight.grad.data[7].any()


def test_only_unlabelled_joints_are_left_out():
    batch = StickFigures("plain", "train", 48, 2).batch([0, 1])
    batch.visible[:] = 2
    batch.visible[0, 3], batch.visible[1, 8] = 0, 1
    weights = weights_of(batch)
    assert weights.dtype == np.float32 and weights.sum() == 31 and weights[0, 3] == 0
