import json

import numpy as np
import pytest

from minipose.data import CocoKeypoints, Dataset, Sample, StickFigures, write_coco, write_coco_results
from minipose.pose import STICK_FIGURE


class Listed(Dataset):
    def __init__(self, *samples):
        self.samples = samples

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]


def crowd(generator, people=3, shape=(50, 70)):
    image = generator.integers(0, 256, (*shape, 3), dtype=np.uint8)
    points = (generator.random((people, 16, 2)) * (shape[1] - 1, shape[0] - 1)).astype(np.float32)
    visible = generator.integers(1, 3, (people, 16), dtype=np.uint8)
    visible[:, 5] = 0
    return Sample(image, points[0], visible[0], "crowd", 0, "", points, visible)


def test_stick_figures_come_back_as_they_were(tmp_path):
    figures = StickFigures("mixed", count=6)
    path = write_coco(figures, tmp_path / "new" / "export")
    again = CocoKeypoints(path, path.parent / "images")
    assert len(again) == 6 and again.skipped == {}
    for before, after in zip(figures, again, strict=True):
        for field in ("image", "points", "visible", "people"):
            assert np.array_equal(getattr(before, field), getattr(after, field)), field
        assert after.set == before.set and after.name == f"{before.index:06}.png"


def test_all_people_come_back_and_only_labelled_joints(tmp_path, rng):
    samples = [crowd(rng), crowd(rng, people=1)]
    samples[0].people_visible[2] = 0
    again = CocoKeypoints(write_coco(Listed(*samples), tmp_path), tmp_path / "images")
    for before, after in zip(samples, again, strict=True):
        labelled = before.people_visible[:2] > 0
        assert np.array_equal(after.people_visible, before.people_visible[:2])
        assert np.array_equal(after.people[labelled], before.people[:2][labelled])
        assert not after.people[~labelled].any()


def test_the_file_has_what_coco_asks_for(tmp_path, rng):
    sample = crowd(rng, people=2)
    content = json.loads(write_coco(Listed(sample), tmp_path).read_text())
    assert content["images"][0] | {"width": 70, "height": 50, "file_name": "000000.png"} == content["images"][0]
    assert content["categories"][0]["keypoints"] == list(STICK_FIGURE.names)
    assert content["categories"][0]["skeleton"][0] == [1, 2]
    assert [entry["id"] for entry in content["annotations"]] == [1, 2]
    for entry, points, visible in zip(content["annotations"], sample.people, sample.people_visible, strict=True):
        left, top, width, height = entry["bbox"]
        labelled = points[visible > 0].astype(float)
        # A joint in the very centre of pixel (0, 0) is half a pixel from its corner, where a box begins to count.
        np.testing.assert_allclose([left, top], labelled.min(axis=0))
        np.testing.assert_allclose([left + width - 1, top + height - 1], labelled.max(axis=0))
        assert entry["num_keypoints"] == 15 and entry["iscrowd"] == 0
        assert entry["area"] == pytest.approx(0.53 * width * height)
        assert entry["keypoints"][15:18] == [0, 0, 0] and entry["keypoints"][2] in (1, 2)


def test_nothing_is_overwritten(tmp_path):
    figures = StickFigures(count=2)
    path = write_coco(figures, tmp_path / "one")
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="annotations.json exists already"):
        write_coco(figures, tmp_path / "one")
    assert path.read_bytes() == before
    (tmp_path / "two" / "images").mkdir(parents=True)
    with pytest.raises(FileExistsError, match="images exists already"):
        write_coco(figures, tmp_path / "two")


def test_a_data_set_without_samples_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match="write_coco: the data set has no samples"):
        write_coco(Listed(), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_sample_that_cannot_be_written_leaves_no_file_of_annotations(tmp_path, rng):
    wrong = crowd(rng)
    wrong.people[1, 2] = np.nan
    with pytest.raises(ValueError, match="sample 0 has a labelled joint at NaN"):
        write_coco(Listed(crowd(rng), wrong), tmp_path / "a")
    assert not (tmp_path / "a" / "annotations.json").exists()
    other = Sample(wrong.image, np.zeros((17, 2), np.float32), np.ones(17, np.uint8), "s", 4)
    with pytest.raises(ValueError, match="sample 4 has people of shape"):
        write_coco(Listed(other), tmp_path / "b")


def test_predictions_are_written_in_the_pixels_of_the_files(photographs):
    people = photographs.read(size=50)
    path = photographs.folder / "results.json"
    points = np.stack([sample.points for sample in people])
    scores = np.linspace(0.5, 1, 48).reshape(3, 16)
    write_coco_results(people, points, scores, path)
    results = json.loads(path.read_text())
    assert [entry["image_id"] for entry in results] == [7, 3, 3] and {entry["category_id"] for entry in results} == {1}
    for entry, number, joint_scores in zip(results, (21, 12, 13), scores, strict=True):
        truth = np.reshape(photographs.annotation(number)["keypoints"], (17, 3))
        written = np.reshape(entry["keypoints"], (17, 3))
        np.testing.assert_allclose(written[5:, :2], truth[5:, :2], atol=1e-4)
        assert not written[:5].any() and written[16, 2] == joint_scores[0]
        assert entry["score"] == pytest.approx(joint_scores.mean())


def test_wrong_predictions_are_told(photographs):
    people, path = photographs.read(size=50), photographs.folder / "results.json"
    points, scores = np.zeros((3, 16, 2)), np.ones(3)
    with pytest.raises(ValueError, match=r"for 3 samples, points must have shape \(3, 16, 2\)"):
        write_coco_results(people, points[:2], scores, path)
    with pytest.raises(ValueError, match="scores must be finite"):
        write_coco_results(people, points, scores * np.nan, path)
    with pytest.raises(TypeError, match="must be a CocoKeypoints"):
        write_coco_results(StickFigures(count=3), points, scores, path)
    assert not path.exists()


@pytest.mark.filterwarnings("default")
def test_cocos_own_evaluation_reads_both_files(tmp_path, capsys):
    module = pytest.importorskip("pycocotools.coco", reason="needs pycocotools: pip install -e '.[oracle]'")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    path = write_coco(StickFigures("shapes", count=5, size=96), tmp_path)
    people = CocoKeypoints(path, tmp_path / "images", size=64)
    points = np.stack([sample.points for sample in people])
    scores = []
    for wrong in (0, 2):
        points[:wrong] = 0
        write_coco_results(people, points, np.ones(5), tmp_path / "results.json")
        truth = module.COCO(str(path))
        found = evaluation.COCOeval(truth, truth.loadRes(str(tmp_path / "results.json")), "keypoints")
        found.params.kpt_oks_sigmas = np.full(16, 0.05)
        found.evaluate()
        found.accumulate()
        found.summarize()
        scores.append(found.stats[0])
    assert scores[0] == pytest.approx(1) and 0.3 < scores[1] < 0.7
