"""One stick figure: a random pose, a place in the image, and the shapes that draw it.

A figure that faces the viewer is turned by at most 60 degrees: its right shoulder and hip are always on the image's
left, and to tell its right hand from its left one must follow the arm to the shoulder. One that faces away is its
mirror image. The proportions and the ranges of the angles are close to those of the people in the MPII data set.
"""

from __future__ import annotations

import math

import numpy as np

from minipose.data.drawing.colours import BLACK, FACE
from minipose.data.drawing.numbers import inner, triangular, uniform
from minipose.data.drawing.render import add_disc, add_line
from minipose.pose import STICK_FIGURE

# Lengths in torsos (from pelvis to thorax).
NECK, HEAD, SHOULDER_HALF_WIDTH, HIP_HALF_WIDTH = 0.18, 0.62, 0.36, 0.20
LENGTH_SPREAD = 0.06
LARGEST_YAW = math.radians(60)

# One row a limb (right arm, left arm, right leg, left leg), one column a bone, from the body outwards.
LIMB_JOINTS = np.array([[12, 11, 10], [13, 14, 15], [2, 1, 0], [3, 4, 5]])
LIMB_LENGTHS = np.array([[0.66, 0.56], [0.66, 0.56], [0.95, 0.92], [0.95, 0.92]])
# A bone that points towards the viewer or away from him looks shorter.
SHORTEST_SEEN = np.array([[0.6, 0.5], [0.6, 0.5], [0.7, 0.7], [0.7, 0.7]])

# Angles in degrees, positive outwards: of the first bone from the torso's axis, of the second from the first.
EASY_FRACTION = 0.65
EASY_LEAN, HARD_LEAN = 12.0, 60.0
EASY_LOW = np.array([[-25.0, -90.0], [-25.0, -90.0], [-25.0, -10.0], [-25.0, -10.0]])
EASY_MODE = np.array([[25.0, -10.0], [25.0, -10.0], [8.0, 5.0], [8.0, 5.0]])
EASY_HIGH = np.array([[100.0, 70.0], [100.0, 70.0], [55.0, 60.0], [55.0, 60.0]])
HARD_LOW = np.array([[-45.0, -150.0], [-45.0, -150.0], [-45.0, 0.0], [-45.0, 0.0]])
HARD_HIGH = np.array([[175.0, 100.0], [175.0, 100.0], [125.0, 140.0], [125.0, 140.0]])
NECK_SPREAD, HEAD_SPREAD = 6.0, 12.0
NORMALS = 15  # numbers of the normal distribution that one pose takes

# Placement, in image sides: the largest figure leaves a margin; FREE is how large the others are beside it.
MARGIN = 0.06
FREE, SMALL, AMONG_OTHERS = (0.55, 1.0), (0.2, 0.4), (0.4, 0.7)
PLACE_FREE, PLACE_FIT, PLACE_FIT_ANISO, PLACE_COURSE = range(4)

# The parts of the figure in the order of painting where the right side is the nearer one: two joints, and the layer.
FAR_LAYER, TORSO_LAYER, HEAD_LAYER, NEAR_LAYER, LAYERS = range(5)
PARTS = np.array([
    (3, 4, 0), (4, 5, 0), (13, 14, 0), (14, 15, 0),
    (2, 6, 1), (6, 3, 1), (6, 7, 1), (7, 8, 1), (12, 7, 1), (7, 13, 1), (8, 9, 2),
    (0, 1, 3), (1, 2, 3), (10, 11, 3), (11, 12, 3),
])  # fmt: skip
COURSE_PARTS = np.array([part if tuple(part[:2]) != (12, 7) else (12, 13, 1) for part in PARTS.tolist()
                         if tuple(part[:2]) != (7, 13)])  # fmt: skip
# The last layer that shows the joint.
JOINT_LAYERS = np.array([max(layer for *ends, layer in PARTS.tolist() if joint in ends) for joint in range(16)])
MIRROR = np.array(STICK_FIGURE.flip)
SIDE = np.array([1, 1, 1, 2, 2, 2, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2])  # a joint's row of the palette
WHOLE, UPPER_HALF, LOWER_HALF = 0, 1, 2
EYE_ACROSS, EYE_UP, EYE_RADIUS = 0.4, 0.15, 0.2  # in radii of the head, from its centre


