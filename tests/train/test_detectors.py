"""No detector cries for nothing, each cries for its own mistake, and says where to look."""

import numpy as np
import pytest

from minipose import models, pose
from minipose.train import Predictions, diagnose, predict, read_labels
from minipose.train.findings import Finding, source_of
from tests.train.oracles import SIZE, Changed, Codec, Oracle, answers, figures, truth

FIGURES = figures()
TRUTH = truth(FIGURES)
TRAINING = figures("circles", "train")
KNOWN = read_labels(TRAINING)


def findings(points, dataset=FIGURES, **options):
    predictions = answers(points, dataset, **options)
    return diagnose(predictions, Codec(), Oracle(points), dataset, KNOWN, TRAINING)


def names(found):
    return [finding.name for finding in found]


@pytest.mark.parametrize("noise", [0, 0.5, 2, 5, 10])
@pytest.mark.parametrize("seed", range(3))
def test_a_network_that_is_as_good_as_its_noise_is_let_pass(noise, seed):
    dataset = figures(seed=seed)
    points = truth(dataset)
    points = points + np.random.default_rng(seed).normal(0, noise, points.shape)
    assert findings(points.clip(0, SIZE - 1), dataset) == []


@pytest.mark.parametrize("name", ["{}\u00b2.png", "\u0663{}", "a{}b{}"])
def test_names_may_be_anything(name):
    dataset = Changed(FIGURES, lambda batch: {"names": tuple(name.format(i, i) for i in batch.indices)})
    assert findings(TRUTH, dataset) == []
    as_text = sorted(range(128), key=lambda index: name.format(index, index))
    assert names(findings(TRUTH[as_text], dataset)) == ["names sorted as text"]


@pytest.mark.parametrize("seed", range(6))
def test_random_answers_are_let_pass(seed):
    generator = np.random.default_rng(seed)
    assert findings(generator.uniform(0, SIZE - 1, TRUTH.shape)) == []
    clustered = generator.uniform(0, SIZE - 1, (1, 16, 2)) + generator.normal(0, 4, TRUTH.shape)
    assert findings(clustered.clip(0, SIZE - 1)) == []


@pytest.mark.parametrize("seed", range(1, 5))
def test_poses_of_other_figures_are_no_mixed_up_order(seed):
    assert findings(truth(figures(seed=seed))) == []


def test_an_answer_that_is_nobodys_pose_is_let_pass():
    # Head and legs on their side, which x for y would put upright, but the hands in a corner.
    points = np.broadcast_to(pose.mean_pose(KNOWN.points)[:, ::-1], TRUTH.shape).copy()
    points[:, [10, 11, 14, 15]] = [[4, 4], [8, 8], [4, 8], [8, 4]]
    before, after = (pose.epe(p, TRUTH, np.full((128, 16), 2)) for p in (points, points[..., ::-1]))
    assert after < 0.8 * before
    assert names(findings(points)) == ["constant output"]


@pytest.mark.parametrize("set", ["plain", "circles", "shapes", "platform"])
def test_the_mean_pose_is_called_constant_and_nothing_else(set):
    dataset = figures(set)
    mean = np.broadcast_to(pose.mean_pose(KNOWN.points), TRUTH.shape)
    found = findings(mean, dataset)
    assert names(found) == ["constant output"] and not found[0].is_error


@pytest.mark.parametrize("shrunk", [0.3, 0.6, 0.9])
def test_a_network_that_has_learnt_a_part_is_let_pass(shrunk):
    mean = pose.mean_pose(KNOWN.points)
    points = mean + shrunk * (TRUTH - mean) + np.random.default_rng(0).normal(0, 2, TRUTH.shape)
    assert findings(points.clip(0, SIZE - 1)) == []


@pytest.mark.parametrize("seed", range(3))
def test_an_untrained_network_is_let_pass(seed):
    import minipose

    minipose.manual_seed(seed)
    model = models.create("hourglass", width=8, depth=2)
    predictions = predict(model, FIGURES)
    assert diagnose(predictions, Codec(), model, FIGURES, KNOWN) == []


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_few_samples_are_let_pass(count):
    dataset = figures(count=count)
    assert findings(truth(dataset) + 1, dataset) == []
    assert findings(truth(figures(seed=3, count=count)), dataset) == []


@pytest.mark.parametrize(("count", "wrong"), [(128, 64), (128, 75), (16, 12), (6, 6)])
def test_half_the_sides_confused_is_let_pass(count, wrong):
    # Figures whose sides nobody can tell: exchanging them all is no better, or by chance alone.
    dataset = figures(count=count)
    points = truth(dataset)
    points[:wrong] = points[:wrong, list(pose.STICK_FIGURE.flip)]
    assert findings(points, dataset) == []


def test_small_figures_whose_maps_are_much_alike_are_let_pass():
    small = Changed(FIGURES, lambda batch: {"points": (batch.points - 24) * 0.1 + 24})
    predictions = answers(truth(small), small)
    assert predictions.maps.alike[7, 8] > 0.999
    assert diagnose(predictions, Codec()) == []


def test_unlabelled_samples_are_let_pass():
    dataset = Changed(FIGURES, lambda batch: {"visible": np.zeros_like(batch.visible)})
    assert findings(TRUTH, dataset) == []
    half = Changed(FIGURES, lambda batch: {"visible": batch.visible * (batch.indices % 2)[:, None].astype(np.uint8)})
    assert findings(TRUTH + 1, half) == []


def test_a_finding_says_how_bad_it_is_and_where_to_look():
    error = Finding("n", "it is wrong", "a:b, line 3", 0.21)
    assert error.is_error
    assert not Finding("n", "it is odd", "a:b, line 3", 0.19).is_error
    assert not Finding("n", "it is odd", "a:b, line 3").is_error
    assert error.as_dict() == {
        "name": "n", "message": "it is wrong", "where": "a:b, line 3", "improvement": 0.21, "sets": [], "is_error": True
    }  # fmt: skip


def test_the_place_is_found_out_now():
    place = source_of(answers)
    name, line = place.split(", line ")
    assert name.endswith("oracles:answers")
    with open(answers.__code__.co_filename) as file:
        assert file.readlines()[int(line) - 1].startswith("def answers")
    assert source_of(None) == "the caller"
    assert source_of(len) == "builtins:len"


def test_the_worst_comes_first():
    flat = Predictions(
        TRUTH[..., ::-1], np.ones(TRUTH.shape[:2]), read_labels(FIGURES), ("",) * 128, ("",) * 128,
        np.arange(128), np.zeros((0,)),
    )  # fmt: skip
    found = diagnose(flat, training=FIGURES)
    assert names(found) == ["x and y exchanged", "overlap between splits"]
    assert "hashes" not in found[1].message and "128 of 128 test images" in found[1].message
