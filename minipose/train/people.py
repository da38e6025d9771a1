"""Scores of a network that finds several people in an image."""

from __future__ import annotations

from typing import Any

import numpy as np

from minipose.checks import check_integer
from minipose.data import Dataset
from minipose.nn import Module
from minipose.pose import average_precision
from minipose.train.predictions import predict_outputs


def evaluate_people(model: Module, dataset: Dataset, codec: Any, batch_size: int = 32) -> dict[str, float]:
    """Return the average precision of the people that a network finds in all images of a data set.

    Parameters
    ----------
    model : Module
    dataset : Dataset
        With all people of its images.
    codec : AffinityCodec
        Or what else decodes outputs to people, whether their joints were found, and scores.
    batch_size : int

    Returns
    -------
    dict
        As `minipose.pose.average_precision`.

    Raises
    ------
    ValueError
        If the data set is empty, or `batch_size` is less than 1, or as the codec's `decode`.
    """
    check_integer("evaluate_people", "batch_size", batch_size, 1)
    predicted, scores, true, visible = [], [], [], []
    for start in range(0, len(dataset), batch_size):
        batch = dataset.batch(np.arange(start, min(start + batch_size, len(dataset))))
        people, _, certainty = codec.decode(predict_outputs(model, batch.images))
        predicted += people
        scores += certainty
        true += batch.people
        visible += batch.people_visible
    return average_precision(predicted, scores, true, visible)


def validate_people(model: Module, dataset: Dataset, codec: Any) -> dict[str, float]:
    """Return OKS-AP by its column in the log: a `validate` of `Trainer`."""
    return {"validation_ap": evaluate_people(model, dataset, codec)["AP"]}
