import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from minipose.data import SETS, Batch, StickFigures
from minipose.pose import STICK_FIGURE, epe, mean_pose, report_score
from tests.data.hashes import FILE, PUBLISHED, digest, test_set

PROJECT = Path(__file__).parents[2]
HASHES = json.loads(FILE.read_text())


def keys(figures, indices):
    batch = figures.batch(indices)
    return {points.tobytes() for points in batch.points}


@pytest.mark.parametrize("set_name", SETS)
def test_shapes_and_types(set_name):
    figures = StickFigures(set_name, split="val", size=48, count=9, seed=3)
    batch = figures.batch(np.array([4, 0, 8]))
    assert batch.images.shape == (3, 48, 48, 3) and batch.images.dtype == np.uint8
    assert batch.points.shape == (3, 16, 2) and batch.points.dtype == np.float32
    assert batch.visible.shape == (3, 16) and batch.visible.dtype == np.uint8
    assert set(np.unique(batch.visible)) <= {1, 2}
    assert batch.facings == ("front",) * 3 and batch.matrices.shape == (3, 2, 3)
    assert list(batch.indices) == [4, 0, 8] and len(batch.sets) == 3
    sample = figures[4]
    np.testing.assert_array_equal(sample.image, batch.images[0])
    np.testing.assert_array_equal(sample.points, batch.points[0])
    np.testing.assert_array_equal(sample.visible, batch.visible[0])
    assert sample.index == 4 and sample.set == batch.sets[0] and sample.facing == "front"
    for people, flags, points in zip(batch.people, batch.people_visible, batch.points, strict=True):
        assert people.shape == (len(flags), 16, 2) and people.dtype == np.float32 and flags.dtype == np.uint8
        np.testing.assert_array_equal(people[0], points)


def gathered(parts):
    """One batch of many samples, each of which is in one of the batches `parts`, in the order of their indices."""
    images, people, visible = {}, {}, {}
    for part in parts:
        for place, index in enumerate(part.indices):
            images[index], people[index] = part.images[place], part.people[place]
            visible[index] = part.people_visible[place]
    order = sorted(images)
    columns = ([table[index] for index in order] for table in (images, people, visible))
    images, people, visible = columns
    points, flags = np.stack([p[0] for p in people]), np.stack([v[0] for v in visible])
    return Batch(np.stack(images), points, flags, (), np.array(order), (), tuple(people), tuple(visible), None)


