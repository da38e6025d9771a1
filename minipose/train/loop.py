"""The training loop."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from minipose.checks import check_integer, check_number
from minipose.creation import tensor
from minipose.data import Batch, DataLoader, Dataset, prefetch, to_input
from minipose.nn import Module
from minipose.nn.utils import clip_grad_norm_
from minipose.optim import LRScheduler, Optimizer
from minipose.random import default_generator
from minipose.tensor import Tensor
from minipose.train import nonfinite
from minipose.train.callbacks import Callback, Progress
from minipose.train.checkpoints import Checkpoint, save_checkpoint
from minipose.train.ema import EMA
from minipose.train.evaluate import evaluate
from minipose.train.folder import locked_folder, remove_results
from minipose.train.interrupts import Interrupted, finish_step_on_ctrl_c
from minipose.train.log import Log, MeanLoss, Row, checked_scores
from minipose.train.losses import loss_of, outputs_of
from minipose.train.predictions import default_codec

LAST, BEST = "last.safetensors", "best.safetensors"
WITHOUT_SCORE = (
    "Trainer: the validation score is NaN: the labels of the validation samples do not tell it, as PCKh where no head "
    "is labelled"
)


def validate(model: Module, samples: Dataset, codec: Any) -> dict[str, float]:
    """Return PCKh@0.5 and EPE in pixels by their columns in the log; NaN where the labels do not tell them."""
    scores = evaluate(model, samples, codec)
    columns = {"validation_pckh": "pckh50", "validation_epe": "epe_px"}
    return {column: math.nan if scores[name] is None else scores[name] for column, name in columns.items()}


@dataclass
class Trainer:
    """Trains a network; the run can be resumed at any step.

    After Ctrl-C, a kill or an error, it ends in the same bits as one that never stopped, but for the times in the log.
    After a `fit` with `total_steps` inside an epoch only the last weights do: the part of the epoch is scored as an
    epoch of its own, which changes the log, and may change the best network and what `patience` does.

    Parameters
    ----------
    model, optimizer, schedule : what is trained, and how
    training : Dataset, or DataLoader
        Of a data set, step s sees the samples s * batch_size and following, so it must hold
        `schedule.total_steps * batch_size` of them: none is seen twice, and there is nothing to memorise. A loader is
        gone through again and again, after `set_epoch` with 0, 1, ...
    validation : Dataset
    batch_size : int
    steps_per_epoch : int
        After so many steps the validation samples are scored, the log gets a row, and checkpoints are written.
    out : folder
    architecture : {"name": ..., "options": ...}, for the checkpoints
    settings : what else to keep in the checkpoints, as JSON
    source : what the training data are, as JSON, for the checkpoints too. Default: {}
    device : "cpu" or "cuda"
    clip_norm : float, optional
        The largest norm of all gradients together. Default: they are not clipped.
    ema : EMA, optional
        The average of the weights that is scored and becomes the best, instead of the weights themselves.
    patience : int, optional
        Stop after so many epochs without a better score. Default: never.
    checkpoint_every : int, optional
        Steps after which last.safetensors is written, besides the end of every epoch.
    callbacks : sequence of Callback
    codec : what the network is trained to give, as minipose.pose has it; joints that nobody has labelled do not count
        One with `encode_batch` is given the whole batch, all people in it. Default: `default_codec` for images of the
        size that comes.
    loss : function of outputs, targets, and the joints' weights (N, J), or None where all are 1
        Default: `losses.loss_of(codec)`.
    validate : function of model, validation and codec
        Returns a row's `validation_` columns by name, first the one that shall grow. Default: PCKh@0.5 and EPE.
    holds_lock : whether the caller has locked `out` already

    Attributes
    ----------
    step : steps done
    best : the best validation score; -inf before the first
    stale : epochs since it was reached
    seconds : of training and validation so far
    stop_reason : a sentence, once the run ends early; "" before
    """

    model: Module
    optimizer: Optimizer
    schedule: LRScheduler
    training: Dataset | DataLoader
    validation: Dataset
    batch_size: int
    steps_per_epoch: int
    out: Path
    architecture: dict[str, Any]
    settings: dict[str, Any]
    device: str = "cpu"
    step: int = 0
    best: float = -math.inf
    seconds: float = 0.0
    clip_norm: float | None = None
    ema: EMA | None = None
    patience: int | None = None
    checkpoint_every: int | None = None
    callbacks: Sequence[Callback] = ()
    codec: Any = None
    loss: Callable[[Any, Tensor, Tensor | None], Tensor] | None = None
    validate: Callable[[Module, Dataset, Any], dict[str, float]] = validate
    holds_lock: bool = False
    source: dict[str, Any] = field(default_factory=dict)
    stale: int = 0
    stop_reason: str = ""
    total_steps: int = 0
    rows: list[Row] = field(default_factory=list)
    losses: MeanLoss = field(default_factory=MeanLoss)

    def __post_init__(self) -> None:
        self.out = Path(self.out)
        for name in ("batch_size", "steps_per_epoch", "patience", "checkpoint_every"):
            if getattr(self, name) is not None:
                check_integer("Trainer", name, getattr(self, name), 1)
        if self.clip_norm is not None:
            check_number("Trainer", "clip_norm", self.clip_norm, 1e-6)  # with 0 nothing would ever change
        self._epoch_seconds = 0.0  # of training in the present epoch

    def resume(self, checkpoint: Checkpoint) -> None:
        """Take over the state of a checkpoint that this trainer's predecessor saved.

        Raises
        ------
        ValueError
            If it is none to go on from, or of another network.
        """
        saved = checkpoint.training
        if checkpoint.optimizer is None:
            raise ValueError(f"Trainer.resume: the checkpoint has no optimiser state; resume from {LAST}")
        if "random" not in saved:
            raise ValueError(
                "Trainer.resume: the checkpoint is of an earlier version, which kept no random state; its network can "
                "be used, but the run not be resumed"
            )
        if (self.ema is None) != (checkpoint.average is None):
            has, wants = ("no", "an") if self.ema else ("an", "no")
            raise ValueError(f"Trainer.resume: the checkpoint has {has} average of the weights, but {wants} ema is set")
        self.model.load_state_dict(checkpoint.model)
        self.optimizer.load_state_dict(checkpoint.optimizer)
        self.schedule.load_state_dict(saved["schedule"])
        if self.ema:
            self.ema.load(checkpoint.average, saved["ema_steps"])
        for name in ("step", "stale", "seconds"):
            setattr(self, name, saved[name])
        self.best = -math.inf if saved["best"] in (None, -1) else saved["best"]  # earlier versions began with -1
        self.rows = [Row(**row) for row in saved["rows"]]
        self.losses = MeanLoss(saved["loss"]["total"], saved["loss"]["count"])
        self._epoch_seconds = saved["loss"]["seconds"]
        default_generator().bit_generator.state = saved["random"]

    def save(self, name: str, with_optimizer: bool = True) -> None:
        """Write a checkpoint into `out`; weights that are no numbers are an error, and the file before is kept.

        Raises
        ------
        FloatingPointError
            If a weight is NaN or infinite.
        OSError
            If the file cannot be written.
        """
        self._check_weights()
        self.losses.settle()
        training = {
            "step": self.step,
            "epoch": self.step // self.steps_per_epoch,
            "best": None if self.best == -math.inf else self.best,  # JSON has no infinity
            "stale": self.stale,
            "seconds": self.seconds,
            "schedule": self.schedule.state_dict(),
            "settings": self.settings,
            "source": self.source,
        }
        if with_optimizer:
            training["rows"] = [asdict(row) for row in self.rows]
            training["loss"] = {
                "total": self.losses.total, "count": self.losses.count, "seconds": self._epoch_seconds
            }  # fmt: skip
            training["random"] = default_generator().bit_generator.state
            training["ema_steps"] = self.ema.steps if self.ema else 0
        optimizer, ema = (self.optimizer, self.ema) if with_optimizer else (None, None)
        save_checkpoint(self.out / name, self.model, self.architecture, training, optimizer, ema)

    def fit(self, total_steps: int | None = None) -> Log:
        """Train up to `total_steps`; write log.csv, log.jsonl, last.safetensors and best.safetensors into `out`.

        Scores and pictures of the network as it was before (`folder.RESULTS`) are removed, if there are steps to do.

        Parameters
        ----------
        total_steps : int, optional
            Default: those of the schedule.

        Raises
        ------
        Interrupted
            After Ctrl-C, with the run saved in last.safetensors.
        FloatingPointError
            If the loss is not a number; the message says what went bad first.
        OSError
            If a file cannot be written, as on a full disk; those before it are whole.
        RuntimeError
            If another run is writing into `out`.
        """
        self.total_steps = self.schedule.total_steps if total_steps is None else total_steps
        callbacks = [Progress(), *self.callbacks]
        with nullcontext() if self.holds_lock else locked_folder(self.out):
            log = Log(self.out / "log.csv", self.rows)
            self.rows, self.stop_reason = log.rows, ""
            self._consider_stopping()
            begun = []
            try:
                for callback in callbacks:
                    callback.on_train_begin(self)
                    begun.append(callback)
                if not self.stop_reason and self.step < self.total_steps:
                    remove_results(self.out)
                    self._run(log, callbacks)
            finally:
                for callback in begun:
                    callback.on_train_end(self)
                if isinstance(self.training, DataLoader):
                    self.training.close()
        return log

    def _run(self, log: Log, callbacks: Sequence[Callback]) -> None:
        with finish_step_on_ctrl_c() as interrupted:
            batches = self._batches()
            # The kernels of the CPU use every core: there a thread that draws ahead would only be in their way.
            batches = prefetch(batches, depth=4) if self.device == "cuda" else batches
            self._clock = time.perf_counter()
            for images, targets, weights in batches:
                self.losses.waiting.append(self._train_step(images, targets, weights))
                if self.device == "cpu" or self.step % 10 == 0:
                    self.losses.settle()
                    if not math.isfinite(self.losses.recent[-1]):
                        raise self._failure(f"the loss is {self.losses.recent[-1]}")
                for callback in callbacks:
                    callback.on_step_end(self)
                ends_epoch = self.step % self.steps_per_epoch == 0 or self.step == self.total_steps
                if ends_epoch:
                    self._end_epoch(log, callbacks)
                elif self.checkpoint_every and self.step % self.checkpoint_every == 0:
                    self._count_seconds()
                    self.save(LAST)
                if interrupted.is_set():
                    self._count_seconds()
                    self.save(LAST)
                    batches.close()
                    raise Interrupted
                if self.stop_reason and ends_epoch:
                    batches.close()
                    return

    def _batches(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
        """Yield images, targets, and the joints' weights, or None where all are 1."""
        for batch in self._samples():
            if self.codec is None:
                self.codec = default_codec(self.model, batch.images.shape[1:3])
            if self.loss is None:
                self.loss = loss_of(self.codec)
            encode = getattr(self.codec, "encode_batch", None)
            targets, weights = encode(batch) if encode else self.codec.encode(batch.points, batch.visible)
            yield to_input(batch.images), targets, None if (weights == 1).all() else weights

    def _samples(self) -> Iterator[Batch]:
        step, end, size = self.step, self.total_steps, self.batch_size
        if not isinstance(self.training, DataLoader):
            yield from (self.training.batch(np.arange(s * size, (s + 1) * size)) for s in range(step, end))
            return
        while step < end:
            epoch, done = divmod(step, len(self.training))
            self.training.set_epoch(epoch)
            for batch in islice(self.training.batches(done), end - step):
                step += 1
                yield batch

    def _train_step(self, images: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> Tensor:
        self.model.train()
        on_device = [None if a is None else tensor(a, device=self.device) for a in (images, targets, weights)]
        loss = self._loss(*on_device)
        # Looked at before the gradients of the step before are forgotten, since they may be the cause.
        if self.device == "cpu" and not math.isfinite(loss.item()):
            raise self._failure(f"the loss is {loss.item()}", on_device)
        self.optimizer.zero_grad()
        loss.backward()
        if self.clip_norm is not None:
            try:
                clip_grad_norm_(self.optimizer.parameters(), self.clip_norm, error_if_nonfinite=True)
            except RuntimeError:
                raise self._failure("the norm of the gradients is no number", on_device) from None
        self.optimizer.step()
        self.schedule.step()
        self.step += 1
        if self.ema:
            self.ema.update(self.model)
        return loss.detach()

    def _loss(self, images: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
        return self.loss(outputs_of(self.model, images), targets, weights)

    def _failure(self, what: str, batch: Sequence[Tensor | None] | None = None) -> FloatingPointError:
        """Return the error that tells what went bad, in which step, why, and what to do."""
        cause, step = "", self.step + (batch is not None)
        if batch is not None:
            arrays = {k: t.data for k, t in zip(("images", "targets", "weights"), batch, strict=True) if t is not None}
            cause = nonfinite.cause(self.model, partial(self._loss, *batch), arrays)
        else:
            cause = nonfinite.of_the_weights(self.model)
        rate = max(group.get("initial_lr", group["lr"]) for group in self.optimizer.param_groups)
        advice = (
            "Look at the data set"
            if cause.endswith(nonfinite.OF_THE_BATCH)
            else f"Begin anew with a learning rate of {rate / 3:.2g} instead of {rate:.2g}, or with a "
            + ("smaller clip_norm" if self.clip_norm else "clip_norm of 1")
        )
        kept = f"; {LAST} is whole, from before" if (self.out / LAST).exists() else ""
        return FloatingPointError(f"{what} at step {step}: {cause or 'its cause is gone'}. {advice}{kept}")

    def _check_weights(self) -> None:
        if not all(nonfinite.is_finite(t.data) for t in self.model.state_dict().values()):
            raise self._failure("the weights are no numbers")

    def _count_seconds(self) -> None:
        now = time.perf_counter()
        self.seconds += now - self._clock
        self._epoch_seconds += now - self._clock
        self._clock = now

    def _averaged(self) -> AbstractContextManager[None]:
        return self.ema.applied(self.model) if self.ema else nullcontext()

    def _end_epoch(self, log: Log, callbacks: Sequence[Callback]) -> None:
        self._count_seconds()
        self.losses.settle()
        if not math.isfinite(self.losses.mean):
            raise self._failure(f"the loss is {self.losses.mean}")
        self._check_weights()
        with self._averaged():
            scores = checked_scores(self.validate(self.model, self.validation, self.codec))
        score = next(iter(scores.values()))
        if math.isnan(score) and not log.rows:
            warnings.warn(f"{WITHOUT_SCORE}; the latest network is kept as the best", stacklevel=4)
        has_none = self.best == -math.inf  # then the latest is the best, though the labels may tell no score
        is_best = has_none or score >= self.best  # of two equal ones the later: it has seen more
        self.stale = 0 if has_none or score > self.best else self.stale + 1
        self.best = score if score > self.best else self.best  # NaN is never better
        self.seconds += time.perf_counter() - self._clock
        row = Row(
            epoch=-(-self.step // self.steps_per_epoch),
            step=self.step,
            loss=self.losses.mean,
            learning_rate=self.optimizer.param_groups[0]["lr"],
            images_per_second=self.losses.count * self.batch_size / self._epoch_seconds,
            seconds=self.seconds,
            **{"validation_pckh": math.nan, "validation_epe": math.nan, **scores},
        )
        log.append(row)
        self.losses, self._epoch_seconds = MeanLoss(), 0.0
        # Killed between the two, the run does this epoch once more, and writes the same best again.
        if is_best:
            with self._averaged():
                self.save(BEST, with_optimizer=False)
        self.save(LAST)
        for callback in callbacks:
            callback.on_epoch_end(self, row)
        self._consider_stopping()
        self._clock = time.perf_counter()

    def _consider_stopping(self) -> None:
        if self.patience is not None and self.rows and self.best == -math.inf:
            raise ValueError(
                f"{WITHOUT_SCORE}. Without a score patience={self.patience} has nothing to wait for: leave it "
                "out, give a validation set with these labels, or a validate with another score first"
            )
        if self.patience is not None and self.stale >= self.patience:
            self.stop_reason = f"no better validation score for {self.stale} epochs"
