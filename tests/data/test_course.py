import re

import numpy as np
import pytest

from minipose.data import Dataset, Sample, StickFigures
from minipose.data.course import COURSE_SETS, CourseFigures, course_poses, write_course
from minipose.data.images import write_png
from minipose.pose import report_score

GENERATOR = np.random.default_rng(0)
LABELS = GENERATOR.uniform(0, 40, (12, 16, 2))


def make_course(root, labels=LABELS, set="test1", size=(40, 40), first=0):
    """Write a folder as the course has it; every image has its label's number as its colour."""
    folder = root / "Dataset" / set.capitalize()
    folder.mkdir(parents=True)
    for number in range(len(labels)):
        write_png(folder / f"{first + number}.png", np.full((size[1], size[0], 3), number, np.uint8))
    np.save(root / f"{set}_labels.npy", labels)
    return root


class Given(Dataset):
    def __init__(self, samples):
        self.samples = samples

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]


def sample(index=0, size=(40, 40), points=LABELS[0], visible=2):
    image = np.full((size[1], size[0], 3), index, np.uint8)
    points = np.asarray(points, np.float32)
    return Sample(image, points, np.full(len(points), visible, np.uint8), "s", index)


@pytest.mark.parametrize("first", [0, 1, 95])
def test_b9_labels_belong_to_images_in_the_order_of_their_numbers(tmp_path, first):
    figures = CourseFigures(make_course(tmp_path, first=first), "test1")
    assert len(figures) == 12
    for number, one in enumerate(figures):
        assert (one.image == number).all() and one.name == f"{first + number}.png" and one.set == "test1"
        np.testing.assert_array_equal(one.points, LABELS[number].astype(np.float32))
        assert one.index == number and one.visible.tolist() == [2] * 16
    assert figures.batch([10, 2]).names == (f"{first + 10}.png", f"{first + 2}.png")


@pytest.mark.parametrize("place", [".", "Dataset", "Dataset/Test1"])
@pytest.mark.parametrize("shape", [(12, 32), (12, 16, 2)])
def test_labels_may_lie_in_three_places_and_two_shapes(tmp_path, place, shape):
    root = make_course(tmp_path, LABELS.reshape(shape))
    (root / "test1_labels.npy").rename(root / place / "test1_labels.npy")
    np.testing.assert_array_equal(CourseFigures(root).labels, LABELS)
    if place != ".":
        np.testing.assert_array_equal(CourseFigures(root / "Dataset").labels, LABELS)


def test_labels_in_two_places_are_refused(tmp_path):
    root = make_course(tmp_path)
    np.save(root / "Dataset" / "test1_labels.npy", LABELS + 1)
    with pytest.raises(ValueError, match="which labels are right, .*test1_labels.npy or .*test1_labels.npy"):
        CourseFigures(root)


def test_integers_in_pixels_are_read_as_they_are(tmp_path):
    figures = CourseFigures(make_course(tmp_path, LABELS.astype(np.int64)))
    np.testing.assert_array_equal(figures.labels, np.floor(LABELS))


def test_fractions_must_be_announced(tmp_path):
    root = make_course(tmp_path, LABELS / (40, 50), size=(40, 50))
    with pytest.raises(ValueError, match="are from 0 to 1, .* say normalised=True"):
        CourseFigures(root)
    np.testing.assert_allclose(CourseFigures(root, normalised=True).labels, LABELS)


@pytest.mark.parametrize("dtype", [np.int64, np.float64])
@pytest.mark.parametrize("normalised", [False, True])
def test_b8_fractions_that_were_cut_to_integers_are_refused(tmp_path, dtype, normalised):
    """The course's labels were 64-bit integers, and its evaluation made fractions of them: all 0 or 1."""
    root = make_course(tmp_path, (LABELS / 40).astype(np.int64).astype(dtype))
    with pytest.raises(ValueError, match="are 0 or 1: fractions .* cut to integers"):
        CourseFigures(root, normalised=normalised)


def test_pixels_announced_as_fractions_are_refused(tmp_path):
    with pytest.raises(ValueError, match="they are not fractions .* leave out normalised=True"):
        CourseFigures(make_course(tmp_path), normalised=True)


def spoiled(labels, value, joint=7):
    labels = labels.copy()
    labels[5, joint, 1] = value
    return labels


