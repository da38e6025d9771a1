"""Several people in one image: a heatmap for each joint, and a field for each limb that tells whose joints they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minipose.checks import as_array, check_integer, check_memory, check_number
from minipose.pose.codecs.checks import checked_keypoints, checked_outputs, joint_weights
from minipose.pose.codecs.grid import image_to_map, map_to_image
from minipose.pose.codecs.grouping import find_people
from minipose.pose.codecs.heatmap import LEAST_SIGMA
from minipose.pose.codecs.map_codec import MapCodec
from minipose.pose.codecs.peaks import gaussian
from minipose.pose.skeleton import STICK_FIGURE, Skeleton


@dataclass(frozen=True)
class AffinityCodec(MapCodec):
    """The people of an image as heatmaps and part affinity fields (N, J + 2 L, h, w), J joints and L links.

    After Cao, Simon, Wei, Sheikh, "Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields", CVPR 2017. The
    first J maps are the joints', each the maximum of one Gaussian a person (section 2.2). Two maps, x and y, follow for
    each link of the skeleton: near the limbs of this kind the unit vector from its first joint to its second, the mean
    where those of several people cross, and 0 elsewhere (section 2.3). Near a limb is what lies within `limb_width` of
    its segment: a capsule, which reaches that far past both joints. The paper has a rectangle, which ends at them:
    0 <= v . (p - x1) <= l, with the unit vector v, the first joint x1 and the length l.

    Parameters
    ----------
    image_size : (int, int)
        Height and width of the images in pixels, multiples of the stride.
    stride : int
        Image pixels per cell of the maps. Default 2.
    sigma : float
        Standard deviation of the Gaussians in cells. Default 1.5.
    limb_width : float
        How far from the segment between two joints its field reaches, in cells. Default 1.
    skeleton : Skeleton
        Its links must join all joints, and form no cycle. Default: `STICK_FIGURE`.
    threshold : float
        A local maximum of a joint's map is a candidate where it is higher. Default 0.1.
    field_threshold : float
        Between two candidates may be a limb if the field along their line is larger than this at nine points of ten
        or more. Default 0.05.
    least_joints : int
        Fewer joints than these are no person. Default 4.

    Raises
    ------
    ValueError, TypeError
        If an argument is none of these, or the map has less than 3 x 3 cells.
    """

    sigma: float = 1.5
    limb_width: float = 1.0
    skeleton: Skeleton = STICK_FIGURE
    threshold: float = 0.1
    field_threshold: float = 0.05
    least_joints: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        name = "AffinityCodec"
        height, width = self.map_size
        if min(height, width) < 3:
            raise ValueError(f"{name}: maps must have at least 3 x 3 cells, not {height} x {width}")
        check_number(name, "sigma", self.sigma, LEAST_SIGMA, 1e6)
        check_number(name, "limb_width", self.limb_width, LEAST_SIGMA, 1e6)
        if not isinstance(self.skeleton, Skeleton):
            raise TypeError(f"{name}: skeleton must be a Skeleton, not {self.skeleton!r}")
        check_number(name, "threshold", self.threshold, 0, 1)
        check_number(name, "field_threshold", self.field_threshold, 0, 1)
        check_integer(name, "least_joints", self.least_joints, 1, len(self.skeleton.names))
        if not self.skeleton.links:
            raise ValueError(f"{name}: skeleton must have a link, for it is links that make people of joints")
        tree = list(range(len(self.skeleton.names)))  # for each joint the number of the part that it belongs to
        for link in self.skeleton.links:
            first, second = (tree[joint] for joint in link)
            if first == second:
                raise ValueError(f"{name}: the links of skeleton must form no cycle, but {link} closes one")
            tree = [first if part == second else part for part in tree]
        apart = [joint for joint, part in zip(self.skeleton.names, tree, strict=True) if part != tree[0]]
        if apart:
            raise ValueError(
                f"{name}: the links of skeleton must join all joints, but none leads from {self.skeleton.names[0]} to "
                f"{', '.join(apart)}"
            )

    @property
    def channels(self) -> int:
        """J + 2 L, how many maps a network must give: its option `joints`."""
        return len(self.skeleton.names) + 2 * len(self.skeleton.links)

    def output_shape(self) -> tuple[int, int, int]:
        """Return (J + 2 L, h, w), the shape of a network's output for one image."""
        return self.channels, *self.map_size

    def encode_batch(self, batch: Any) -> tuple[np.ndarray, np.ndarray]:
        """Encode the people of a `minipose.data.Batch`, as the trainer asks for it."""
        return self.encode(batch.people, batch.people_visible)

    def encode(self, people: Sequence[np.ndarray], visible: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return the targets float32 (N, J + 2 L, h, w) and the weights float32 (N, J + 2 L) of the maps.

        Parameters
        ----------
        people : sequence of N arrays (P, J, 2)
            For each image the joints (x, y) of its people in pixels; P may be 0.
        visible : sequence of N arrays (P, J)
            0 outside or unlabelled, 1 hidden, 2 visible. The weight of a map is 1, or 0 where a joint that belongs in
            it is unlabelled or outside of the image for anyone: it may be there, and nobody knows where.

        Raises
        ------
        ValueError
            If the shapes are wrong, a coordinate is not finite, or most labelled joints lie outside the image.
        """
        points, labelled, image_of = self._checked("AffinityCodec.encode", people, visible)
        joints = np.ones((len(people), points.shape[1]), dtype=bool)
        np.logical_and.at(joints, image_of, labelled)
        first, second = np.array(self.skeleton.links).T
        weights = np.concatenate([joints, np.repeat(joints[:, first] & joints[:, second], 2, axis=1)], axis=1)
        return self._draw(points, labelled, image_of, len(people)), weights.astype(np.float32)

    def ideal_outputs(self, people: Sequence[np.ndarray], visible: Sequence[np.ndarray]) -> np.ndarray:
        """Return what a network that makes no mistake would give for people as in `encode`: the targets."""
        points, labelled, image_of = self._checked("AffinityCodec.ideal_outputs", people, visible)
        return self._draw(points, labelled, image_of, len(people))

    def decode(self, outputs: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
        """Return for each image its people, which of their joints were found, and how sure that is.

        Peaks of the joints' maps are candidates, refined as in `decode_dark`. Two of them may be a limb if the field
        between them points from one to the other; how well it does is their agreement. Of the possible limbs of each
        link the best are taken, each candidate once, and limbs that share a joint are one person (Cao et al. 2017,
        sections 2.3 and 2.4). They are taken greedily, the best of all first, as in the authors' released code; the
        paper has the Hungarian algorithm. The best have the largest sum of the agreement and the heights of both peaks;
        in the paper it is the agreement alone.

        A joint that is not found is put on the peak for which the field from its neighbour in the person and the peak's
        height speak most, even if it is somebody else's, as it is where two people's joints lie over each other; and
        where there is none, on the neighbour. A measure such as `oks` counts all labelled joints, so that a place near
        the right one is better than none.

        Parameters
        ----------
        outputs : array (N, J + 2 L, h, w)

        Returns
        -------
        people : list of N float32 arrays (D, J, 2)
            In image pixels, the best first. D may be 0.
        found : list of N bool arrays (D, J)
        scores : list of N float32 arrays (D,)
            The mean over all joints and links of the height of the joint's peak and the agreement of the link's field,
            0 where there is none.

        Raises
        ------
        ValueError
            If `outputs` has another shape, such as (N, h, w, J + 2 L), or holds NaN or infinity.
        """
        outputs = checked_outputs("AffinityCodec.decode", outputs, "N J+2L h w", self.map_size)
        if outputs.shape[1] != self.channels:
            raise ValueError(
                f"AffinityCodec.decode: outputs must have J + 2 L = {self.channels} maps, got shape {outputs.shape}"
            )
        J = len(self.skeleton.names)
        results = [
            find_people(maps[:J], maps[J:].reshape(-1, 2, *self.map_size), self.skeleton.links, self.sigma,
                        self.threshold, self.field_threshold, self.least_joints)
            for maps in outputs
        ]  # fmt: skip
        people, found, scores = (list(values) for values in zip(*results, strict=True))
        return [map_to_image(points, self.stride).astype(np.float32) for points in people], found, scores

    def _checked(
        self, caller: str, people: Sequence[np.ndarray], visible: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the joints of all people (M, J, 2), which count (M, J), and in which image each person is (M,)."""
        for argument, value in (("people", people), ("visible", visible)):
            if not isinstance(value, (list, tuple, np.ndarray)) or len(value) == 0:
                raise ValueError(f"{caller}: {argument} must be a sequence with an array for each image, not {value!r}")
        if len(people) != len(visible):
            raise ValueError(
                f"{caller}: people and visible must have an array for each image, but have {len(people)} and "
                f"{len(visible)}"
            )
        J = len(self.skeleton.names)
        check_memory(caller, "result", (len(people), *self.output_shape()))
        points, flags = [], []
        for n, (persons, seen) in enumerate(zip(people, visible, strict=True)):
            persons, seen = as_array(caller, "people", persons), as_array(caller, "visible", seen)
            if persons.size == seen.size == 0:  # nobody, in whatever shape
                persons, seen = np.zeros((0, J, 2)), np.zeros((0, J))
            if persons.ndim != 3 or persons.shape[1:] != (J, 2) or seen.shape != persons.shape[:2]:
                raise ValueError(
                    f"{caller}: people[{n}] must have shape (P, {J}, 2) and visible[{n}] (P, {J}), got "
                    f"{persons.shape} and {seen.shape}"
                )
            points.append(persons)
            flags.append(seen)
        image_of = np.repeat(np.arange(len(people)), [len(persons) for persons in points])
        points = checked_keypoints(caller, np.concatenate(points))
        labelled = joint_weights(caller, points, np.concatenate(flags), self.image_size) > 0
        return np.where(labelled[..., None], points, 0), labelled, image_of  # where the others are does not matter

    def _draw(self, points: np.ndarray, labelled: np.ndarray, image_of: np.ndarray, count: int) -> np.ndarray:
        """Return the maps of `count` images with the joints (M, J, 2) of people."""
        h, w = self.map_size
        J, links = points.shape[1], np.array(self.skeleton.links)
        maps = np.zeros((count, h, w, self.channels), dtype=np.float32)  # in memory as the output of a network is
        cells = image_to_map(points, self.stride).astype(np.float32)
        rows = gaussian(np.arange(h)[:, None] - cells[:, None, :, 1], self.sigma) * labelled[:, None]
        columns = gaussian(np.arange(w)[:, None] - cells[:, None, :, 0], self.sigma)
        is_limb = labelled[:, links].all(axis=2)
        for n in range(count):
            inside = image_of == n
            if inside.any():
                maps[n, ..., :J] = (rows[inside][:, :, None] * columns[inside][:, None]).max(axis=0)
                fields = mean_fields(cells[inside][:, links], is_limb[inside], (h, w), self.limb_width)
                maps[n, ..., J:] = fields.reshape(-1, h, w).transpose(1, 2, 0)
        return maps.transpose(0, 3, 1, 2)


def mean_fields(limbs: np.ndarray, is_limb: np.ndarray, map_size: tuple[int, int], limb_width: float) -> np.ndarray:
    """Return the fields (L, 2, h, w) of limbs (P, L, 2 ends, 2), in cells, of those where `is_limb` (P, L)."""
    h, w = map_size
    start, along = limbs[:, :, 0], limbs[:, :, 1] - limbs[:, :, 0]
    length = np.sqrt((along**2).sum(axis=-1, keepdims=True))
    is_limb = is_limb & (length[..., 0] > 1e-6)  # without a length there is no direction
    unit = along / np.maximum(length, 1e-6)
    x = np.arange(w, dtype=np.float32) - start[..., 0, None]
    y = np.arange(h, dtype=np.float32) - start[..., 1, None]
    ux, uy = unit[..., 0, None], unit[..., 1, None]
    forward = (x * ux)[:, :, None] + (y * uy)[..., None]
    sideways = (x * uy)[:, :, None] - (y * ux)[..., None]
    beyond = forward - np.clip(forward, 0, length[..., None])
    near = (sideways**2 + beyond**2 <= limb_width**2) & is_limb[..., None, None]
    count = np.maximum(near.sum(axis=0), 1)
    return np.einsum("plhw,plc->lchw", near.astype(np.float32), unit) / count[:, None]
