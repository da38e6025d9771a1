"""A whole training run from its settings: data, network, optimiser, schedule, and the folder that it writes into."""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import minipose
from minipose import data, models
from minipose.data import Dataset, StickFigures
from minipose.data.poses import read_numbers
from minipose.nn import Module, summary
from minipose.optim import Adam, AdamW, CosineWithWarmup, Optimizer
from minipose.train.callbacks import Callback, TensorBoard
from minipose.train.checkpoints import load_checkpoint
from minipose.train.config import Config, add_arguments, check_may_resume, from_arguments
from minipose.train.ema import EMA
from minipose.train.folder import clear, holds_a_run, locked_folder
from minipose.train.interrupts import Interrupted
from minipose.train.loop import LAST, Trainer
from minipose.train.predictions import default_codec

CONFIG = "config.json"
HELD_OUT = 10  # one in so many poses is for validation
SIDE_COLOURS = ("shade", "color")  # the cues that a mirror image would turn into the opposite


def add_run_arguments(parser: argparse.ArgumentParser, out: str) -> None:
    """Add the options of `Config`, and those of where a run goes and how it begins; `out` is the default folder."""
    add_arguments(parser)
    add = parser.add_argument
    add("--out", type=Path, help=f"folder for the results (default {out}, or runs/dry-run)")
    begin = parser.add_mutually_exclusive_group().add_argument
    begin("--resume", action="store_true", help="go on with the run in --out, with its settings")
    begin("--overwrite", action="store_true", help="begin anew in a folder that holds a run, which is lost")
    add("--dry-run", action="store_true", help="a few steps on a few images, to see that everything works")
    parser.set_defaults(default_out=Path(out))


def run_from_arguments(arguments: argparse.Namespace) -> tuple[Config, Path, bool, bool]:
    """Return the settings, the folder, and whether to resume and whether to overwrite.

    To resume, no option need be given again: those of the run in the folder hold.

    Raises
    ------
    ValueError, FileNotFoundError
        If the saved settings cannot be read.
    """
    out = arguments.out or (Path("runs/dry-run") if arguments.dry_run else arguments.default_out)
    saved = Config.load(out / CONFIG) if arguments.resume and (out / CONFIG).is_file() else None
    config = from_arguments(arguments, saved)
    if arguments.dry_run:
        config = config.dry()
    # A dry run in a folder for nothing else is worth nothing.
    worthless = arguments.dry_run and arguments.out is None and not arguments.resume
    return config, out, arguments.resume, arguments.overwrite or worthless


def build_trainer(
    config: Config,
    out: str | os.PathLike,
    training: Dataset | None = None,
    validation: Dataset | None = None,
    callbacks: Sequence[Callback] = (),
) -> Trainer:
    """Return the trainer of a new run, after seeding minipose's generator. Nothing is written yet.

    Parameters
    ----------
    config : Config
    out : the folder for the results
    training : Dataset, optional
        Gone through in a new order every epoch. Default: stick figures as `config` says, none of them twice.
    validation : Dataset, optional
        Default: stick figures of the split "val".
    callbacks : sequence of Callback

    Raises
    ------
    ValueError
        If the settings do not fit together, or the data set, or an epoch, is smaller than a batch.
    """
    config = config.with_absolute_paths()
    for name in ("epoch_size", "images") if training is None else ():
        count = getattr(config, name)
        if count is not None and count < config.batch_size:
            raise ValueError(
                f"train: {name}={count} does not fill a batch: it must be at least batch_size={config.batch_size}"
            )
    minipose.manual_seed(config.seed)
    model = models.create(config.model, **config.architecture["options"])
    summary(model, (1, 3, config.size, config.size))  # fails here where the size does not fit
    model.to(config.device)
    steps_per_epoch = config.steps_per_epoch
    if training is not None:
        steps_per_epoch = len(training) // config.batch_size
        if steps_per_epoch == 0:
            raise ValueError(f"train: {len(training)} training samples do not fill a batch of {config.batch_size}")
    total_steps = config.epochs * steps_per_epoch
    optimizer = _optimizer(config, model)
    return Trainer(
        model,
        optimizer,
        CosineWithWarmup(optimizer, total_steps, warmup_steps=max(1, round(config.warmup * total_steps))),
        training=_training(config, training, total_steps),
        validation=figures_of(config, "val", config.validation) if validation is None else validation,
        batch_size=config.batch_size,
        steps_per_epoch=steps_per_epoch,
        out=Path(out),
        architecture=config.architecture,
        settings=vars(config).copy(),
        device=config.device,
        clip_norm=config.clip_norm,
        ema=None if config.ema is None else EMA(model, config.ema),
        patience=config.patience,
        checkpoint_every=config.checkpoint_every,
        callbacks=[*callbacks, *([TensorBoard(Path(out) / "tensorboard")] if config.tensorboard else [])],
        codec=default_codec(model, (config.size, config.size), config.sigma),
        source=source_of(config) if training is None else {"own": True},
    )


