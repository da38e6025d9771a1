"""The training loop for heatmap networks."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from minipose import pose
from minipose.creation import tensor
from minipose.data import Batch, StickFigures, prefetch, to_input
from minipose.nn import Module
from minipose.ops import mse_loss
from minipose.optim import Adam, CosineWithWarmup
from minipose.tensor import Tensor
from minipose.train.checkpoints import Checkpoint, save_checkpoint
from minipose.train.evaluate import evaluate
from minipose.train.log import Log, Row

SIGMA = 1.5  # of the target Gaussians, in heatmap pixels


class Interrupted(Exception):
    """Ctrl-C was pressed; the run is saved and can be resumed."""


def heatmap_loss(model: Module, images: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error of the heatmaps, summed over the stacks of a stacked network.

    Every stack is trained to give the answer (intermediate supervision, Newell et al. 2016, section 3.2).

    Parameters
    ----------
    model : maps (N, 3, H, W) to (N, 16, h, w); one with `forward_stacks` to a list of them
    images : (N, 3, H, W)
    targets : (N, 16, h, w)
    """
    stacks = model.forward_stacks(images) if hasattr(model, "forward_stacks") else [model(images)]
    loss = mse_loss(stacks[0], targets)
    for maps in stacks[1:]:
        loss = loss + mse_loss(maps, targets)
    return loss


def targets_of(batch: Batch, stride: int) -> np.ndarray:
    """Return the target heatmaps (N, 16, h, w) of a batch for a network of this output stride."""
    size = batch.images.shape[1] // stride, batch.images.shape[2] // stride
    return pose.encode_heatmaps(batch.points, size, stride, SIGMA)


@dataclass
class Trainer:
    """Trains a network on an endless stream of samples: step s sees samples s * batch_size and following.

    No sample is seen twice, so there is nothing to memorise; and a run can be resumed at any step.

    Parameters
    ----------
    model, optimizer, schedule : what is trained, and how
    training, validation : StickFigures
        `training` must hold `schedule.total_steps * batch_size` samples.
    batch_size : int
    steps_per_epoch : int
        After so many steps the validation samples are scored, the log gets a row, and checkpoints are written.
    out : folder that exists
    architecture : {"name": ..., "options": ...}, for the checkpoints
    settings : what else to keep in the checkpoints, as JSON
    device : "cpu" or "cuda"
    """

    model: Module
    optimizer: Adam
    schedule: CosineWithWarmup
    training: StickFigures
    validation: StickFigures
    batch_size: int
    steps_per_epoch: int
    out: Path
    architecture: dict[str, Any]
    settings: dict[str, Any]
    device: str = "cpu"
    step: int = 0
    best: float = -1.0
    seconds: float = 0.0

    def resume(self, checkpoint: Checkpoint) -> None:
        """Take over the state of a checkpoint that this trainer's predecessor saved."""
        if checkpoint.optimizer is None:
            raise ValueError("Trainer.resume: the checkpoint has no optimiser state; resume from last.safetensors")
        self.model.load_state_dict(checkpoint.model)
        self.optimizer.load_state_dict(checkpoint.optimizer)
        self.schedule.load_state_dict(checkpoint.training["schedule"])
        self.step = checkpoint.training["step"]
        self.best = checkpoint.training["best"]
        self.seconds = checkpoint.training["seconds"]

    def save(self, name: str, with_optimizer: bool = True) -> None:
        """Write a checkpoint into `out`."""
        training = {
            "step": self.step,
            "best": self.best,
            "seconds": self.seconds,
            "schedule": self.schedule.state_dict(),
            "settings": self.settings,
        }
        optimizer = self.optimizer if with_optimizer else None
        save_checkpoint(self.out / name, self.model, self.architecture, training, optimizer)

    def fit(self, total_steps: int) -> Log:
        """Train up to `total_steps`; write log.csv, last.safetensors and best.safetensors into `out`.

        Raises
        ------
        Interrupted
            After Ctrl-C, with the run saved in last.safetensors.
        FloatingPointError
            If the loss is not a number.
        """
        log = Log(self.out / "log.csv", self.step)
        count = total_steps * self.batch_size
        done = self.step * self.batch_size
        bar = tqdm(total=count, initial=done, unit=" images", unit_scale=True, smoothing=0.1, dynamic_ncols=True)
        with bar, _finish_step_on_ctrl_c() as interrupted:
            batches = self._batches(total_steps)
            # The kernels of the CPU use every core: there a thread that draws ahead would only be in their way.
            batches = prefetch(batches, depth=4) if self.device == "cuda" else batches
            started, losses = time.perf_counter(), []
            for images, targets in batches:
                losses.append(self._train_step(images, targets))
                bar.update(self.batch_size)
                if len(losses) % 10 == 0 or len(losses) == 1:
                    bar.set_postfix_str(self._status(losses))
                if self.step % self.steps_per_epoch == 0 or self.step == total_steps:
                    elapsed = time.perf_counter() - started
                    self.seconds += elapsed
                    self._end_epoch(log, losses, len(losses) * self.batch_size / elapsed)
                    bar.set_postfix_str(self._status(losses))
                    started, losses = time.perf_counter(), []
                if interrupted.is_set():
                    self.seconds += time.perf_counter() - started
                    self.save("last.safetensors")
                    batches.close()
                    raise Interrupted
        return log

    def _batches(self, total_steps: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for step in range(self.step, total_steps):
            batch = self.training.batch(np.arange(step * self.batch_size, (step + 1) * self.batch_size))
            yield to_input(batch.images), targets_of(batch, self.model.output_stride)

    def _train_step(self, images: np.ndarray, targets: np.ndarray) -> Tensor:
        self.model.train()
        loss = heatmap_loss(self.model, tensor(images, device=self.device), tensor(targets, device=self.device))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        self.step += 1
        return loss.detach()

    def _status(self, losses: list[Tensor]) -> str:
        loss = _mean(losses[-50:])
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss} at step {self.step}: lower the learning rate")
        validation = f", validation PCKh {self.best:.3f}" if self.best >= 0 else ""
        return f"loss {loss:.2e}{validation}"

    def _end_epoch(self, log: Log, losses: list[Tensor], images_per_second: float) -> None:
        started = time.perf_counter()
        result = evaluate(self.model, self.validation)
        better = result["pckh50"] >= self.best
        self.best = max(self.best, result["pckh50"])
        self.seconds += time.perf_counter() - started
        log.append(
            Row(
                epoch=-(-self.step // self.steps_per_epoch),
                step=self.step,
                loss=_mean(losses),
                validation_pckh=result["pckh50"],
                validation_epe=result["epe_px"],
                learning_rate=self.optimizer.param_groups[0]["lr"],
                images_per_second=images_per_second,
                seconds=self.seconds,
            )
        )
        if better:
            self.save("best.safetensors", with_optimizer=False)
        self.save("last.safetensors")


def _mean(losses: list[Tensor]) -> float:
    return sum(loss.item() for loss in losses) / len(losses)


@contextmanager
def _finish_step_on_ctrl_c() -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C sets, so that a step is never left half done; a second one raises."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed
        return

    def handler(number: int, frame: Any) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    before = signal.signal(signal.SIGINT, handler)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
