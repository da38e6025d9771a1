"""OKS and average precision against COCO's own code, on random people."""

import contextlib
import io

import numpy as np
import pytest

from minipose.pose import COCO_SIGMAS, MPII_SIGMAS, average_precision, oks


def random_people(seed, joints, images=6):
    """Arguments of `average_precision` with missing joints, crowds, unlabelled people, ties, and nobody at all."""
    generator = np.random.default_rng(seed)
    people = {name: [] for name in ("predicted", "scores", "true", "visible", "areas", "crowd", "boxes")}
    for image in range(images):
        count = 0 if image == 1 else int(generator.integers(1, 6))
        side = generator.choice([30, 60, 120, 300], (count, 1, 1))
        true = generator.uniform(0, 400, (count, 1, 2)) + generator.uniform(-0.5, 0.5, (count, joints, 2)) * side
        visible = generator.integers(0, 3, (count, joints))
        visible[generator.random(count) < 0.2] = 0
        noise = generator.choice([0.01, 0.03, 0.1], (count, 1, 1)) * side
        found = true + generator.normal(size=true.shape) * noise
        twice = found[generator.random(count) < 0.4] + generator.normal(size=2)
        strangers = generator.uniform(0, 400, (0 if image == 2 else 2, joints, 2))
        predicted = np.concatenate([found[generator.random(count) < 0.8], twice, strangers])
        extent = np.ptp(true, axis=1)
        people["predicted"].append(predicted)
        people["scores"].append(generator.integers(1, 6, len(predicted)) / 5)  # many ties
        people["true"].append(true)
        people["visible"].append(visible)
        people["areas"].append(extent.prod(axis=1) * generator.uniform(0.3, 1, count))
        people["crowd"].append(generator.random(count) < 0.2)
        people["boxes"].append(np.concatenate([true.min(axis=1), extent], axis=1))
    return people


def by_cocos_own_code(people, sigmas, most=20):
    reason = "pip install pycocotools, the oracle of OKS and average precision"
    module = pytest.importorskip("pycocotools.coco", reason=reason)
    from pycocotools.cocoeval import COCOeval

    def triplets(points, third):
        return np.concatenate([points, np.broadcast_to(third, points.shape[:1])[:, None]], axis=1).ravel().tolist()

    images = range(len(people["true"]))
    annotations = [
        {
            "id": 0, "image_id": i, "category_id": 1, "iscrowd": int(people["crowd"][i][p]),
            "area": float(people["areas"][i][p]), "bbox": people["boxes"][i][p].tolist(),
            "keypoints": triplets(people["true"][i][p], people["visible"][i][p]),
            "num_keypoints": int((people["visible"][i][p] > 0).sum()),
        }
        for i in images for p in range(len(people["true"][i]))
    ]  # fmt: skip
    for number, annotation in enumerate(annotations, 1):
        annotation["id"] = number
    results = [
        {"image_id": i, "category_id": 1, "score": float(score), "keypoints": triplets(points, 2)}
        for i in images
        for points, score in zip(people["predicted"][i], people["scores"][i], strict=True)
    ]
    truth = module.COCO()
    truth.dataset = {
        "info": {}, "images": [{"id": i} for i in images], "annotations": annotations, "categories": [{"id": 1}]
    }  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "keypoints")
        evaluation.params.kpt_oks_sigmas = np.array(sigmas)
        evaluation.params.maxDets = [most]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.params.maxDets = [20]  # the only number that it can summarise
        evaluation._paramsEval.maxDets = [20]
        evaluation.summarize()
    return evaluation


NAMES = ("AP", "AP50", "AP75", "AP_medium", "AP_large", "AR", "AR50", "AR75", "AR_medium", "AR_large")


@pytest.mark.parametrize(("joints", "sigmas"), [(17, COCO_SIGMAS), (16, MPII_SIGMAS)])
@pytest.mark.parametrize("seed", range(8))
def test_average_precision_is_cocos(seed, joints, sigmas):
    people = random_people(seed, joints)
    expected = by_cocos_own_code(people, sigmas).stats
    result = average_precision(**people)
    assert tuple(result) == NAMES
    np.testing.assert_allclose([result[n] for n in NAMES], np.where(expected < 0, np.nan, expected), rtol=0, atol=1e-9)
    assert 0 < result["AP"] < 0.95


