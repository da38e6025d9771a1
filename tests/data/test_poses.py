import numpy as np
import pytest

from minipose.data import StickFigures
from minipose.data.poses import read_poses


def some_poses(count=3):
    return np.random.default_rng(0).uniform(-50, 200, (count, 16, 2))


def test_both_shapes_from_memory_and_from_a_file(tmp_path):
    poses = some_poses()
    np.save(tmp_path / "flat.npy", poses.reshape(3, 32))
    np.save(tmp_path / "pairs.npy", poses.astype(np.float32))
    for given in (poses, poses.reshape(3, 32), poses.tolist(), tmp_path / "flat.npy", str(tmp_path / "flat.npy")):
        np.testing.assert_array_equal(read_poses(given, "f"), poses)
    np.testing.assert_allclose(read_poses(tmp_path / "pairs.npy", "f"), poses, rtol=1e-6)
    whole = (poses * 100).astype(np.int64)
    np.testing.assert_array_equal(read_poses(whole, "f"), whole)


def test_what_is_given_is_not_changed():
    poses = some_poses()
    poses[1, 3] = -1
    before = poses.copy()
    assert np.isnan(read_poses(poses, "f")[1, 3]).all()
    np.testing.assert_array_equal(poses, before)


def test_a_missing_joint_has_both_coordinates_at_minus_one():
    poses = some_poses()
    poses[0, 4], poses[1, 5], poses[2, 6] = (-1, -1), (-1, 3), (3, -1)
    assert np.argwhere(np.isnan(read_poses(poses, "f"))).tolist() == [[0, 4, 0], [0, 4, 1]]


@pytest.mark.parametrize(
    "poses, error, message",
    [
        (np.zeros((3, 31)), ValueError, r"poses must have shape \(N, 32\) or \(N, 16, 2\), not \(3, 31\)"),
        (np.zeros((3, 2, 16)), ValueError, r"not \(3, 2, 16\)"),
        (np.zeros(32), ValueError, r"not \(32,\)"),
        (np.zeros((0, 32)), ValueError, "at least one pose"),
        ([[1.0] * 32, [1.0] * 31], TypeError, "each row as long as the others"),
        (np.full((2, 32), "1"), TypeError, "array of numbers"),
        (np.full((2, 32), None), TypeError, "array of numbers.*dtype object"),
        (np.ones((2, 32), bool), TypeError, "dtype bool"),
        (5, ValueError, r"not \(\)"),
        ({}, TypeError, "not dict"),
    ],
)
def test_refuses_what_is_no_table_of_poses(poses, error, message):
    with pytest.raises(error, match=message):
        StickFigures(poses=poses)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e10])
def test_refuses_numbers_that_are_no_position_and_says_which(value):
    poses = some_poses()
    poses[1, 4, 1] = value
    with pytest.raises(ValueError, match="y of joint 4 of pose 1 is"):
        StickFigures(poses=poses.reshape(3, 32))


def test_refuses_a_pose_without_an_extent():
    for joints in (0, 1):
        poses = some_poses()
        poses[2, joints:] = -1
        with pytest.raises(ValueError, match=f"pose 2 has {joints} joints and no extent"):
            StickFigures(poses=poses)
    poses[2] = 7
    with pytest.raises(ValueError, match="pose 2 has 16 joints and no extent"):
        StickFigures(poses=poses)


def test_refuses_wrong_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="StickFigures: there is no file of poses '.*nowhere.npy'"):
        StickFigures(poses=tmp_path / "nowhere.npy")
    with pytest.raises(ValueError, match="numpy.save wrote: .*directory"):
        StickFigures(poses=tmp_path)
    np.save(tmp_path / "objects.npy", np.array([[1, 2], None], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "several.npz", some_poses())
    (tmp_path / "text.npy").write_text("1 2 3")
    (tmp_path / "empty.npy").touch()
    np.save(tmp_path / "whole.npy", some_poses())
    (tmp_path / "cut.npy").write_bytes((tmp_path / "whole.npy").read_bytes()[:-9])
    for name in ("objects.npy", "several.npz", "text.npy", "empty.npy", "cut.npy"):
        with pytest.raises(ValueError, match=f"{name}' must be an array of numbers that numpy.save wrote"):
            StickFigures(poses=tmp_path / name)
    np.save(tmp_path / "other.npy", np.zeros((3, 5)))
    with pytest.raises(ValueError, match=r"other.npy' must have shape .* not \(3, 5\)"):
        StickFigures(poses=tmp_path / "other.npy")


def test_nothing_is_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    np.save(tmp_path / "trap.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="must be an array of numbers"):
        StickFigures(poses=tmp_path / "trap.npy")
    assert not (tmp_path / "sprung").exists()
