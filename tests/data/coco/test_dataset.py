import copy
import dataclasses

import numpy as np
import pytest

from minipose.data import CocoKeypoints
from minipose.pose import COCO_NAMES, STICK_FIGURE, affine
from tests.data.coco.conftest import true_points

SHARED = [place for place, name in enumerate(STICK_FIGURE.names) if name in COCO_NAMES]
IN_COCO = [COCO_NAMES.index(STICK_FIGURE.names[place]) for place in SHARED]


def test_a_sample_is_a_person_whose_joints_map_back(photographs):
    people = photographs.read(size=64)
    assert len(people) == 3 and people.skipped == {}
    for sample, number in zip(people, (21, 12, 13), strict=True):
        assert sample.image.shape == (64, 64, 3) and sample.points.dtype == np.float32 and sample.set == "coco"
        assert people.person(sample.index).id == number
        back = affine.transform_points(affine.invert(sample.matrix), sample.points)
        np.testing.assert_allclose(back[SHARED], true_points(number)[IN_COCO], atol=1e-4)
        middle = true_points(number)[[11, 12]].mean(axis=0)
        np.testing.assert_allclose(back[STICK_FIGURE.names.index("pelvis")], middle, atol=1e-4)
        assert (sample.visible == 0).nonzero()[0].tolist() == [8, 9]
    assert [s.name for s in people] == ["first.png", "deeper/second.png", "deeper/second.png"]


@pytest.mark.parametrize("size", [None, 150, 300])
def test_joints_lie_on_their_discs(photographs, size):
    for sample in photographs.read(size=size):
        columns, rows = np.rint(sample.points[SHARED]).astype(int).T
        np.testing.assert_allclose(sample.image[rows, columns, 0], np.array(IN_COCO) * 12.0 + 50, atol=3)


def test_the_box_and_its_margin_fill_the_crop(photographs):
    number = photographs.annotation(21)
    number["bbox"] = [20, 10, 40, 80]  # which spans the pixels 10 to 89 in the vertical
    corners = np.array([[19.5, 9.5], [59.5, 89.5]])
    plain = affine.transform_points(photographs.read(size=64, margin=0)[0].matrix, corners)
    np.testing.assert_allclose(plain, [[15.5, -0.5], [47.5, 63.5]], atol=1e-9)
    wide = affine.transform_points(photographs.read(size=64, margin=0.5)[0].matrix, corners)
    np.testing.assert_allclose(wide[:, 1], [15.5, 47.5], atol=1e-9)


def test_everyone_in_the_image_is_in_the_sample(photographs):
    people = photographs.read(size=64, margin=1)
    assert [len(sample.people) for sample in people] == [1, 2, 2]
    for index, other in ((1, 2), (2, 1)):
        sample = people[index]
        assert np.array_equal(sample.people[0], sample.points)
        assert np.array_equal(sample.people_visible[0], sample.visible)
        inside = sample.people_visible[1] > 0
        assert inside.sum() > 5
        moved = affine.transform_points(sample.matrix, people.person(other).joints()[0])
        np.testing.assert_allclose(sample.people[1][inside], moved[inside], atol=1e-4)
        beyond = ((moved < -0.5) | (moved > 63.5)).any(axis=1)
        assert not inside[beyond].any() and not sample.people[1][beyond].any()


def test_without_a_size_a_sample_is_an_image(photographs):
    whole = photographs.read()
    assert [(s.image.shape, len(s.people)) for s in whole] == [((90, 120, 3), 1), ((140, 100, 3), 2)]
    assert np.array_equal(whole[1].matrix, affine.identity())


def test_keypoints_are_found_by_their_names(photographs):
    before = [(s.points, s.visible) for s in photographs.read(size=32)]
    order = np.random.default_rng(0).permutation(17)
    photographs.content["categories"][0]["keypoints"] = [COCO_NAMES[place] for place in order]
    for entry in photographs.content["annotations"]:
        entry["keypoints"] = np.reshape(entry["keypoints"], (17, 3))[order].ravel().tolist()
    for (points, visible), sample in zip(before, photographs.read(size=32), strict=True):
        assert np.array_equal(points, sample.points) and np.array_equal(visible, sample.visible)


def test_what_cannot_be_used_is_counted(photographs):
    photographs.another(90, iscrowd=1, keypoints=[])
    photographs.another(91, num_keypoints=0)
    photographs.another(92, keypoints=[0] * 51)
    photographs.another(95, keypoints=[20, 20, 2] * 5 + [0] * 36)  # a face alone
    photographs.another(93, bbox=[5, 5, 0, 9])
    photographs.another(94, category_id=2)
    photographs.content["categories"].append({"id": 2, "name": "dog"})
    photographs.content["images"].append({"id": 1, "file_name": "nobody.png", "width": 5, "height": 5})
    people = photographs.read(size=32)
    assert [people.person(i).id for i in range(len(people))] == [21, 12, 13]
    assert people.skipped == {
        "crowds": 1, "people without a labelled joint": 3, "boxes without an area": 1,
        "annotations of categories without keypoints": 1, "images without labelled people": 1,
    }  # fmt: skip


def test_a_joint_outside_the_image_counts_as_unlabelled(photographs):
    photographs.annotation(21)["keypoints"][3 * 16 : 3 * 16 + 2] = [120.0, 40.0]  # the right ankle, of joints 0 to 119
    with pytest.warns(UserWarning, match="1 joints in .* lie outside their images"):
        people = photographs.read(size=32, margin=1)
    assert people[0].visible[0] == 0 and not people[0].points[0].any() and people[0].visible[1] == 2


