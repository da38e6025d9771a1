"""The cascade of DeepPose: stages that look closely at the estimate of each joint, and move it.

Toshev and Szegedy 2014, section 3.2. A stage sees a square around each estimate, `sigma` times the diameter of the
estimated pose wide, and says how far from its centre the joint is. It is trained on true joints, displaced at random by
draws from a normal distribution that is fitted to the errors of the stages before.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from safetensors.numpy import save

from minipose.autograd import no_grad
from minipose.checks import as_array, check_integer, check_number
from minipose.creation import tensor
from minipose.data import Dataset, crop_squares, to_input
from minipose.files import write_durably
from minipose.kernels import to_device
from minipose.models import CascadeStage
from minipose.optim import Adam, CosineWithWarmup
from minipose.pose import STICK_FIGURE, unit_lengths
from minipose.pose.metrics.checks import check_skeleton, checked_flags, checked_pair, checked_poses
from minipose.tensor import Tensor
from minipose.train.checkpoints import in_row_order, read_arrays
from minipose.train.losses import regression_loss

FORMAT = "minipose cascade 1"
SIGMA = 1.5
LEAST_DIAMETER = 1 / 16  # of the image's longer side; that of a wrong estimate may be next to nothing
IMAGES_AT_ONCE = 32
WARMUP = 0.05  # fraction of the steps
JOINTS = len(STICK_FIGURE.names)
TORSO = [STICK_FIGURE.names.index(name) for name in ("left_shoulder", "right_hip")]
SIGMAS = (0.01, 100)


@dataclass(frozen=True, eq=False)
class Errors:
    """A normal distribution of each joint's errors, in diameters of the true pose.

    Attributes
    ----------
    means : float64 array (J, 2)
    covariances : float64 array (J, 2, 2)
    """

    means: np.ndarray
    covariances: np.ndarray

    def draw(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """Return displacements (count, J, 2) in diameters."""
        values, vectors = np.linalg.eigh(self.covariances)
        roots = vectors * np.sqrt(np.maximum(values, 0))[:, None, :]
        normal = generator.standard_normal((count, *self.means.shape))
        return self.means + (roots @ normal[..., None])[..., 0]


def pose_diameters(points: np.ndarray, image_size: tuple[int, int], visible: np.ndarray | None = None) -> np.ndarray:
    """Return the distance from left shoulder to right hip of poses (N, J, 2), float64 (N,), in pixels.

    At least a sixteenth of the longer side of `image_size` (height, width): estimates may be wrong. NaN where one of
    the two is 0 in `visible` (N, J). Default: all joints count, as those of estimates do.
    """
    lengths = unit_lengths(points, np.ones(np.shape(points)[:2], np.uint8), "torso")
    diameters = np.fmax(lengths, LEAST_DIAMETER * max(image_size))
    return diameters if visible is None else np.where((visible[:, TORSO] > 0).all(axis=1), diameters, np.nan)


def fit_errors(predicted: np.ndarray, true: np.ndarray, visible: np.ndarray, image_size: tuple[int, int]) -> Errors:
    """Return the normal distribution of each joint's errors.

    Parameters
    ----------
    predicted, true : arrays (N, J, 2)
        Keypoints (x, y) in image pixels, of the 16 joints of the stick figure.
    visible : array (N, J)
        Joints with 0 do not count, and neither does a pose whose left shoulder or right hip has 0: it has no diameter.
    image_size : (int, int)
        Height and width in pixels.

    Raises
    ------
    ValueError, TypeError
        If the arrays are none of these, or a joint is labelled in fewer than two of the poses that count.
    """
    name = "fit_errors"
    _, points = checked_pair(name, predicted, true)
    check_skeleton(name, STICK_FIGURE, points.shape[1])
    labelled, diameters = _labelled(name, points, visible, image_size)
    errors = np.subtract(predicted, true) / diameters[:, None, None]
    counts = labelled.sum(axis=0)
    if counts.min() < 2:
        raise ValueError(
            f"{name}: joint {counts.argmin()} is labelled in {counts.min()} of the poses whose left shoulder and right "
            "hip are, but two are needed"
        )
    means, covariances = [], []
    for joint in range(JOINTS):
        of_joint = errors[labelled[:, joint], joint]
        means.append(of_joint.mean(axis=0))
        covariances.append(np.cov(of_joint, rowvar=False))
    return Errors(np.array(means), np.array(covariances))


def _labelled(
    name: str, points: np.ndarray, visible: np.ndarray, image_size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return which joints (N, J) of true poses count, none of those without a diameter, and the diameters (N,)."""
    flags = checked_flags(name, visible, points)
    diameters = pose_diameters(points, image_size, flags)
    return (flags > 0) & np.isfinite(diameters)[:, None], diameters