@pytest.mark.parametrize(
    "labels, message",
    [
        (LABELS[:11], "has 11 labels, but .*Test1 has 12 images"),
        (np.concatenate([LABELS, LABELS]), "has 24 labels, but .*Test1 has 12 images"),
        (spoiled(LABELS, np.nan), "must be finite .*of pose 5 is"),
        (spoiled(LABELS, 40.1), r"joint 7 of label 5 in .*labels.npy is at \(.*, 40.1\), outside .* 40 x 40 pix"),
        (spoiled(LABELS, -1), "joint 7 of label 5 in .*, outside"),
        (LABELS.swapaxes(1, 2), r"must have shape \(N, 32\) or \(N, 16, 2\), not \(12, 2, 16\)"),
        (LABELS[:, :14], r"not \(12, 14, 2\)"),
        (LABELS.astype(str), "must be an array of numbers .* of dtype <U"),
        (LABELS > 20, "must be an array of numbers .* of dtype bool"),
        (np.float64(5), r"must have shape \(N, 32\) or \(N, 16, 2\), not \(\)"),
        (LABELS[:0], "must hold at least one pose"),
    ],
)
def test_wrong_labels(tmp_path, labels, message):
    root = make_course(tmp_path)
    np.save(root / "test1_labels.npy", labels)
    with pytest.raises((TypeError, ValueError), match=message):
        CourseFigures(root)


def test_the_joint_that_the_course_put_one_pixel_outside_is_taken(tmp_path):
    figures = CourseFigures(make_course(tmp_path, spoiled(LABELS, 40)))
    assert figures[5].points[7, 1] == 40 and figures[5].visible[7] == 2


def test_files_that_are_no_arrays(tmp_path):
    root = make_course(tmp_path)
    file = root / "test1_labels.npy"
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="CourseFigures: .*test1_labels.npy' must be an array of numbers"):
        CourseFigures(root)
    np.save(file, LABELS)
    for content in (file.read_bytes()[:-9], b"foreign", b""):
        file.write_bytes(content)
        with pytest.raises(ValueError, match="must be an array of numbers that numpy.save wrote"):
            CourseFigures(root)
    with pytest.raises(FileNotFoundError, match="course_poses: there is no file of poses .*none.npy"):
        course_poses(tmp_path / "none.npy", "test1")