def source_of(config: Config) -> dict[str, Any]:
    """Return what tells the training data of a run from others that the same settings name: a hash of its poses.

    Checkpoints keep it, or {"own": True} where the caller has given the data set; those of earlier versions do not.
    """
    return {} if config.poses is None else {"poses": hashlib.sha256(Path(config.poses).read_bytes()).hexdigest()}


def train(
    config: Config,
    out: str | os.PathLike,
    resume: bool = False,
    overwrite: bool = False,
    training: Dataset | None = None,
    validation: Dataset | None = None,
    callbacks: Sequence[Callback] = (),
    say: Callable[[str], object] = lambda text: None,
    finish: Callable[[Trainer], object] = lambda trainer: None,
) -> Trainer:
    """Train a network as `config` says, and return its trainer; the folder then holds the run, and its settings.

    Parameters
    ----------
    config, out, training, validation, callbacks : as for `build_trainer`
    resume : bool
        Go on with the run in the folder. Default False.
    overwrite : bool
        Begin anew in a folder that holds a run, which is lost. Default False.
    say : function of a text
        Told what begins, such as `print`. Default: silence.
    finish : function of the trainer
        Called at the end, with the folder still locked, as by `train_and_score`. After Ctrl-C the run can be resumed:
        it is trained, and finished anew. Default: nothing.

    Raises
    ------
    FileExistsError
        If the folder holds a run, and neither `resume` nor `overwrite` is set.
    FileNotFoundError
        If there is no run to resume.
    ValueError
        If the settings do not fit together, or not those of the run to resume.
    RuntimeError
        If another run is writing into the folder.
    Interrupted, FloatingPointError, OSError
        As `Trainer.fit`.
    """
    config, out = config.with_absolute_paths(), Path(out)
    if resume and overwrite:
        raise ValueError("train: resume goes on with a run, overwrite begins it anew: only one of them can be set")
    if resume:
        _check_saved(config, out)
    trainer = build_trainer(config, out, training, validation, callbacks)
    total_steps = trainer.schedule.total_steps
    with locked_folder(out):
        if resume:
            _resume(config, trainer)
        elif holds_a_run(out) and not overwrite:
            raise FileExistsError(
                f"{out} holds a run already: go on with it by --resume, begin anew in its place by --overwrite, or "
                "choose another folder by --out"
            )
        else:
            clear(out)
        config.save(out / CONFIG)
        say(str(summary(trainer.model, (1, 3, config.size, config.size))))
        if resume:
            say(f"resuming after {trainer.step} of {total_steps} steps")
        trainer.holds_lock = True
        try:
            trainer.fit()
        finally:
            trainer.holds_lock = False
        if trainer.stop_reason:
            say(f"stopped after {trainer.step} of {total_steps} steps: {trainer.stop_reason}")
        try:
            finish(trainer)
        except KeyboardInterrupt:
            raise Interrupted from None
    return trainer


