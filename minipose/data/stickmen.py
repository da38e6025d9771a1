"""Data sets of stick figures, drawn on demand from a seed."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minipose.checks import check_choice, check_flag, check_integer, check_number
from minipose.data.poses import MISSING, read_poses
from minipose.data.profiles import PROFILES
from minipose.data.samples import Batch, Dataset, Sample
from minipose.pose import affine

MIXTURE = ("plain", "circles", "shapes", "platform")
SETS = (*MIXTURE, "textures", "decoys", "occluded", "crowd", "shift", "mixed")
SPLITS = ("train", "val", "test")
PLACEMENTS = ("free", "fit", "fit_aniso")
CUES = ("front", "shade", "color", "face", "none")
STYLES = ("minipose", "course")
FACINGS = ("front", "back")
SMALLEST_SIZE = 32
# Random numbers of a sample: more than any takes.
NUMBERS = 1024
AT_ONCE = 64  # samples for which random numbers are kept


class StickFigures(Dataset):
    """Images of stick figures with 16 keypoints.

    A sample depends on the seed, the split, the set, its index and the options, and on nothing else: not on the order
    in which samples are asked for, nor on the batch or the thread. No two splits share a sample or a backdrop. The
    pose, the place and the colour of the figure are the same for every cue.

    Parameters
    ----------
    set : str
        What is around the figure:

        - "plain": black;
        - "circles": discs as big as heads, of other colours, behind it;
        - "shapes": more discs, and rectangles;
        - "platform": the scenery of a platform game and a few of both;
        - "textures": noise, stripes, a chequer or a gradient in colours near its own;
        - "decoys": discs, loose limbs and half figures of its own colour;
        - "occluded": rectangles and discs in front of it, which hide 1 to 4 of its joints;
        - "crowd": one or two more figures behind it, with their own keypoints in `Sample.people`;
        - "shift": black, and the figure at 20 to 40 % of its size;
        - "mixed": for each sample at random, one of the first four.
    split : {"train", "val", "test"}
        Which of three independent streams of samples.
    size : int
        Side of the square image in pixels, at least 32.
    count : int, optional
        Number of samples. Default: that of the profile "toy" (8000 for "train", 1000 for "val", 500 for "test"), or the
        number of `poses`.
    seed : int
        0 to 2**32 - 1.
    placement : {"free", "fit", "fit_aniso"}
        Anywhere, at 55 to 100 % of the largest size (40 to 70 % in a crowd); as large as fits, with a margin of 6 %;
        or the same stretched in x and y independently, all joints inside the image. The figures behind are free.
    cue : {"front", "shade", "color", "face", "none"}
        What tells right from left: the figure faces the viewer, always; its left limbs are at 45 % brightness; its
        right limbs are orange, and its left ones blue; it has eyes if it faces the viewer; or nothing.
    back_p : float
        The chance that a figure faces away from the viewer, its right being on the image's right. Default 0.
    poses : array or path, optional
        Poses from elsewhere, N x 32 or N x 16 x 2 numbers, or a file of them: see `read_poses`. Sample i shows pose i,
        and begins again after the last. Default: random poses.
    style : {"minipose", "course"}
        "course" has the rules of the course's generator: the joints are stretched to 0 to `size` in x and y
        independently (the outermost ones lie half a pixel beyond the image, and count as inside), one link joins the
        shoulders, the head is a disc from neck to top, figures and what is behind them have one of six flat colours
        each, and all discs are 10/224 of the image in radius.
    missing_limb_rule : bool
        In the course's style: draw no limb to a joint with a coordinate of 0, the leftmost and the topmost one.

    Raises
    ------
    ValueError
        If an argument is none of the above, or one contradicts another; or as in `read_poses`.
    TypeError
        If an argument is not of the kind it must be.
    FileNotFoundError
        If there is no file of poses.

    Examples
    --------
    >>> figures = StickFigures("circles", split="val", count=10)
    >>> figures[3].points.shape
    (16, 2)
    >>> figures.batch([3, 1]).images.shape
    (2, 64, 64, 3)
    """

    def __init__(
        self,
        set: str = "plain",
        split: str = "train",
        size: int = 64,
        count: int | None = None,
        seed: int = 0,
        *,
        placement: str = "free",
        cue: str = "front",
        back_p: float = 0.0,
        poses: Any = None,
        style: str = "minipose",
        missing_limb_rule: bool = False,
    ) -> None:
        for argument, value, choices in (
            ("set", set, SETS), ("split", split, SPLITS), ("placement", placement, PLACEMENTS), ("cue", cue, CUES),
            ("style", style, STYLES),
        ):  # fmt: skip
            check_choice("StickFigures", argument, value, choices)
        check_number("StickFigures", "back_p", back_p, 0, 1)
        check_flag("StickFigures", "missing_limb_rule", missing_limb_rule)
        self.set, self.split, self.placement, self.cue, self.style = set, split, placement, cue, style
        check_integer("StickFigures", "size", size, SMALLEST_SIZE, 4096)
        check_integer("StickFigures", "seed", seed, 0, 2**32 - 1)
        self.size, self.seed = int(size), int(seed)
        self.back_p, self.missing_limb_rule = float(back_p), missing_limb_rule
        self.poses = None if poses is None else read_poses(poses, "StickFigures")
        usual = PROFILES["toy"].count(split) if self.poses is None else len(self.poses)
        count = usual if count is None else count
        check_integer("StickFigures", "count", count, 1, 2**32)
        self.count = int(count)
        self._check_agreement()

    @classmethod
    def from_profile(cls, profile: str, set: str = "plain", split: str = "train", **options: Any) -> StickFigures:
        """Return the data set of the sizes in `minipose.data.PROFILES[profile]`.

        Parameters
        ----------
        profile : {"smoke", "toy", "base", "report"}
            Where the image's side and the number of samples come from.
        set, split : str
            As in the class.
        **options
            Other arguments of the class; `size` and `count` override the profile's.

        Raises
        ------
        ValueError
            If there is no such profile, or as the class does.
        """
        check_choice("StickFigures.from_profile", "profile", profile, tuple(PROFILES))
        check_choice("StickFigures.from_profile", "split", split, SPLITS)
        sizes = {"size": PROFILES[profile].image_size, "count": PROFILES[profile].count(split)}
        return cls(set, split, **{**sizes, **options})

    def _check_agreement(self) -> None:
        if self.cue == "front" and self.back_p:
            raise ValueError(
                f"StickFigures: back_p must be 0 with cue 'front', where all figures face the viewer, not "
                f"{self.back_p}; cue 'none' shows both"
            )
        if self.poses is not None and self.back_p:
            raise ValueError(
                f"StickFigures: back_p must be 0 with poses, which face where they face, not {self.back_p}"
            )
        if self.style == "course" and self.placement != "free":
            raise ValueError(
                f"StickFigures: placement must not be given with style 'course', which stretches the figure by a rule "
                f"of its own, not {self.placement!r}"
            )
        if self.missing_limb_rule and self.style != "course":
            raise ValueError("StickFigures: missing_limb_rule must be False unless style is 'course', whose rule it is")

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        return self.batch([operator.index(index)]).sample(0)

    def __repr__(self) -> str:
        text = f"StickFigures(set={self.set!r}, split={self.split!r}, size={self.size}, count={self.count}, "
        text += f"seed={self.seed}"
        usual = {"placement": "free", "cue": "front", "back_p": 0.0, "style": "minipose", "missing_limb_rule": False}
        text += "".join(f", {name}={getattr(self, name)!r}" for name in usual if getattr(self, name) != usual[name])
        return text + ("" if self.poses is None else f", poses=<{len(self.poses)}>") + ")"

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        """Draw the samples at `indices`, in their order.

        Parameters
        ----------
        indices : sequence of int
            N places in the data set, 0 to `len(self) - 1`.

        Returns
        -------
        Batch

        Raises
        ------
        ValueError
            If `indices` is empty or has more than one axis.
        TypeError
            If `indices` are not integers.
        IndexError
            If an index is negative or too large.
        """
        indices = np.asarray(indices)
        if indices.ndim != 1 or indices.size == 0:
            raise ValueError(f"StickFigures.batch: indices must be a sequence of integers, got shape {indices.shape}")
        if indices.dtype.kind not in "iu":
            raise TypeError(f"StickFigures.batch: indices must be integers, got dtype {indices.dtype}")
        if indices.min() < 0 or indices.max() >= self.count:
            wrong = indices[(indices < 0) | (indices >= self.count)][0]
            raise IndexError(f"StickFigures: index {wrong} is outside 0 to {self.count - 1}")
        N, indices = len(indices), indices.astype(np.int64)
        images = np.zeros((N, self.size, self.size, 3), dtype=np.uint8)
        people = np.zeros((N, 3, 16, 2))
        visible = np.empty((N, 3, 16), dtype=np.uint8)
        counts, facings, sets = np.empty(N, dtype=np.int64), np.empty((N, 3), dtype=np.int64), np.empty(N, np.int64)
        for start in range(0, N, AT_ONCE):
            part = slice(start, start + AT_ONCE)
            self._draw(indices[part], images[part], people[part], visible[part], counts[part], facings[part],
                       sets[part])  # fmt: skip
        points = np.where(np.isnan(people), MISSING, people).astype(np.float32)
        return Batch(
            images,
            np.ascontiguousarray(points[:, 0]),
            np.ascontiguousarray(visible[:, 0]),
            tuple(SETS[number] for number in sets),
            indices,
            names=("",) * N,
            people=tuple(points[i, :count] for i, count in enumerate(counts)),
            people_visible=tuple(visible[i, :count] for i, count in enumerate(counts)),
            matrices=np.tile(affine.identity(), (N, 1, 1)),
            facings=tuple(FACINGS[facing] for facing in facings[:, 0]),
        )

    def _draw(
        self,
        indices: np.ndarray,
        images: np.ndarray,
        people: np.ndarray,
        visible: np.ndarray,
        counts: np.ndarray,
        facings: np.ndarray,
        sets: np.ndarray,
    ) -> None:
        """Draw samples into the arrays given, which are those of `scene.draw_scenes`."""
        if self.poses is not None:
            people[:] = self.poses[(indices[:, None] + np.arange(3)) % len(self.poses)]
        numbers, normals = np.empty((len(indices), NUMBERS)), np.empty((len(indices), 3, 15))
        entropy = [self.seed, SPLITS.index(self.split), SETS.index(self.set)]
        sets[:] = SETS.index(self.set)
        for place, index in enumerate(indices.tolist()):
            generator = np.random.default_rng(np.random.SeedSequence([*entropy, index]))
            if self.set == "mixed":
                sets[place] = generator.integers(len(MIXTURE))
            generator.random(out=numbers[place])
            generator.standard_normal(out=normals[place])
        placement = len(PLACEMENTS) if self.style == "course" else PLACEMENTS.index(self.placement)
        options = (
            STYLES.index(self.style), placement, CUES.index(self.cue), int(self.missing_limb_rule),
            int(self.poses is not None),
        )  # fmt: skip
        compiled_painter()(
            images, people, visible, counts, facings, sets, numbers, normals, options, self.back_p
        )  # fmt: skip


@functools.cache
def compiled_painter() -> Callable[..., None]:
    """Return `scene.draw_scenes`, compiled at the first call."""
    # Numba takes a second to import, which only those who draw should wait for. Without the GIL a
    # background thread draws while the main thread trains.
    from numba import types

    from minipose.data.drawing.scene import draw_scenes
    from minipose.kernels.cpu.cache import name_of
    from minipose.kernels.cpu.compile import compiled, read, write

    signature = types.void(
        write(4, "C", types.uint8), write(4, "C", types.float64), write(3, "C", types.uint8),
        write(1, "C", types.int64), write(2, "C", types.int64), read(1, "C", types.int64),
        read(2, "C", types.float64), read(3, "C", types.float64), types.UniTuple(types.int64, 5), types.float64,
    )  # fmt: skip
    return compiled(draw_scenes, signature, name_of(draw_scenes), nogil=True)