@dataclass(frozen=True, eq=False)
class Cascade:
    """Stages, each of which refines the estimates of the one before.

    Parameters
    ----------
    stages : list of CascadeStage
        All with the same options, for the 16 joints of the stick figure and images of 3 channels.
    sigma : float
        Side of the crops in diameters of the estimated pose, as the stages were trained, 0.01 to 100. Default 1.5.

    Raises
    ------
    ValueError, TypeError
        If they are none of these.
    """

    stages: list[CascadeStage]
    sigma: float = SIGMA

    def __post_init__(self) -> None:
        check_number("Cascade", "sigma", self.sigma, *SIGMAS)
        object.__setattr__(self, "sigma", float(self.sigma))  # NumPy's numbers cannot be saved
        self._check_stages("Cascade")

    def _check_stages(self, name: str) -> None:
        for number, stage in enumerate(self.stages):
            _check_stage(name, f"stages[{number}]", stage, self.stages[0])

    def refine(self, images: np.ndarray, points: np.ndarray) -> list[np.ndarray]:
        """Return better and better estimates of the joints. The stages are in eval mode afterwards.

        Parameters
        ----------
        images : uint8 array (N, H, W, 3)
        points : array (N, J, 2)
            Estimates (x, y) in image pixels, of any network.

        Returns
        -------
        list of float32 arrays (N, J, 2)
            What each stage makes of them; the last are the best.

        Raises
        ------
        ValueError, TypeError
            If the arrays are none of these.
        """
        name = "Cascade.refine"
        self._check_stages(name)
        images = as_array(name, "images", images)
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
            raise ValueError(
                f"{name}: images must be uint8 of shape (N, H, W, 3), got {images.dtype} of {images.shape}"
            )
        points = _checked_poses(name, points)
        if len(points) != len(images):
            raise ValueError(f"{name}: points must be a pose for each of {len(images)} images, not {len(points)}")
        results = []
        for stage in self.stages:
            points = _refine(stage.eval(), images, points, self.sigma)
            results.append(points)
        return results

    def save(self, path: str | os.PathLike) -> None:
        """Write the stages, of which there must be one at least, into a safetensors file, whole or not at all.

        Raises
        ------
        ValueError
            If there is no stage, or their options differ.
        OSError
            If the file cannot be written.
        """
        if not self.stages:
            raise ValueError("Cascade.save: the cascade must have a stage at least, but has none")
        self._check_stages("Cascade.save")
        arrays = {
            f"{number}.{name}": in_row_order(t.data)
            for number, stage in enumerate(self.stages)
            for name, t in stage.state_dict().items()
        }
        numbers = {"stages": len(self.stages), "sigma": self.sigma, "options": self.stages[0].options}
        write_durably(path, save(arrays, {"format": FORMAT, "cascade": json.dumps(numbers)}))

    @classmethod
    def load(cls, path: str | os.PathLike) -> Cascade:
        """Read what `save` wrote.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is no cascade, or is truncated.
        """
        arrays, metadata = read_arrays("Cascade.load", path, (FORMAT,))
        numbers = json.loads(metadata["cascade"])
        stages = []
        for number in range(numbers["stages"]):
            stage, prefix = CascadeStage(**numbers["options"]), f"{number}."
            stage.load_state_dict({n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)})
            stages.append(stage.eval())
        return cls(stages, numbers["sigma"])


def _checked_poses(name: str, points: np.ndarray) -> np.ndarray:
    """Return poses (N, J, 2) in float64; raise unless they are finite and have the stick figure's joints."""
    points = checked_poses(name, "points", points)
    check_skeleton(name, STICK_FIGURE, points.shape[1])
    return points


def _check_stage(name: str, argument: str, stage: CascadeStage, like: CascadeStage) -> None:
    """Raise unless `stage` has the options of `like`, for the stick figure's joints and images of three channels."""
    if not isinstance(stage, CascadeStage):
        raise TypeError(f"{name}: {argument} must be a CascadeStage, not {stage!r}")
    for option, value in {**like.options, "joints": JOINTS, "in_channels": 3}.items():
        if stage.options[option] != value:
            raise ValueError(f"{name}: {argument} must have {option}={value}, not {stage.options[option]}")


