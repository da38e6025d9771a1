"""The names, the links and the symmetry of the keypoints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Skeleton:
    """A set of keypoints, checked when it is made.

    Right and left are the figure's own. A figure that faces the viewer has its right on the image's left.

    Parameters
    ----------
    names : tuple of str
        The name of each of the J joints.
    links : tuple of (int, int)
        The pairs of joints that a limb connects.
    flip : tuple of int
        `flip[j]` is the joint that takes the place of joint j in a mirrored image.
    head : (int, int)
        The two joints whose distance is the head length, the unit of PCKh.
    excluded_from_pckh : tuple of int
        Joints that PCKh leaves out.
    right, left : tuple of int
        The paired joints: `right[k]` and `left[k]` are each other's mirror image.

    Raises
    ------
    ValueError
        If an index names no joint, a name appears twice, or `flip`, `right` and `left` disagree.
    """

    names: tuple[str, ...]
    links: tuple[tuple[int, int], ...]
    flip: tuple[int, ...]
    head: tuple[int, int]
    excluded_from_pckh: tuple[int, ...]
    right: tuple[int, ...]
    left: tuple[int, ...]

    def __post_init__(self) -> None:
        joints = range(len(self.names))
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"Skeleton: names must differ from each other, got {self.names}")
        if sorted(self.flip) != list(joints) or any(self.flip[self.flip[joint]] != joint for joint in joints):
            raise ValueError(
                f"Skeleton: flip must exchange the {len(joints)} joints in pairs, so that flipping twice "
                f"changes nothing, got {self.flip}"
            )
        for field in ("head", "excluded_from_pckh", "right", "left"):
            self._check_indices(field, getattr(self, field))
        for link in self.links:
            self._check_indices("links", link)
            if len(link) != 2 or link[0] == link[1]:
                raise ValueError(f"Skeleton: each of links must be a pair of different joints, got {link}")
        if len(self.head) != 2 or self.head[0] == self.head[1]:
            raise ValueError(f"Skeleton: head must be a pair of different joints, got {self.head}")
        paired = {joint for joint in joints if self.flip[joint] != joint}
        if set(self.right) | set(self.left) != paired or self.left != tuple(self.flip[joint] for joint in self.right):
            raise ValueError(
                f"Skeleton: left must be flip of right, and both together all joints that flip moves, "
                f"got right={self.right} and left={self.left}"
            )

    def _check_indices(self, field: str, indices: tuple[int, ...]) -> None:
        for index in indices:
            if not 0 <= index < len(self.names):
                last = len(self.names) - 1
                raise ValueError(f"Skeleton: {field} holds joint {index}, but there are joints 0 to {last}")


STICK_FIGURE = Skeleton(
    names=(
        "right_ankle",
        "right_knee",
        "right_hip",
        "left_hip",
        "left_knee",
        "left_ankle",
        "pelvis",
        "thorax",
        "upper_neck",
        "head_top",
        "right_wrist",
        "right_elbow",
        "right_shoulder",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
    ),
    links=(
        (0, 1),
        (1, 2),
        (2, 6),
        (6, 3),
        (3, 4),
        (4, 5),
        (6, 7),
        (7, 8),
        (8, 9),
        (10, 11),
        (11, 12),
        (12, 7),
        (7, 13),
        (13, 14),
        (14, 15),
    ),
    flip=(5, 4, 3, 2, 1, 0, 6, 7, 8, 9, 15, 14, 13, 12, 11, 10),
    head=(8, 9),
    excluded_from_pckh=(6, 7),
    right=(0, 1, 2, 10, 11, 12),
    left=(5, 4, 3, 15, 14, 13),
)
"""The 16 joints of the MPII Human Pose data set (Andriluka et al. 2014), in its order."""
