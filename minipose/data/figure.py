"""One random stick figure: its pose, its place in the image, what is hidden, and the shapes that draw it.

The figure faces the viewer, turned by at most 60 degrees: its right shoulder and hip are always on the image's
left, and to tell its right hand from its left one must follow the arm to the shoulder. The proportions and
the ranges of the angles are close to those of the people in the MPII data set.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from minipose.data import render
from minipose.pose import STICK_FIGURE

# Lengths in torsos (from pelvis to thorax).
NECK, HEAD, SHOULDER_HALF_WIDTH, HIP_HALF_WIDTH = 0.18, 0.62, 0.36, 0.20
LENGTH_SPREAD = 0.06
LARGEST_YAW = np.radians(60)

# One row a limb (right arm, left arm, right leg, left leg), one column a bone, from the body outwards.
LIMB_JOINTS = np.array([[11, 10], [14, 15], [1, 0], [4, 5]])
LIMB_ROOTS = np.array([12, 13, 2, 3])
OUTWARDS = np.array([[-1], [1], [-1], [1]])
LIMB_LENGTHS = np.array([[0.66, 0.56], [0.66, 0.56], [0.95, 0.92], [0.95, 0.92]])
# A bone that points towards the viewer or away from him looks shorter.
SHORTEST_SEEN = np.array([[0.6, 0.5], [0.6, 0.5], [0.7, 0.7], [0.7, 0.7]])

# Angles in degrees, positive outwards: of the first bone from the torso's axis, of the second from the first.
EASY_FRACTION = 0.65
EASY_LEAN, HARD_LEAN = 12, 60
EASY_LOW = np.array([[-25, -90], [-25, -90], [-25, -10], [-25, -10]])
EASY_MODE = np.array([[25, -10], [25, -10], [8, 5], [8, 5]])
EASY_HIGH = np.array([[100, 70], [100, 70], [55, 60], [55, 60]])
HARD_LOW = np.array([[-45, -150], [-45, -150], [-45, 0], [-45, 0]])
HARD_HIGH = np.array([[175, 100], [175, 100], [125, 140], [125, 140]])
NECK_AND_HEAD_SPREAD = (6, 12)

# Placement, in image sides: the largest figure leaves a margin, and the smallest is about half as big.
MARGIN = 0.06
SMALLEST_SCALE = 0.55

PARTS = np.array(STICK_FIGURE.links)
HEAD_PART = STICK_FIGURE.links.index(STICK_FIGURE.head)


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure in an image.

    Attributes
    ----------
    points : float64 array (16, 2)
        Joints (x, y) in pixels, all inside the image.
    visible : uint8 array (16,)
        1 where a part of the figure that is painted later covers the joint, 2 elsewhere.
    colour : float64 array (3,)
        Red, green and blue, 0 to 255.
    shapes : float64 array (15, 9)
        What `render.draw` paints, far limbs first.
    """

    points: np.ndarray
    visible: np.ndarray
    colour: np.ndarray
    shapes: np.ndarray


def random_figure(generator: np.random.Generator, size: int) -> Figure:
    """Draw a pose, a place, a scale and a colour for an image of `size` x `size` pixels."""
    pose, right_is_near = _random_pose(generator)
    half_width = max(1.0, 2 * size / 224)
    points = _random_place(generator, pose, size, half_width)
    # Strong colours only: the backgrounds can then keep away from all of them by one rule.
    hue, saturation, value = generator.random(), generator.uniform(0.8, 1), generator.uniform(0.9, 1)
    colour = 255 * np.array(colorsys.hsv_to_rgb(hue, saturation, value))
    starts, ends, radii = _parts(points, half_width)
    part_layers, joint_layers, order = _LAYERS[right_is_near]
    shapes = render.capsules(starts, ends, radii, colour)[order]
    covered = _distances(points, starts, ends) <= radii
    hidden = (covered & (part_layers > joint_layers[:, None])).any(axis=1)
    return Figure(points, np.where(hidden, 1, 2).astype(np.uint8), colour, shapes)


