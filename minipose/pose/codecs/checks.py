"""What all codecs ask of the keypoints that they encode and of the outputs that they decode."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minipose.checks import as_array, check_number
from minipose.pose.affine import is_inside


def check_sigma(caller: str, sigma: float) -> None:
    """Raise unless `sigma` is a standard deviation that can be computed with."""
    check_number(caller, "sigma", sigma, 0.01, 1e6)


def checked_keypoints(caller: str, points: np.ndarray) -> np.ndarray:
    """Return keypoints (N, J, 2) in float64; raise unless they have that shape and are finite."""
    points = as_array(caller, "points", points).astype(np.float64)
    if points.ndim != 3:
        raise ValueError(f"{caller}: points must have shape (N, J, 2), got {points.shape}")
    if points.shape[2] != 2:
        raise ValueError(f"{caller}: the last axis of points must be (x, y), got shape {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError(f"{caller}: points hold NaN or infinity; give unlabelled joints a finite position")
    return points


def joint_weights(caller: str, points: np.ndarray, visible: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """Return what each joint counts in a loss: 1, or 0 where it is unlabelled or outside the image.

    Parameters
    ----------
    caller : str
        Who asks, for the errors.
    points : array (N, J, 2)
        Keypoints (x, y) in image pixels.
    visible : array (N, J)
        0 outside or unlabelled, 1 hidden, 2 visible.
    image_size : (int, int)
        Height and width in pixels.

    Returns
    -------
    float32 array (N, J)

    Raises
    ------
    ValueError
        If the shapes differ, a flag is something else, or most of the labelled joints lie outside: then the points
        are not in the pixels of this image, but in those of a larger one.
    """
    visible = as_array(caller, "visible", visible)
    if visible.shape != points.shape[:2]:
        raise ValueError(f"{caller}: visible must have shape (N, J) = {points.shape[:2]}, got {visible.shape}")
    if not np.isin(visible, (0, 1, 2)).all():
        raise ValueError(f"{caller}: visible must hold the flags 0, 1 and 2 only")
    labelled, inside = visible > 0, is_inside(points, image_size)
    outside = int((labelled & ~inside).sum())
    if 2 * outside > labelled.sum():
        low, high = points[labelled].min(axis=0), points[labelled].max(axis=0)
        raise ValueError(
            f"{caller}: {outside} of {int(labelled.sum())} labelled joints lie outside the image of {image_size[1]} x "
            f"{image_size[0]} pixels (width x height): x goes from {low[0]:.1f} to {high[0]:.1f} and y from "
            f"{low[1]:.1f} to {high[1]:.1f}; scale the points with the image"
        )
    return (labelled & inside).astype(np.float32)


def checked_outputs(caller: str, outputs: np.ndarray, axes: str, lengths: Sequence[int]) -> np.ndarray:
    """Return the outputs of a network as a floating-point array.

    Parameters
    ----------
    caller : str
    outputs : array (N, J, ...)
    axes : str
        The names of all axes, "N J h w".
    lengths : sequence of int
        What the axes after N and J must be.

    Raises
    ------
    ValueError
        If the shape is another, there is none, or an entry is NaN or infinite.
    """
    outputs = as_array(caller, "outputs", outputs)
    names = f"({', '.join(axes.split())})"
    lengths = tuple(lengths)
    if outputs.ndim != 2 + len(lengths) or outputs.shape[2:] != lengths or 0 in outputs.shape:
        expected = f"{names} = (N, J, {', '.join(map(str, lengths))})"
        hint = ""
        if len(lengths) == 2 and outputs.ndim == 4 and outputs.shape[1:3] == lengths:
            hint = (
                "; this looks like (N, h, w, J), whose axes transpose(0, 3, 1, 2) puts in order. A reshape would keep "
                "none of the maps together"
            )
        elif outputs.shape[2:] == lengths:
            hint = "; there must be one output at least"
        elif len(lengths) == 2 and outputs.shape[2:] == lengths[::-1]:
            hint = "; this looks like (N, J, w, h): rows are y, columns are x"
        raise ValueError(f"{caller}: outputs must have shape {expected}, got {outputs.shape}{hint}")
    if not np.isfinite(outputs).all():
        raise ValueError(f"{caller}: outputs hold NaN or infinity")
    return outputs if outputs.dtype.kind == "f" else outputs.astype(np.float32)