@inner
def line_half_width(size):
    """Return half the width of a line in an image of `size` x `size` pixels."""
    return max(1.0, 2.0 * size / 224.0)


@inner
def random_pose(stream, normals, pose):
    """Fill joints (16, 2) in torsos around the pelvis, y downwards; return whether the right side is the nearer one."""
    easy = uniform(stream, 0.0, 1.0) < EASY_FRACTION
    lean = EASY_LEAN * normals[0] if easy else uniform(stream, -HARD_LEAN, HARD_LEAN)
    yaw = uniform(stream, -LARGEST_YAW, LARGEST_YAW)
    shoulder = SHOULDER_HALF_WIDTH * math.exp(LENGTH_SPREAD * normals[1]) * math.cos(yaw)
    hip = HIP_HALF_WIDTH * math.exp(LENGTH_SPREAD * normals[2]) * math.cos(yaw)
    pose[6, 0] = pose[6, 1] = 0.0
    pose[7, 0], pose[7, 1] = 0.0, -1.0
    for limb in range(4):
        root, side = LIMB_JOINTS[limb, 0], -1.0 if limb % 2 == 0 else 1.0
        pose[root, 0] = side * (shoulder if limb < 2 else hip)
        pose[root, 1] = -1.0 if limb < 2 else 0.0
        direction = 0.0
        for bone in range(2):
            if easy:
                angle = triangular(stream, EASY_LOW[limb, bone], EASY_MODE[limb, bone], EASY_HIGH[limb, bone])
            else:
                angle = uniform(stream, HARD_LOW[limb, bone], HARD_HIGH[limb, bone])
            if limb >= 2 and bone == 1 and uniform(stream, 0.0, 1.0) < 0.5:
                angle = -angle
            direction += math.radians(angle)
            seen = uniform(stream, SHORTEST_SEEN[limb, bone], 1.0)
            length = LIMB_LENGTHS[limb, bone] * seen * math.exp(LENGTH_SPREAD * normals[3 + 2 * limb + bone])
            start, end = pose[LIMB_JOINTS[limb, bone]], pose[LIMB_JOINTS[limb, bone + 1]]
            end[0] = start[0] + side * length * math.sin(direction)
            end[1] = start[1] + length * math.cos(direction)
    tilt = math.radians(NECK_SPREAD * normals[11])
    length = NECK * math.exp(LENGTH_SPREAD * normals[12])
    pose[8, 0], pose[8, 1] = length * math.sin(tilt), -1.0 - length * math.cos(tilt)
    tilt += math.radians(HEAD_SPREAD * normals[13])
    length = HEAD * math.exp(LENGTH_SPREAD * normals[14])
    pose[9, 0], pose[9, 1] = pose[8, 0] + length * math.sin(tilt), pose[8, 1] - length * math.cos(tilt)
    cosine, sine = math.cos(math.radians(lean)), math.sin(math.radians(lean))
    for joint in range(16):
        x, y = pose[joint, 0], pose[joint, 1]
        pose[joint, 0], pose[joint, 1] = cosine * x - sine * y, sine * x + cosine * y
    return yaw > 0.0


@inner
def box(pose, with_head):
    """Return the corners (left, top, right, bottom) of the joints that are there, and of the head's disc if asked."""
    left = top = np.inf
    right = bottom = -np.inf
    for joint in range(16):
        x, y = pose[joint, 0], pose[joint, 1]
        if math.isnan(x):
            continue
        left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
    if with_head and not math.isnan(pose[8, 0] + pose[9, 0]):
        x, y = (pose[8, 0] + pose[9, 0]) / 2, (pose[8, 1] + pose[9, 1]) / 2
        radius = math.hypot(pose[9, 0] - pose[8, 0], pose[9, 1] - pose[8, 1]) / 2
        left, right = min(left, x - radius), max(right, x + radius)
        top, bottom = min(top, y - radius), max(bottom, y + radius)
    return left, top, right, bottom


