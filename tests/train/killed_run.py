"""A small training run in a process of its own, which can be told to kill itself while it writes a file.

    python -m tests.train.killed_run FOLDER [--resume] [NAME COUNT before|after]

It dies in the COUNT-th replacement of the file NAME: with its new content under a temporary name, or in its place.
"""

import os
import signal
import sys
from pathlib import Path

from minipose.train import Config, train

CONFIG = Config(width=4, options={"depth": 2}, size=32, epochs=5, epoch_size=40, validation=8, batch_size=4, ema=0.9,
                checkpoint_every=3, patience=5, clip_norm=0.05, augment=True, seed=2, learning_rate=2e-3)  # fmt: skip


def die_at(name, count, moment):
    replace, seen = os.replace, [0]

    def replace_or_die(source, target):
        seen[0] += Path(target).name == name
        dies = Path(target).name == name and seen[0] == int(count)
        if dies and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = replace_or_die


if __name__ == "__main__":
    folder, *rest = sys.argv[1:]
    resume = "--resume" in rest
    moment = [argument for argument in rest if argument != "--resume"]
    if moment:
        die_at(*moment)
    train(CONFIG, folder, resume=resume, say=lambda text: print("begun", flush=True))