def test_missing_parts(tmp_path):
    with pytest.raises(FileNotFoundError, match="CourseFigures: there is no folder .*none"):
        CourseFigures(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="there is no folder Dataset.Test1 or Test1 in"):
        CourseFigures(tmp_path)
    root = make_course(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no folder Dataset.Test2 or Test2 in"):
        CourseFigures(root, "test2")
    (root / "test1_labels.npy").unlink()
    with pytest.raises(FileNotFoundError, match="there is neither test1_labels.npy nor test_split.npy in"):
        CourseFigures(root)
    (root / "Dataset" / "Test2").mkdir()
    with pytest.raises(FileNotFoundError, match="there is no image"):
        CourseFigures(root, "test2")


@pytest.mark.parametrize("extra", ["preview.png", "13.png", "4b.png", "004.png"])
def test_an_image_missing_and_one_too_many_keep_the_count_and_are_noticed(tmp_path, extra):
    root = make_course(tmp_path)
    folder = root / "Dataset" / "Test1"
    (folder / "7.png").rename(folder / extra)
    with pytest.raises(ValueError, match=r"must be one name with one number after the other.* but after .*\.png comes"):
        CourseFigures(root)


def test_foreign_images_and_images_of_another_size(tmp_path):
    root = make_course(tmp_path)
    file = root / "Dataset" / "Test1" / "3.png"
    whole = file.read_bytes()
    file.write_bytes(b"foreign")
    with pytest.raises(ValueError, match="3.png is not an image"):
        CourseFigures(root)
    file.write_bytes(whole[:50])
    with pytest.raises(ValueError, match="3.png is truncated"):
        CourseFigures(root)[3]
    write_png(file, np.zeros((40, 41, 3), np.uint8))
    with pytest.raises(ValueError, match=r"of one size, but .*3.png has \(41, 40\) and .*0.png \(40, 40\)"):
        CourseFigures(root)


def test_an_index_outside(tmp_path):
    figures = CourseFigures(make_course(tmp_path))
    for index in (-1, 12):
        with pytest.raises(IndexError, match=f"index {index} is outside 0 to 11"):
            figures[index]


def test_wrong_arguments(tmp_path):
    with pytest.raises(ValueError, match="set must be one of 'test1'"):
        CourseFigures(tmp_path, "test5")
    with pytest.raises(TypeError, match="normalised must be True or False"):
        CourseFigures(tmp_path, normalised=1)
    with pytest.raises(ValueError, match="size must be at least 1"):
        CourseFigures(tmp_path, size=0)


@pytest.mark.parametrize("size", [64, 21])
def test_points_stay_on_the_pixels_they_mark_when_images_are_scaled(tmp_path, size):
    """The centre of gravity of a bright square is found where its centre is said to be."""
    labels = np.broadcast_to(np.array([20.5, 40.0]), (1, 16, 2))
    root = make_course(tmp_path, labels, size=(64, 96))
    image = np.zeros((96, 64, 3), np.uint8)
    image[34:47, 14:28] = 255
    write_png(root / "Dataset" / "Test1" / "0.png", image)
    one = CourseFigures(root, size=size)[0]
    assert one.image.shape == (size, size, 3)
    weights = one.image[..., 0].astype(float)
    centre = [(weights * np.arange(size)).sum() / weights.sum(), (weights.T * np.arange(size)).sum() / weights.sum()]
    np.testing.assert_allclose(one.points[0], centre, atol=0.05)
    np.testing.assert_allclose(one.matrix @ [20.5, 40, 1], one.points[0], atol=1e-5)


def test_a_set_is_rebuilt_from_the_courses_poses(tmp_path):
    poses = GENERATOR.integers(0, 1000, (19, 32))
    poses[[0, 7], [31, 4]] = -1
    np.save(tmp_path / "test_split.npy", poses)
    kept = np.delete(poses, [0, 7], axis=0).reshape(-1, 16, 2)
    for number, name in enumerate(COURSE_SETS):
        labels = course_poses(tmp_path / "test_split.npy", name)
        assert labels.shape == (4, 16, 2)
        for label, pose in zip(labels, kept[4 * number :], strict=False):
            assert label.min(axis=0).tolist() == [0, 0] and label.max(axis=0).tolist() == [224, 224]
            for axis in (0, 1):
                expected = np.interp(pose[:, axis], [pose[:, axis].min(), pose[:, axis].max()], [0, 224])
                np.testing.assert_allclose(label[:, axis], expected)
    root = make_course(tmp_path, LABELS[:4], "test3")
    (root / "test3_labels.npy").unlink()
    np.testing.assert_allclose(
        CourseFigures(root, "test3").labels * 224 / 40, course_poses(root / "test_split.npy", "test3")
    )


def test_the_courses_file_gives_four_sets_of_879(tmp_path):
    np.save(tmp_path / "test_split.npy", GENERATOR.uniform(0, 500, (3519, 16, 2)))
    assert [len(course_poses(tmp_path / "test_split.npy", name)) for name in COURSE_SETS] == [879] * 4


def test_poses_that_cannot_be_stretched(tmp_path):
    poses = GENERATOR.uniform(0, 500, (8, 16, 2))
    poses[5, :, 0] = 3
    np.save(tmp_path / "p.npy", poses)
    with pytest.raises(ValueError, match="pose 1 of test3 in .*p.npy has no width or no height"):
        course_poses(tmp_path / "p.npy", "test3")
    np.save(tmp_path / "p.npy", np.full((8, 32), -1))
    with pytest.raises(ValueError, match="has 0 poses without -1, too few"):
        course_poses(tmp_path / "p.npy", "test1")


def test_what_is_written_is_read_to_the_last_bit(tmp_path):
    datasets = [StickFigures(name, "test", count=11, size=48) for name in ("plain", "circles", "shapes", "platform")]
    write_course(datasets, tmp_path / "new")
    assert np.load(tmp_path / "new" / "test2_labels.npy").dtype == np.float32
    for name, dataset in zip(COURSE_SETS, datasets, strict=True):
        read, true = CourseFigures(tmp_path / "new", name).batch(range(11)), dataset.batch(range(11))
        np.testing.assert_array_equal(read.images, true.images)
        np.testing.assert_array_equal(read.points, true.points)
        assert read.names == tuple(f"{number}.png" for number in range(11))
        assert report_score(read.points, true.points, 48) == 0
    again = [CourseFigures(tmp_path / "new", name) for name in COURSE_SETS]
    write_course(again, tmp_path / "again")
    assert (tmp_path / "again" / "test4_labels.npy").read_bytes() == (
        tmp_path / "new" / "test4_labels.npy"
    ).read_bytes()


@pytest.mark.parametrize(
    "samples, message",
    [
        ([], "the data set for test2 has no samples"),
        ([sample(), sample(1, size=(41, 40))], "sample 1 for test2 has 41 x 40 pixels, but those before it 40 x 40"),
        ([sample(points=LABELS[0, :14])], r"must have points of shape \(16, 2\), not \(14, 2\)"),
        ([sample(points=LABELS[0] * np.nan)], "sample 0 for test2 has a joint that is NaN"),
        ([sample(points=LABELS[0] + 25)], "write_course: joint .* of label 0 in the data set for test2 is at"),
        ([sample(visible=0)], "has an unlabelled joint, 0, which the format cannot express"),
        ([sample(points=LABELS[0] / 40)], "all points for test2 are from 0 to 1; points are pixels"),
    ],
)
def test_what_the_format_cannot_hold_is_not_written(tmp_path, samples, message):
    with pytest.raises(ValueError, match=message):
        write_course([Given([sample()]), Given(samples), Given([sample()]), Given([sample()])], tmp_path)
    assert not (tmp_path / "test2_labels.npy").exists()


def test_nothing_is_overwritten(tmp_path):
    datasets = [Given([sample()])] * 4
    with pytest.raises(ValueError, match="must be four data sets"):
        write_course(datasets[:3], tmp_path)
    with pytest.raises(ValueError, match="must be four data sets"):
        write_course(StickFigures(count=4), tmp_path)
    write_course(datasets, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(FileExistsError, match=re.escape(f"write_course: {tmp_path / 'Dataset' / 'Test1'} exists")):
        write_course(datasets, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
