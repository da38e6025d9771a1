"""Scores of a network on the test sets, with the lines that it has to beat and what looks wrong about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from minipose.data import Dataset
from minipose.nn import Module
from minipose.train.detectors import diagnose, duplicated_rows
from minipose.train.findings import Finding, SuspiciousScores
from minipose.train.predictions import Predictions, default_codec, predict, read_labels
from minipose.train.references import codec_scores, image_centre_scores, mean_pose_scores, score


def evaluate(model: Module, dataset: Dataset, codec: Any = None, batch_size: int = 64) -> dict[str, Any]:
    """Return the scores of a network on all samples of a data set.

    Parameters
    ----------
    model, dataset, codec, batch_size
        As for `predict`.

    Returns
    -------
    dict
        As `minipose.pose.summarise`. A metric that cannot be measured on these labels is None.

    Raises
    ------
    ValueError
        As `predict`.
    """
    predictions = predict(model, dataset, codec, batch_size)
    return score(predictions.points, predictions.labels, predictions.scores)


def evaluate_sets(
    model: Module,
    datasets: Dataset | Mapping[str, Dataset],
    training: Dataset | None = None,
    codec: Any = None,
    batch_size: int = 64,
    strict: bool = True,
    training_count: int = 1000,
) -> dict[str, Any]:
    """Score a network set by set, with reference lines, and look for the mistakes that scores are known to hide.

    Parameters
    ----------
    model, codec, batch_size
        As for `predict`.
    datasets : Dataset, or dict of them
        The test sets by their names. A single one is taken apart by the `set` of its samples.
    training : Dataset, optional
        What the network was trained on. Without it there is no mean pose, and nobody looks whether training and
        test data overlap or differ in scale.
    strict : bool
        Raise on findings that are errors. False only returns them.
    training_count : int
        So many of the first training samples are looked at.

    Returns
    -------
    dict
        Ready for JSON. sets, mean_pose (with `training`), image_centre, codec: each a dict by set of dicts as
        `minipose.pose.summarise` returns. findings: list of dicts as `Finding.as_dict` returns.

    Raises
    ------
    SuspiciousScores
        If a change of the predictions that nobody could guess, such as x for y, improves the scores by over 20 %.
        Its `report` is what would have been returned.
    ValueError
        If there is no data set; or as `predict`.
    """
    if isinstance(datasets, Mapping) and not datasets:
        raise ValueError("evaluate_sets: datasets is empty; name at least one test set")
    known = None if training is None else read_labels(training, training_count)
    report: dict[str, Any] = {"sets": {}, **({"mean_pose": {}} if known else {}), "image_centre": {}, "codec": {}}
    of_sets: dict[Finding, list[str]] = {}
    for name, dataset in ({"": datasets} if isinstance(datasets, Dataset) else datasets).items():
        predictions = predict(model, dataset, codec, batch_size)
        used = default_codec(model, predictions.image_size) if codec is None else codec
        for finding in diagnose(predictions, used, model, dataset, known, training):
            of_sets.setdefault(finding, []).extend([name] if name else [])
        for set_name, samples in _samples_by_set(predictions, name).items():
            labels = predictions.labels.take(samples)
            report["sets"][set_name] = score(predictions.points[samples], labels, predictions.scores[samples])
            if known:
                report["mean_pose"][set_name] = mean_pose_scores(known, labels)
            report["image_centre"][set_name] = image_centre_scores(labels)
            report["codec"][set_name] = codec_scores(used, labels)
    findings = [replace(finding, sets=tuple(names)) for finding, names in of_sets.items()]
    findings += filter(None, [duplicated_rows(report["sets"])])
    report["findings"] = [finding.as_dict() for finding in findings]
    if strict and any(finding.is_error for finding in findings):
        raise SuspiciousScores([finding for finding in findings if finding.is_error], report)
    return report


def _samples_by_set(predictions: Predictions, name: str) -> dict[str, np.ndarray]:
    """Which samples are in each set, in the order in which the sets first appear; all of them under `name` if any."""
    if name:
        return {name: np.arange(len(predictions))}
    sets = np.array(predictions.sets)
    return {one: np.flatnonzero(sets == one) for one in dict.fromkeys(predictions.sets)}