@inner
def place(stream, pose, size, placement, scales, points):
    """Scale a pose (16, 2) and put it into the image, at `points` (16, 2).

    `scales` is how large the figure is, at least and at most, beside the largest that the placement allows. Three
    random numbers are taken, whatever the placement.
    """
    part = uniform(stream, scales[0], scales[1])
    across, down = uniform(stream, 0.0, 1.0), uniform(stream, 0.0, 1.0)
    if scales[0] == 1.0:
        across = down = 0.5
    isotropic = placement in (PLACE_FREE, PLACE_FIT)
    left, top, right, bottom = box(pose, isotropic)
    width, height = right - left, bottom - top
    half_width = line_half_width(size)
    first, last, longest = half_width, size - 1.0 - half_width, (1.0 - 2.0 * MARGIN) * size - 2.0 * half_width
    if placement == PLACE_COURSE:
        first, last, longest = 0.0, float(size), float(size)
    scale_x, scale_y = part * longest / max(width, 1e-300), part * longest / max(height, 1e-300)
    # What is no wider than a line can be drawn, but not be stretched.
    if isotropic or min(width, height) < 1e-6 * max(width, height):
        scale_x = scale_y = min(scale_x, scale_y)
    room_x, room_y = last - first - scale_x * width, last - first - scale_y * height
    # What fills the image begins at its very edge, where the course looks for a 0.
    first_x = first + (across * room_x if room_x > 1e-9 * size else 0.0)
    first_y = first + (down * room_y if room_y > 1e-9 * size else 0.0)
    for joint in range(16):
        points[joint, 0] = scale_x * (pose[joint, 0] - left) + first_x
        points[joint, 1] = scale_y * (pose[joint, 1] - top) + first_y


@inner
def add_figure(shapes, points, palette, half_width, right_is_near, base_layer, half, options, faces_viewer):
    """Append the shapes of a figure, or of one half of it, whose joints are at `points` (16, 2).

    Joints that are not there are NaN, and so is no line to them. `options` are those of `scene.draw_scenes`.
    """
    course, cue, missing_limb_rule = options[0] == 1, options[2], options[3] == 1
    parts = COURSE_PARTS if course else PARTS
    for index in range(parts.shape[0]):
        start, end, layer = parts[index, 0], parts[index, 1], parts[index, 2]
        if not right_is_near:
            start, end = MIRROR[start], MIRROR[end]
        if (half == UPPER_HALF and min(start, end) < 7) or (half == LOWER_HALF and max(start, end) > 6):
            continue
        x0, y0, x1, y1 = points[start, 0], points[start, 1], points[end, 0], points[end, 1]
        if math.isnan(x0 + x1):
            continue
        first, second = SIDE[start], SIDE[end]
        colour = palette[max(first, second) if first == second or min(first, second) == 0 else 0]
        if layer == HEAD_LAYER:
            x, y, radius = (x0 + x1) / 2, (y0 + y1) / 2, math.hypot(x1 - x0, y1 - y0) / 2
            # Neck and top lie on the disc as deep as a hand lies in its arm: half a line inside the outline.
            radius += 0.0 if course else half_width
            add_disc(shapes, x, y, radius, colour, base_layer + layer)
            if cue == FACE and faces_viewer:
                _add_eyes(shapes, x, y, (x1 - x0) / 2, (y1 - y0) / 2, base_layer + layer)
        elif not (missing_limb_rule and min(x0, y0, x1, y1) <= 0.0):
            add_line(shapes, x0, y0, x1, y1, half_width, colour, base_layer + layer)


@inner
def _add_eyes(shapes, x, y, up_x, up_y, layer):
    """Append two black discs on the head whose centre is (x, y), (up_x, up_y) being the way from there to its top."""
    radius = max(0.7, EYE_RADIUS * math.hypot(up_x, up_y))
    for side in (-EYE_ACROSS, EYE_ACROSS):
        add_disc(shapes, x + EYE_UP * up_x - side * up_y, y + EYE_UP * up_y + side * up_x, radius, BLACK, layer)