def _random_pose(generator: np.random.Generator) -> tuple[np.ndarray, bool]:
    """Joints (16, 2) in torsos around the pelvis, y downwards, and whether the right side is nearer to the viewer."""
    if generator.random() < EASY_FRACTION:
        lean = generator.normal(0, EASY_LEAN)
        angles = generator.triangular(EASY_LOW, EASY_MODE, EASY_HIGH)
    else:
        lean = generator.uniform(-HARD_LEAN, HARD_LEAN)
        angles = generator.uniform(HARD_LOW, HARD_HIGH)
    angles[2:, 1] *= np.where(generator.random(2) < 0.5, -1, 1)
    yaw = generator.uniform(-LARGEST_YAW, LARGEST_YAW)
    stretch = np.exp(LENGTH_SPREAD * generator.standard_normal(12))
    lengths = LIMB_LENGTHS * generator.uniform(SHORTEST_SEEN, 1) * stretch[:8].reshape(4, 2)
    shoulder = SHOULDER_HALF_WIDTH * stretch[8] * np.cos(yaw)
    hip = HIP_HALF_WIDTH * stretch[9] * np.cos(yaw)

    points = np.zeros((16, 2))
    points[7] = 0, -1
    points[LIMB_ROOTS] = [[-shoulder, -1], [shoulder, -1], [-hip, 0], [hip, 0]]
    directions = np.radians(angles.cumsum(axis=1))
    bones = lengths[..., None] * np.stack([OUTWARDS * np.sin(directions), np.cos(directions)], axis=-1)
    points[LIMB_JOINTS] = points[LIMB_ROOTS][:, None] + bones.cumsum(axis=1)
    tilts = np.radians(generator.normal(0, NECK_AND_HEAD_SPREAD).cumsum())
    spine = np.array([[NECK * stretch[10]], [HEAD * stretch[11]]]) * np.stack([np.sin(tilts), -np.cos(tilts)], axis=-1)
    points[[8, 9]] = points[7] + spine.cumsum(axis=0)

    cosine, sine = np.cos(np.radians(lean)), np.sin(np.radians(lean))
    return points @ np.array([[cosine, sine], [-sine, cosine]]), bool(yaw > 0)


def _random_place(generator: np.random.Generator, pose: np.ndarray, size: int, half_width: float) -> np.ndarray:
    """Scale the pose and put it where all of the figure is inside the image."""
    starts, _, radii = _parts(pose, 0.0)
    head_centre, head_radius = starts[HEAD_PART], radii[HEAD_PART]
    low = np.minimum(pose.min(axis=0), head_centre - head_radius)
    high = np.maximum(pose.max(axis=0), head_centre + head_radius)
    largest = ((1 - 2 * MARGIN) * size - 2 * half_width) / (high - low).max()
    scale = largest * generator.uniform(SMALLEST_SCALE, 1)
    first, last = half_width - scale * low, size - 1 - half_width - scale * high
    return scale * pose + generator.uniform(first, last)


def _parts(points: np.ndarray, half_width: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts, ends and radii of the capsules that make up the figure. The head is one whose ends coincide."""
    starts, ends = points[PARTS[:, 0]], points[PARTS[:, 1]]
    radii = np.full(len(PARTS), half_width)
    # Neck and top lie on the disc as deep as a hand lies in its arm: half a line inside the outline.
    radii[HEAD_PART] += np.linalg.norm(ends[HEAD_PART] - starts[HEAD_PART]) / 2
    starts[HEAD_PART] = ends[HEAD_PART] = (starts[HEAD_PART] + ends[HEAD_PART]) / 2
    return starts, ends, radii


def _distances(points: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Distance of each point (J, 2) to each line from starts (P, 2) to ends (P, 2), as (J, P)."""
    along = ends - starts
    offset = points[:, None] - starts
    length_squared = np.maximum((along**2).sum(axis=-1), np.finfo(np.float64).tiny)
    position = np.clip((offset * along).sum(axis=-1) / length_squared, 0, 1)
    return np.linalg.norm(offset - position[..., None] * along, axis=-1)


def _layers(near: tuple[int, ...], far: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """When each part and each joint is painted (far limbs 0, torso 1, head 2, near limbs 3), and the parts in order."""
    part_layers = np.ones(len(PARTS), dtype=int)
    for index, part in enumerate(STICK_FIGURE.links):
        if set(part) <= set(far):
            part_layers[index] = 0
        elif set(part) <= set(near):
            part_layers[index] = 3
    part_layers[HEAD_PART] = 2
    joint_layers = np.array([part_layers[(PARTS == joint).any(axis=1)].max() for joint in range(16)])
    return part_layers, joint_layers, np.argsort(part_layers, kind="stable")


_LAYERS = {
    True: _layers(near=STICK_FIGURE.right, far=STICK_FIGURE.left),
    False: _layers(near=STICK_FIGURE.left, far=STICK_FIGURE.right),
}
