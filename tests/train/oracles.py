"""Networks and data sets whose answers are known, to plant mistakes in."""

from dataclasses import replace

import numpy as np

from minipose import nn, pose
from minipose.data import Dataset, StickFigures
from minipose.tensor import Tensor
from minipose.train import predict

SIZE, STRIDE = 48, 2


class Oracle(nn.Module):
    """Answers with perfect heatmaps of the points given, in the order in which the images come."""

    output_stride = STRIDE

    def __init__(self, points, change=lambda maps: maps):
        super().__init__()
        self.anchor = nn.Parameter(np.zeros(1, np.float32))  # so that the model has a device
        self.points, self.change, self.next = np.asarray(points), change, 0

    def forward(self, images):
        count, _, height, width = images.shape
        assert not self.training
        points = self.points[self.next : self.next + count]
        self.next += count
        maps = pose.encode_heatmaps(points, (height // STRIDE, width // STRIDE), STRIDE)
        return Tensor(np.ascontiguousarray(self.change(maps)))


class Changed(Dataset):
    """A data set after a mistake: `change` makes a batch of a batch."""

    def __init__(self, dataset, change):
        self.dataset, self.change = dataset, change

    def __len__(self):
        return len(self.dataset)

    def batch(self, indices):
        """Return the changed samples."""
        batch = self.dataset.batch(indices)
        return replace(batch, **self.change(batch))


class Codec(pose.HeatmapCodec):
    """Of these images; a test plants its mistake in a subclass."""

    def __init__(self):
        super().__init__((SIZE, SIZE), STRIDE)


def figures(set="circles", split="test", count=128, seed=0):
    return StickFigures(set, split, SIZE, count, seed)


def truth(dataset):
    return dataset.batch(np.arange(len(dataset))).points


def answers(points, dataset, change=lambda maps: maps, codec=None):
    """Return the predictions of a network that answers `points`."""
    return predict(Oracle(points, change), dataset, codec)