def _check_saved(config: Config, out: Path) -> None:
    if not (out / CONFIG).is_file() and (out / LAST).is_file():
        raise ValueError(
            f"the run in {out} has no {CONFIG}, as it was begun by an earlier version of minipose: its networks can be "
            "used, but it cannot be resumed"
        )
    if not (out / CONFIG).is_file():
        raise FileNotFoundError(f"there is no run in {out} to resume: there is no file {out / CONFIG}")
    check_may_resume(Config.load(out / CONFIG), config)


def _resume(config: Config, trainer: Trainer) -> None:
    """Take over the last checkpoint, unless the run ended before the first: then it begins anew."""
    _check_saved(config, trainer.out)  # again, now that no other run can change it
    if (trainer.out / LAST).exists():
        checkpoint = load_checkpoint(trainer.out / LAST)
        _check_source(checkpoint.training.get("source", trainer.source), trainer)
        trainer.resume(checkpoint)
    check_not_done(trainer)


def check_not_done(trainer: Trainer) -> None:
    """Raise ValueError where a run that was resumed has done more steps than are asked for now."""
    done, asked = (steps / trainer.steps_per_epoch for steps in (trainer.step, trainer.schedule.total_steps))
    if done > asked:
        raise ValueError(f"--epochs {asked:g}: the run has done {done:g} already")


def _check_source(before: dict[str, Any], trainer: Trainer) -> None:
    if before.get("own") != trainer.source.get("own"):
        own, figures = "a data set of its own", "the stick figures of its settings"
        was, now = (own, figures) if before.get("own") else (figures, own)
        raise ValueError(
            f"the run in {trainer.out} is trained on {was}, and cannot go on with {now}: call train with the same "
            "`training` as when it began"
        )
    if before != trainer.source:
        raise ValueError(
            f"--resume needs the poses that the run began with, but {trainer.settings['poses']} has another content "
            "now: put it back, or begin anew by --overwrite"
        )


def _optimizer(config: Config, model: Module) -> Optimizer:
    if config.weight_decay:
        return AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    return Adam(model.parameters(), lr=config.learning_rate)


def figures_of(config: Config, split: str, count: int | None = None) -> StickFigures:
    """Return the stick figures of a run.

    Parameters
    ----------
    config : Config
        Of the different poses in a file every tenth is kept for validation, with all its repetitions, so that no figure
        is scored in a pose that was trained. That is all: poses that are nearly the same, as in neighbouring frames of
        a film, or in the mirror, may well be on both sides.
    split : {"train", "val"}
    count : int, optional
        As for `StickFigures`.

    Raises
    ------
    ValueError, FileNotFoundError
        As `StickFigures`; or if there are fewer than ten different poses.
    """
    seed = config.seed if split == "train" else 0
    make = partial(StickFigures, config.set, split, config.size, count, seed, **config.drawing)
    if config.poses is None:
        return make()
    poses = read_numbers(config.poses, "StickFigures")
    _, first, same = np.unique(poses, axis=0, return_index=True, return_inverse=True)
    if len(first) < HELD_OUT:
        raise ValueError(
            f"{config.poses} must hold at least {HELD_OUT} different poses, not {len(first)}: every tenth is kept for "
            "validation"
        )
    number = first.argsort().argsort()[same.reshape(-1)]  # of each pose among the different ones, as the file has them
    is_held_out = number % HELD_OUT == HELD_OUT - 1
    return make(poses=poses[is_held_out if split == "val" else ~is_held_out])


def _training(config: Config, training: Dataset | None, total_steps: int) -> Dataset | data.DataLoader:
    """Return what the trainer reads: an endless stream of figures as it is, all else through a DataLoader."""
    endless = training is None and config.images is None
    if training is None:
        training = figures_of(config, "train", config.images or total_steps * config.batch_size)
    if endless and not config.workers and not config.augment:
        return training
    return data.DataLoader(
        training,
        config.batch_size,
        shuffle=not endless,
        seed=config.seed,
        drop_last=True,
        workers=config.workers,
        transform=data.Augment(flip=0.0 if config.cue in SIDE_COLOURS else 0.5) if config.augment else None,
    )