@pytest.mark.parametrize("set_name", PUBLISHED)
def test_the_published_test_sets_are_what_they_were_however_they_are_drawn(set_name):
    """Shuffled, in batches of many sizes, by four threads at once."""
    figures, parts = test_set(set_name), []
    order = np.random.default_rng(len(set_name)).permutation(500)
    shares = np.split(order, [1, 3, 40, 110, 260, 400])

    def draw(mine):
        parts.extend([figures.batch(share) for share in mine])

    threads = [threading.Thread(target=draw, args=(shares[k::4],)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert digest(gathered(parts)) == HASHES[set_name]


def test_a_hash_notices_the_least_change():
    batch = test_set("crowd").batch(range(5))
    before = digest(batch)
    batch.people[2][1, 3, 0] += 0.002
    assert digest(batch) != before
    batch.people[2][1, 3, 0] -= 0.002
    assert digest(batch) == before
    batch.people_visible[4][1, 2] ^= 1
    assert digest(batch) != before
    batch.people_visible[4][1, 2] ^= 1
    batch.images[4, 63, 63, 2] ^= 1
    assert digest(batch) != before


@pytest.mark.parametrize("set_name", SETS)
def test_a_sample_does_not_depend_on_order_batch_or_thread(set_name):
    figures = StickFigures(set_name, count=40)
    together = figures.batch(range(40))
    order = np.random.default_rng(0).permutation(40)
    shuffled = figures.batch(order)
    np.testing.assert_array_equal(shuffled.images, together.images[order])
    np.testing.assert_array_equal(shuffled.points, together.points[order])

    again = {}
    threads = [
        threading.Thread(target=lambda part: again.update({i: StickFigures(set_name)[i] for i in part}), args=(part,))
        for part in np.array_split(order, 4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in range(40):
        np.testing.assert_array_equal(again[index].image, together.images[index])
        np.testing.assert_array_equal(again[index].points, together.points[index])
        np.testing.assert_array_equal(again[index].visible, together.visible[index])


def test_another_process_draws_the_same():
    here = [digest(StickFigures(name, split="test", seed=5).batch([0, 7, 3])) for name in SETS]
    script = (
        "from tests.data.hashes import *\n"
        "for name in SETS: print(digest(StickFigures(name, split='test', seed=5).batch([0, 7, 3])))"
    )
    command = [sys.executable, "-c", script]
    there = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECT).stdout.split()
    assert there == here
    assert len(set(here)) == len(SETS)


@pytest.mark.parametrize("set_name", SETS)
def test_splits_seeds_and_indices_have_nothing_in_common(set_name):
    streams = [
        keys(StickFigures(set_name, split, seed=seed, count=60), range(60))
        for split in ("train", "val", "test")
        for seed in (0, 1, 2)
    ]
    assert len(set.union(*streams)) == 9 * 60


def test_the_sets_show_different_poses():
    streams = [keys(StickFigures(set_name, count=60), range(60)) for set_name in SETS]
    assert len(set.union(*streams)) == len(SETS) * 60


def test_b14_no_backdrop_of_the_test_split_is_one_of_the_others():
    rows = {
        split: {image[:, -1].tobytes() for image in StickFigures("platform", split).batch(range(60)).images}
        for split in ("train", "val", "test")
    }
    assert all(len(different) == 60 for different in rows.values())
    assert not rows["test"] & rows["train"] and not rows["val"] & rows["train"]


def test_the_count_does_not_change_the_samples():
    np.testing.assert_array_equal(StickFigures(count=3)[2].image, StickFigures(count=3000)[2].image)


def test_mixed_takes_all_four_sets_alike():
    names = StickFigures("mixed").batch(range(800)).sets
    assert {*names} == {*SETS[:4]}
    for name in SETS[:4]:
        assert 150 < names.count(name) < 250


@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.parametrize("set_name", SETS[:4])
def test_every_joint_lies_on_the_figure(set_name, size):
    """The nearest pixel has the figure's colour, which is the colour of the middle of the head."""
    batch = StickFigures(set_name, split="test", size=size).batch(range(60))
    for image, points in zip(batch.images.astype(int), batch.points, strict=True):
        head = points[[8, 9]].mean(axis=0)
        colour = image[tuple(np.round(head).astype(int)[::-1])]
        columns, rows = np.round(points).astype(int).T
        distance = np.abs(image[rows, columns] - colour).max(axis=1)
        # A joint at the end of a line is at most 0.71 px from the pixel's centre, which is then covered by 0.79.
        assert distance.max() <= 0.22 * 255


def test_points_are_x_then_y():
    """Swapping them leaves the figure, in most images."""
    batch = StickFigures().batch(range(60))
    columns, rows = np.round(batch.points).astype(int).transpose(2, 0, 1)
    image_index = np.arange(60)[:, None]
    assert batch.images[image_index, rows, columns].any(axis=-1).all()
    assert batch.images[image_index, columns, rows].any(axis=-1).mean() < 0.4


def test_the_limbs_are_drawn_between_their_joints_and_nothing_else_is():
    batch = StickFigures("plain").batch(range(20))
    pixels = np.stack(np.meshgrid(np.arange(64), np.arange(64)), axis=-1).reshape(-1, 1, 2)
    for image, points in zip(batch.images, batch.points, strict=True):
        starts, ends = points[np.array(STICK_FIGURE.links)].transpose(1, 0, 2)
        along = ends - starts
        position = np.clip(((pixels - starts) * along).sum(axis=-1) / (along**2).sum(axis=-1), 0, 1)
        distance = np.linalg.norm(pixels - starts - position[..., None] * along, axis=-1).min(axis=1)
        from_head = np.linalg.norm(pixels[:, 0] - points[[8, 9]].mean(axis=0), axis=-1)
        head_radius = np.linalg.norm(points[8] - points[9]) / 2
        lit = image.reshape(-1, 3).any(axis=1)
        on_limb = (distance < 0.5) & (np.abs(from_head - head_radius) > 2)
        assert lit[on_limb].all()
        assert not lit[(distance > 1.6) & (from_head > head_radius + 1.6)].any()


def test_the_background_of_plain_is_black_and_that_of_platform_is_not():
    assert (StickFigures("plain").batch(range(20)).images.max(axis=-1) == 0).mean() > 0.8
    assert (StickFigures("platform").batch(range(20)).images.max(axis=-1) == 0).mean() < 0.01


def test_the_mean_pose_is_a_bad_guess():
    """The lines that a network has to beat, as the documentation of `report_score` gives them."""
    train = StickFigures().batch(range(800))
    test = StickFigures(split="test").batch(range(300))
    guess = np.broadcast_to(mean_pose(train.points), test.points.shape)
    assert report_score(guess, test.points, 64) == pytest.approx(0.85, abs=0.05)
    assert report_score(test.points[:, list(STICK_FIGURE.flip)], test.points, 64) == pytest.approx(0.8, abs=0.05)
    assert report_score(test.points[..., ::-1], test.points, 64) == pytest.approx(1.55, abs=0.1)
    assert epe(guess, test.points, test.visible) == pytest.approx(12.7, abs=0.7)


def test_behaves_as_a_sequence():
    figures = StickFigures("circles", count=5)
    assert len(figures) == 5
    assert [sample.index for sample in figures] == [0, 1, 2, 3, 4]
    assert figures[np.int64(3)].index == 3
    assert [len(StickFigures(split=split)) for split in ("train", "val", "test")] == [8000, 1000, 500]
    assert repr(figures) == "StickFigures(set='circles', split='train', size=64, count=5, seed=0)"
    other = StickFigures(cue="none", back_p=0.5, placement="fit", count=2)
    end = "count=2, seed=0, placement='fit', cue='none', back_p=0.5)"
    assert repr(other) == f"StickFigures(set='plain', split='train', size=64, {end}"


@pytest.mark.parametrize("index", [-1, 5, 2**40])
def test_an_index_outside_is_an_index_error(index):
    figures = StickFigures(count=5)
    with pytest.raises(IndexError, match=f"index {index} is outside 0 to 4"):
        figures[index]
    with pytest.raises(IndexError, match=f"index {index} is outside 0 to 4"):
        figures.batch([0, index])


def test_wrong_indices():
    figures = StickFigures(count=5)
    with pytest.raises(TypeError):
        figures[1.0]
    with pytest.raises(TypeError):
        figures[0:2]
    with pytest.raises(TypeError, match="integers"):
        figures.batch([0.0, 1.0])
    with pytest.raises(TypeError, match="integers"):
        figures.batch(np.array([True, False]))
    for indices in ([], 3, [[0, 1]]):
        with pytest.raises(ValueError, match="indices must be a sequence"):
            figures.batch(indices)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"set": "squares"}, f"set must be one of {', '.join(map(repr, SETS))}, not 'squares'"),
        ({"split": "valid"}, "split must be one of 'train', 'val', 'test', not 'valid'"),
        ({"size": 16}, "size must be at least 32, not 16"),
        ({"size": 4097}, "size must be at most 4096, not 4097"),
        ({"count": 0}, "count must be at least 1, not 0"),
        ({"seed": -1}, "seed must be at least 0, not -1"),
        ({"seed": 2**32}, "seed must be at most 4294967295, not 4294967296"),
        ({"placement": "fill"}, "placement must be one of 'free', 'fit', 'fit_aniso', not 'fill'"),
        ({"cue": "colour"}, "cue must be one of 'front', 'shade', 'color', 'face', 'none', not 'colour'"),
        ({"style": None}, "style must be one of 'minipose', 'course', not None"),
        ({"cue": "none", "back_p": 1.5}, "back_p must be a number from 0 up to 1, not 1.5"),
        ({"cue": "none", "back_p": np.nan}, "back_p must be a number"),
        ({"back_p": 0.5}, "back_p must be 0 with cue 'front'"),
        ({"cue": "none", "back_p": 0.5, "poses": np.eye(2, 32)}, "back_p must be 0 with poses"),
        ({"style": "course", "placement": "fit"}, "placement must not be given with style 'course'"),
        ({"missing_limb_rule": True}, "missing_limb_rule must be False unless style is 'course'"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        StickFigures(**arguments)


@pytest.mark.parametrize("arguments", [{"size": 64.0}, {"count": "8"}, {"seed": True}])
def test_arguments_of_another_kind(arguments):
    with pytest.raises(TypeError, match="must be an integer"):
        StickFigures(**arguments)
