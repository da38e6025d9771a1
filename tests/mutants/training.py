"""Bugs of training runs: what is not saved, not restored, not on the disk, or written over."""

from tests.mutants.bug import Bug

KILLS = "tests/train/test_kills.py"
LOOP = "tests/train/test_loop.py -k"
TRAINING = [
    Bug(
        "a resumed run begins its random numbers anew",
        "train/loop.py",
        '        default_generator().bit_generator.state = saved["random"]\n',
        "",
        f"{LOOP} random_numbers",
    ),
    Bug(
        "a resumed epoch begins its loader anew",
        "train/loop.py",
        "self.training.batches(done)",
        "self.training.batches(0)",
        f"{LOOP} gone_through",
    ),
    Bug(
        "a resumed epoch forgets its losses",
        "train/loop.py",
        'MeanLoss(saved["loss"]["total"], saved["loss"]["count"])',
        "MeanLoss()",
        KILLS,
    ),
    Bug(
        "a resumed average begins with its first steps",
        "train/ema.py",
        "        self.steps = steps\n",
        "",
        f"{LOOP} gone_through",
    ),
    Bug(
        "the last checkpoint says that the best is written, which is not",
        "train/loop.py",
        "        if is_best:\n",
        "        self.save(LAST)\n        if is_best:\n",
        KILLS,
    ),
    Bug(
        "a killed writer's file stays",
        "train/folder.py",
        "            remove_leftovers(folder / name)\n",
        "            pass\n",
        KILLS,
    ),
    Bug(
        "a checkpoint takes its place before it is on the disk",
        "files.py",
        "        os.fsync(file.fileno())\n",
        "",
        "tests/test_files.py",
    ),
    Bug(
        "a checkpoint is written in its place",
        "files.py",
        "        yield temporary\n",
        "        yield path\n",
        "tests/test_files.py",
    ),
    Bug(
        "two runs into one folder",
        "train/folder.py",
        "        _lock(handle, folder)\n",
        "",
        "tests/train/test_folder.py",
    ),
    Bug(
        "a wrong setting clears the folder",
        "train/run.py",
        "    trainer = build_trainer(config, out, training, validation, callbacks)\n",
        "    if overwrite:\n        clear(out)\n"
        "    trainer = build_trainer(config, out, training, validation, callbacks)\n",
        "tests/train/test_run.py",
    ),
    Bug(
        "weights that are no numbers are saved",
        "train/loop.py",
        "        self._check_weights()\n        self.losses.settle()\n",
        "        self.losses.settle()\n",
        "tests/train/test_nonfinite.py",
    ),
    Bug(
        "unlabelled joints count",
        "train/loop.py",
        "None if (weights == 1).all() else weights",
        "None",
        f"{LOOP} unlabelled",
    ),
    Bug(
        "the weights are scored instead of their average",
        "train/loop.py",
        "return self.ema.applied(self.model) if self.ema else nullcontext()",
        "return nullcontext()",
        f"{LOOP} average",
    ),
    Bug(
        "one epoch more of patience",
        "train/loop.py",
        "self.stale >= self.patience",
        "self.stale > self.patience",
        f"{LOOP} patience",
    ),
    Bug(
        "gradients are clipped after the step",
        "train/loop.py",
        "        if self.clip_norm is not None:\n            try:",
        "        if self.clip_norm is not None:\n            self.optimizer.step()\n            try:",
        f"{LOOP} clipping",
    ),
]