def first(photographs, **fields):
    photographs.content["annotations"][0].update(fields)


def changed(photographs, place, value):
    keypoints = copy.copy(photographs.content["annotations"][0]["keypoints"])
    keypoints[place] = value
    first(photographs, keypoints=keypoints)


@pytest.mark.parametrize(("change", "message"), [
    (lambda p: p.content.pop("annotations"), "not a COCO keypoints file: it has no list named 'annotations'"),
    (lambda p: p.content.update(images={}), "no list named 'images'"),
    (lambda p: p.content.update(annotations=[]), r"no person with a labelled joint \(2 images without"),
    (lambda p: p.content["annotations"].append(3), "no integer id in entry 3 of its annotation list"),
    (lambda p: p.another(21), "has the annotation id 21 twice"),
    (lambda p: p.content["images"].append(p.content["images"][0]), "has the image id 7 twice"),
    (lambda p: first(p, image_id=8), "annotation 21 the image_id 8, which is not among its own"),
    (lambda p: first(p, category_id=None), "annotation 21 the category_id None"),
    (lambda p: first(p, keypoints=[1, 2, 2] * 16), r"keypoints of shape \(48,\), but there must be 51 numbers"),
    (lambda p: first(p, keypoints="abc"), "keypoints that is no list of numbers"),
    (lambda p: first(p, bbox=[1, 2, 3]), "bbox of shape"),
    (lambda p: first(p, bbox=None), "bbox that is no list of numbers"),
    (lambda p: changed(p, 4, float("nan")), "annotation 21 a keypoints with a number that is not finite"),
    (lambda p: changed(p, 4, float("inf")), "annotation 21 a keypoints with a number that is not finite"),
    (lambda p: changed(p, 5, 3), "annotation 21 a visibility of 3.0, not 0, 1 or 2"),
    (lambda p: first(p, keypoints=[500, 20, 2] * 17), r"no joint inside its image 'first.png' of 120 x 90 pixels"),
    (lambda p: p.content["images"][0].update(file_name="../x.png"), "leads out of the folder"),
    (lambda p: p.content["images"][0].update(file_name="/x.png"), "leads out of the folder"),
    (lambda p: p.content["images"][0].update(width=0), "width 0 and height 90, which must be positive"),
    (lambda p: p.content["images"][0].pop("file_name"), "no file_name in image 7"),
    (lambda p: p.content["categories"][0].update(keypoints=["nose", "tail"]), "neither COCO's 17 nor"),
    (lambda p: p.content["categories"][0].update(keypoints=["nose"] * 17), "names a keypoint twice"),
    (lambda p: p.content["categories"][0].update(keypoints=7), "keypoints that are no list of names"),
])  # fmt: skip
def test_a_wrong_file_is_told_in_a_sentence_that_names_the_place(photographs, change, message):
    change(photographs)
    with pytest.raises(ValueError, match=message) as caught:
        photographs.read(size=32)
    assert str(caught.value).startswith(f"CocoKeypoints: {photographs.folder / 'annotations.json'} ")


@pytest.mark.parametrize(("content", "message"), [
    (b'{"images": [{"id": 1, "file', "is no JSON file, or is cut off"),
    (b"", "is no JSON file, or is cut off"),
    (b"\x89PNG\r\n\xff", "is not a text file"),
    (b"[1, 2]", "is not a COCO keypoints file"),
    (b"[" * 200_000, "nested too deeply|cut off"),
])  # fmt: skip
def test_a_cut_off_or_foreign_file_is_told(photographs, content, message):
    path = photographs.save()
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        CocoKeypoints(path, photographs.folder / "images")


def test_missing_files_are_told_before_the_first_sample(photographs, tmp_path):
    with pytest.raises(FileNotFoundError, match="CocoKeypoints: there is no file .*nowhere.json"):
        CocoKeypoints(tmp_path / "nowhere.json", tmp_path)
    with pytest.raises(ValueError, match="is a folder; give the JSON file in it"):
        CocoKeypoints(tmp_path, tmp_path)
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "none"):
        with pytest.raises(FileNotFoundError, match="2 of the 2 images with people are not in .* is first.png"):
            CocoKeypoints(photographs.save(), folder)


def test_a_damaged_or_different_image_is_named(photographs):
    people = photographs.read(size=32)
    file = photographs.folder / "images" / "first.png"
    whole = file.read_bytes()
    for content in (whole[: len(whole) // 2], b"no image", b""):
        file.write_bytes(content)
        with pytest.raises(ValueError, match="first.png"):
            people[0]
    file.write_bytes((photographs.folder / "images" / "deeper" / "second.png").read_bytes())
    with pytest.raises(ValueError, match="first.png has 100 x 140 pixels, but its joints were labelled in .* 120 x 90"):
        people[0]


def test_a_wrong_argument_is_told(photographs):
    with pytest.raises(ValueError, match="size must be at least 1"):
        photographs.read(size=0)
    with pytest.raises(ValueError, match="margin must be a number from 0"):
        photographs.read(margin=-0.1)
    with pytest.raises(IndexError, match="index 3 is outside 0 to 2"):
        photographs.read(size=8)[3]
    assert dataclasses.is_dataclass(photographs.read(size=8).person(0))
