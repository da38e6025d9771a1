"""Poses from elsewhere: an array or a file of keypoints, checked before anything is drawn from it."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

JOINTS = 16
MISSING = -1.0
LARGEST = 1e9  # what is farther from 0 is no position in an image


def read_poses(poses: Any, caller: str = "read_poses") -> np.ndarray:
    """Return poses as an array, from an array or a file.

    Parameters
    ----------
    poses : array or path
        N x 16 x 2 or N x 32 numbers (x, y, x, y, ...) in the order of `minipose.pose.STICK_FIGURE`, x to the right and
        y downwards, in any unit; or a file of them that `numpy.save` wrote. A joint at (-1, -1) is missing.
    caller : str
        What the error messages begin with.

    Returns
    -------
    float64 array (N, 16, 2)
        NaN where a joint is missing.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If it is neither a path nor an array of numbers.
    ValueError
        If the file cannot be read or is not one of NumPy's, the shape is another, there is no pose, a number is NaN,
        infinite or beyond a thousand millions, or a pose has no two joints in different places.
    """
    array = read_numbers(poses, caller)
    array[(array == MISSING).all(axis=-1)] = np.nan
    extent = np.fmax.reduce(array, axis=1) - np.fmin.reduce(array, axis=1)
    points = ~(extent.max(axis=-1) > 0)
    if points.any():
        raise ValueError(
            f"{_description(poses, caller)} must have two joints in different places, but pose {points.argmax()} has "
            f"{np.isfinite(array[points.argmax(), :, 0]).sum()} joints and no extent"
        )
    return array


def read_numbers(poses: Any, caller: str) -> np.ndarray:
    """Return poses as `read_poses` does, but with the coordinates of missing joints as they are."""
    what = _description(poses, caller)
    if isinstance(poses, (str, os.PathLike)):
        poses = _load(caller, poses)
    try:
        array = np.asarray(poses)
    except ValueError:  # lists of different lengths
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "fiu":
        raise TypeError(
            f"{what} must be an array of numbers of shape (N, 32) or (N, 16, 2), each row as long as the others, "
            f"not {type(poses).__name__} of dtype {array.dtype}"
        )
    if array.shape[1:] not in ((2 * JOINTS,), (JOINTS, 2)):
        raise ValueError(f"{what} must have shape (N, 32) or (N, 16, 2), not {array.shape}")
    if len(array) == 0:
        raise ValueError(f"{what} must hold at least one pose, but have shape {array.shape}")
    array = array.reshape(-1, JOINTS, 2).astype(np.float64)
    _check_numbers(what, array)
    return array


def _description(poses: Any, caller: str) -> str:
    is_file = isinstance(poses, (str, os.PathLike))
    return f"{caller}: poses file {os.fspath(poses)!r}" if is_file else f"{caller}: poses"


def _load(caller: str, path: str | os.PathLike) -> Any:
    try:
        with open(path, "rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{caller}: there is no file of poses {os.fspath(path)!r}") from error
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise ValueError(
            f"{caller}: poses file {os.fspath(path)!r} must be an array of numbers that numpy.save wrote: {error}"
        ) from error


def _check_numbers(what: str, poses: np.ndarray) -> None:
    wrong = ~(np.abs(poses) <= LARGEST)
    if wrong.any():
        pose, joint, axis = np.argwhere(wrong)[0]
        raise ValueError(
            f"{what} must be finite and at most {LARGEST:g}, but {'xy'[axis]} of joint {joint} of pose {pose} is "
            f"{poses[pose, joint, axis]}; a missing joint is (-1, -1)"
        )