def _refine(stage: CascadeStage, images: np.ndarray, points: np.ndarray, sigma: float) -> np.ndarray:
    refined = []
    for start in range(0, len(images), IMAGES_AT_ONCE):
        some, estimates = images[start : start + IMAGES_AT_ONCE], points[start : start + IMAGES_AT_ONCE]
        sides = sigma * pose_diameters(estimates, some.shape[1:3])
        with no_grad():
            moves = to_device(_displacements(stage, some, estimates, sides).data, "cpu")
        refined.append(estimates + moves * sides[:, None, None])
    return np.concatenate(refined).astype(np.float32)


def _displacements(stage: CascadeStage, images: np.ndarray, centres: np.ndarray, sides: np.ndarray) -> Tensor:
    """Return (N, J, 2), in sides of the crops."""
    N, J, _ = centres.shape
    crops = crop_squares(images, centres, sides, stage.size)
    weight = next(stage.parameters())
    input = tensor(to_input(crops.reshape(N * J, *crops.shape[2:])), dtype=weight.dtype, device=weight.device)
    return stage(input, np.tile(np.arange(J), N)).reshape(N, J, 2)


def train_stage(
    stage: CascadeStage,
    training: Dataset,
    errors: Errors,
    sigma: float = SIGMA,
    steps: int = 1000,
    batch_size: int = 16,
    learning_rate: float = 2e-3,
    seed: int = 0,
    say: Callable[[int, float], object] = lambda step, loss: None,
) -> None:
    """Train a stage to undo displacements that are drawn from the errors of the stages before it.

    Joints that are not labelled do not count, and neither do poses whose left shoulder or right hip is not: they have
    no diameter.

    Parameters
    ----------
    stage : CascadeStage
        For the 16 joints of the stick figure and 3 channels. It is in eval mode afterwards.
    training : Dataset
        At least steps * batch_size samples, of which none is seen twice. All joints of an image are trained together.
    errors : Errors
        Of the stages before, as of `fit_errors`.
    sigma : float
        Side of the crops in diameters of the true pose. Default 1.5; the paper has 1 for one data set, and 2 for
        another.
    steps, batch_size : int
    learning_rate : float
        Adam's highest, from which a cosine leads to 0.
    seed : int
        Of the displacements.
    say : function of the step and the loss
        Called after every step.

    Raises
    ------
    ValueError, TypeError
        If a number is out of range, something is of other joints, or there are too few samples.
    FloatingPointError
        If the loss is no number.
    """
    name = "train_stage"
    check_number(name, "sigma", sigma, *SIGMAS)
    for argument, value in (("steps", steps), ("batch_size", batch_size)):
        check_integer(name, argument, value, 1)
    if len(training) < steps * batch_size:
        raise ValueError(
            f"{name}: {steps} steps of {batch_size} need {steps * batch_size} samples, not {len(training)}"
        )
    _check_stage(name, "stage", stage, stage)
    if np.shape(errors.means) != (JOINTS, 2):
        raise ValueError(f"{name}: errors must have means of shape ({JOINTS}, 2), not {np.shape(errors.means)}")
    generator = np.random.default_rng(seed)
    optimizer = Adam(stage.parameters(), lr=learning_rate)
    schedule = CosineWithWarmup(optimizer, steps, warmup_steps=max(1, round(WARMUP * steps)))
    stage.train()
    for step in range(steps):
        batch = training.batch(np.arange(step * batch_size, (step + 1) * batch_size))
        points = _checked_poses(name, batch.points)
        labelled, diameters = _labelled(name, points, batch.visible, batch.images.shape[1:3])
        moves = np.where(labelled[..., None], errors.draw(len(points), generator), 0) / sigma
        sides = sigma * np.nan_to_num(diameters, nan=1.0)  # a crop has a side, even one that does not count
        given = _displacements(stage, batch.images, points + moves * sides[:, None, None], sides)
        targets, weights = (
            tensor(array, dtype=given.dtype, device=given.device) for array in (-moves, labelled)
        )  # fmt: skip
        loss = regression_loss(given, targets, weights)
        if not np.isfinite(loss.item()):
            raise FloatingPointError(
                f"{name}: the loss is {loss.item()} at step {step + 1}; begin anew with a learning rate of "
                f"{learning_rate / 3:.2g} instead of {learning_rate:.2g}"
            )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        say(step + 1, loss.item())
    stage.eval()
