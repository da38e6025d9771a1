"""What a training run calls at its stations: a progress bar, TensorBoard, and whatever else someone writes."""

from __future__ import annotations

import math
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

if TYPE_CHECKING:
    from minipose.train.log import Row
    from minipose.train.loop import Trainer


class Callback:
    """Base class; a subclass overrides what it needs.

    A callback may look at everything of the trainer, and end the run after the present epoch by giving
    `trainer.stop_reason` a sentence. What it keeps for itself is not in the checkpoints: a run that shall resume as if
    never interrupted must not depend on it.
    """

    def on_train_begin(self, trainer: Trainer) -> None:
        """Before the first step of this `fit`; `trainer.step` of `trainer.total_steps` are done."""

    def on_step_end(self, trainer: Trainer) -> None:
        """After every step of the optimiser. Be quick: this comes hundreds of times an epoch."""

    def on_epoch_end(self, trainer: Trainer, row: Row) -> None:
        """After validation, with the epoch's row in the log and the checkpoints written."""

    def on_train_end(self, trainer: Trainer) -> None:
        """After the last step, and also when an error or Ctrl-C ends the run."""


class Progress(Callback):
    """A progress bar in terminals and notebooks; where the output goes to a file, one line an epoch."""

    def on_train_begin(self, trainer: Trainer) -> None:
        """Show the bar."""
        self.shows = sys.stderr.isatty() or "ipykernel" in sys.modules
        self.bar = tqdm(
            total=trainer.total_steps * trainer.batch_size,
            initial=trainer.step * trainer.batch_size,
            unit=" images",
            unit_scale=True,
            smoothing=0.1,
            dynamic_ncols=True,
            disable=not self.shows,
        )

    def on_step_end(self, trainer: Trainer) -> None:
        """Move on by a batch; every ten steps show the loss."""
        self.bar.update(trainer.batch_size)
        if self.shows and (trainer.step % 10 == 0 or trainer.losses.count <= 1):
            trainer.losses.settle()
            self.bar.set_postfix_str(f"loss {trainer.losses.recent_mean:.2e}{_best(trainer)}")

    def on_epoch_end(self, trainer: Trainer, row: Row) -> None:
        """Say the epoch's figures."""
        if self.shows:
            self.bar.set_postfix_str(f"loss {row.loss:.2e}{_best(trainer)}")
        else:
            figures = f"loss {row.loss:.2e}, validation {row.score[0]} {row.score[1]:.3f}"
            rate = f"{row.images_per_second:.0f} images/s"
            print(f"step {row.step} of {trainer.total_steps}: {figures}, {rate}", file=sys.stderr, flush=True)

    def on_train_end(self, trainer: Trainer) -> None:
        """Leave the bar as it is."""
        self.bar.close()


def _best(trainer: Trainer) -> str:
    return f", validation {trainer.rows[-1].score[0]} {trainer.best:.3f}" if math.isfinite(trainer.best) else ""


class TensorBoard(Callback):
    """Writes the log's rows for TensorBoard, and the training loss every `every` steps.

    Parameters
    ----------
    folder : where the event files go; look at them with `tensorboard --logdir` and the folder
    every : int
        Default 10.

    Raises
    ------
    ImportError
        If tensorboardX is not installed.
    """

    def __init__(self, folder: str | os.PathLike, every: int = 10) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            raise ImportError(
                "TensorBoard: the package tensorboardX is missing; install it with: pip install 'minipose[tensorboard]'"
            ) from None
        self.folder, self.every = Path(folder), every
        self._writer_class: Any = SummaryWriter

    def on_train_begin(self, trainer: Trainer) -> None:
        """Open the event file; of an earlier file of this run, what comes after the present step is to be ignored."""
        self.writer = self._writer_class(str(self.folder), purge_step=trainer.step + 1)

    def on_step_end(self, trainer: Trainer) -> None:
        """Write the loss."""
        if trainer.step % self.every == 0:
            trainer.losses.settle()
            self.writer.add_scalar("step/loss", trainer.losses.recent[-1], trainer.step)

    def on_epoch_end(self, trainer: Trainer, row: Row) -> None:
        """Write the row."""
        for name, value in asdict(row).items():
            if name not in ("epoch", "step") and value is not None:
                self.writer.add_scalar(f"epoch/{name}", value, row.step)
        self.writer.flush()

    def on_train_end(self, trainer: Trainer) -> None:
        """Close the file."""
        self.writer.close()
