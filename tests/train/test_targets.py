import numpy as np
import pytest

import minipose
from minipose import models
from minipose.data import StickFigures
from minipose.train import heatmap_loss, targets_of


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