def test_only_the_best_few_of_an_image_count():
    people = random_people(3, 17)
    assert max(map(len, people["scores"])) > 3
    expected = by_cocos_own_code(people, COCO_SIGMAS, most=3).stats[0]
    assert average_precision(**people, most=3)["AP"] == pytest.approx(expected, abs=1e-9)
    assert average_precision(**people)["AP"] != pytest.approx(expected, abs=1e-3)


def test_similarities_are_cocos():
    people = random_people(0, 17)
    evaluation = by_cocos_own_code(people, COCO_SIGMAS)
    for image in range(len(people["true"])):
        order = np.argsort(-people["scores"][image], kind="stable")
        for place, d in enumerate(order):
            for p, points in enumerate(people["true"][image]):
                flags, area = people["visible"][image][p], people["areas"][image][p]
                value = oks(people["predicted"][image][d][None], points[None], flags[None], [area])[0]
                if flags.any():
                    assert value == pytest.approx(evaluation.ious[image, 1][place, p], abs=1e-9)
                else:
                    assert np.isnan(value)


def test_oks_by_hand():
    true = np.array([[[0.0, 0.0], [10.0, 0.0], [5.0, 20.0]]])
    predicted = true + [[[3.0, 4.0], [0.0, 0.0], [99.0, 0.0]]]
    result = oks(predicted, true, np.array([[2, 1, 0]]), areas=[100.0], sigmas=[0.25, 0.1, 0.1])
    assert result == pytest.approx([(np.exp(-25 / (2 * 100 * 0.25)) + 1) / 2])


def test_the_default_area_is_about_half_the_box_of_the_labelled_joints():
    true = np.random.default_rng(0).uniform(0, 50, (2, 16, 2))
    visible = np.ones((2, 16), dtype=int)
    visible[0, true[0, :, 0].argmax()] = 0
    areas = [0.53 * np.ptp(t[v > 0], axis=0).prod() for t, v in zip(true, visible, strict=True)]
    np.testing.assert_allclose(oks(true + 1, true, visible), oks(true + 1, true, visible, areas))


def test_nobody_to_find_and_nobody_found():
    nobody, flags = np.zeros((0, 16, 2)), np.zeros((0, 16), int)
    somebody = np.random.default_rng(0).uniform(0, 50, (1, 16, 2))
    missed = average_precision([[]], [[]], [somebody], [np.ones((1, 16), int)])
    assert missed["AP"] == 0 == missed["AR"]
    alone = average_precision([somebody], [[1.0]], [nobody], [flags])
    assert np.isnan(alone["AP"]) and np.isnan(alone["AR"])


def call(**changes):
    points = np.random.default_rng(0).uniform(0, 50, (1, 16, 2))
    people = {"predicted": [points], "scores": [[0.5]], "true": [points], "visible": [np.ones((1, 16), int)], **changes}
    return lambda: average_precision(**people)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (call(scores=[]), "an entry for each image"),
        (call(scores=[[0.5, 0.6]]), "image 0 must have a score for each predicted person"),
        (call(areas=[[1.0, 2.0]]), "image 0 must have a score for each predicted person, and flags"),
        (call(scores=[[np.nan]]), r"scores\[0\] must be finite"),
        (call(true=[np.ones((1, 17, 2))]), r"predicted\[0\] must be finite and of shape \(n, 17, 2\)"),
        (call(sigmas=[0.1] * 15), "sigmas must be 16 positive numbers"),
        (call(areas=[[-1.0]]), "areas must be 1 numbers that are not negative"),
        (call(most=0), "most must be at least 1"),
        (lambda: oks(np.ones((1, 5, 2)), np.ones((1, 5, 2)), np.ones((1, 5), int)), "sigmas must be given for 5"),
    ],
)
def test_wrong_arguments(run, message):
    with pytest.raises(ValueError, match=message):
        run()
