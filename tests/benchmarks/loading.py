"""Whether drawing and loading keep a training run busy: its step rate beside that on data in memory.

    python -m tests.benchmarks.loading > docs/performance/loading.md

One network is trained on all of the sources, which take turns of some steps. The first steps of a turn are not timed,
since worker processes have prepared them while others had their turn.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from minipose import get_num_threads
from minipose.data import Augment, Batch, CourseFigures, DataLoader, Dataset, Sample, StickFigures, write_course
from minipose.train import Config, Trainer, build_trainer
from minipose.train.losses import loss_of
from tests.benchmarks.machine import machine
from tests.benchmarks.report import machine_line

TURNS, STEPS, UNTIMED = 12, 16, 6
KEPT = 512  # samples in memory, and images on disk


class InMemory(Dataset):
    """The first samples of a data set, kept as one batch."""

    def __init__(self, figures: Dataset) -> None:
        self.all = figures.batch(np.arange(KEPT))

    def __len__(self) -> int:
        return 10**6

    def batch(self, indices: np.ndarray) -> Batch:
        """Return the samples at `indices` modulo their number."""
        i, all = np.asarray(indices) % KEPT, self.all
        return Batch(
            all.images[i], all.points[i], all.visible[i], tuple(all.sets[j] for j in i), i,
            tuple(all.names[j] for j in i), tuple(all.people[j] for j in i), tuple(all.people_visible[j] for j in i),
            all.matrices[i],
        )  # fmt: skip


class Again(Dataset):
    """A data set that is gone through again and again."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return 1000 * len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        return self.dataset[index % len(self.dataset)]


def sources(config: Config, folder: Path) -> dict[str, Dataset | DataLoader]:
    """Return what is compared; the first is the measure of the others."""
    figures = StickFigures(config.set, size=config.size, count=10**6)
    write_course([StickFigures(config.set, size=config.size, count=KEPT)] * 4, folder)
    files = Again(CourseFigures(folder))
    size = config.batch_size
    return {
        "in memory": InMemory(figures),
        "figures, drawn on demand": figures,
        "figures, drawn and augmented": DataLoader(figures, size, transform=Augment()),
        "the same by one worker process": DataLoader(figures, size, transform=Augment(), workers=1),
        "figures, drawn by one worker process": DataLoader(figures, size, workers=1),
        "a folder of PNG files": DataLoader(files, size),
        "the same folder by one worker process": DataLoader(files, size, workers=1),
    }


def turns(trainer: Trainer, data: dict[str, Any]) -> dict[str, list[float]]:
    """Return the seconds of every timed step of each source, its batch included."""
    # One network for all, and for each source a trainer that asks for its batches.
    streams = {name: replace(trainer, training=source)._batches() for name, source in data.items()}
    seconds: dict[str, list[float]] = {name: [] for name in data}
    for _ in range(TURNS):
        for name, stream in streams.items():
            for step in range(STEPS):
                start = time.perf_counter()
                trainer._train_step(*next(stream))
                if step >= UNTIMED:
                    seconds[name].append(time.perf_counter() - start)
    return seconds


def main() -> None:
    """Print the page."""
    with tempfile.TemporaryDirectory() as folder:
        config = Config(epochs=1000)
        trainer = build_trainer(config, Path(folder) / "run")
        trainer.total_steps, trainer.loss = trainer.schedule.total_steps, loss_of(trainer.codec)
        data = sources(config, Path(folder) / "course")
        seconds = turns(trainer, data)
        for source in data.values():
            if isinstance(source, DataLoader):
                source.close()
    median = {name: statistics.median(times) for name, times in seconds.items()}
    measure = median["in memory"]
    facts = machine(get_num_threads())
    print("# Loading\n\nHow many training steps a second are left when the images are drawn or read for each step,")
    print("beside images that lie in memory. The network is the README's, with")
    print(f"{config.batch_size} images of {config.size} x {config.size} pixels a step.\n")
    print(f"Written by `python -m tests.benchmarks.loading`; median of {TURNS * (STEPS - UNTIMED)} steps.\n")
    print(machine_line(facts))
    print("| images | ms a step | of the rate in memory |\n|---|---|---|")
    for name, time_ in median.items():
        print(f"| {name} | {1000 * time_:.1f} | {measure / time_:.1%} |")


if __name__ == "__main__":
    main()
