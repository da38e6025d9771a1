"""From the samples of a data set to the input of a network: batches, their order, and who makes them ahead."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np

from minipose.checks import as_array, check_flag, check_integer
from minipose.data.samples import Batch, Dataset, Sample, collate
from minipose.data.workers import Workers, packed_size

Item = TypeVar("Item")


def to_input(images: np.ndarray) -> np.ndarray:
    """Convert images to the input of a network.

    Parameters
    ----------
    images : uint8 array (N, H, W, 3)
        Red, green, blue.

    Returns
    -------
    float32 array (N, 3, H, W)
        value / 255 - 0.5, from -0.5 to 0.5. Only the axes change places, so memory is channels-last.

    Raises
    ------
    TypeError
        If the images are not uint8.
    ValueError
        If their shape is not (N, H, W, 3).
    """
    images = as_array("to_input", "images", images)
    if images.dtype != np.uint8:
        raise TypeError(f"to_input: images must be uint8 (0 to 255), got {images.dtype}")
    if images.ndim != 4 or images.shape[3] != 3:
        raise ValueError(f"to_input: images must have shape (N, H, W, 3), got {images.shape}")
    values = np.divide(images, np.float32(255), dtype=np.float32, order="C")
    values -= np.float32(0.5)
    return values.transpose(0, 3, 1, 2)


class LoaderError(RuntimeError):
    """A sample could not be loaded, or some could not be put together; the cause says why."""


class DataLoader:
    """Iterates over a data set in batches, which worker processes can make ahead.

    Each `for` over it is one epoch, numbered from 0. The order of the samples depends on the seed and the epoch alone,
    and the random numbers of `transform` on the seed, the epoch and the sample's place in the data set alone. So the
    batches are the same for any number of workers, and a run that begins in the middle goes on as it would have.

    Parameters
    ----------
    dataset : Dataset
        With workers, each has a copy of it as it is when the first batch is asked for.
    batch_size : int
        Samples per batch.
    shuffle : bool
        Take the samples in random order, another one each epoch. Default: in the order of the data set.
    seed : int
        At least 0.
    drop_last : bool
        Leave out the last samples where they are too few for a batch, so that all batches have one shape.
    workers : int
        Number of processes, which start with the first batch and stay until `close`, or until the loader is no longer
        used. Their kernels use one thread each. 0, the default, makes each batch when it is asked for.
    transform : function, optional
        Called as `transform(sample, generator)`, returns a Sample: augmentation, say. `generator` is a
        numpy.random.Generator.
    prefetch : int
        Batches that each worker may have ready or in work, at least 1.
    collate : function
        Puts a list of samples together. With the default and no transform it is `dataset.batch` that makes the batches.

    Attributes
    ----------
    epoch : int
        The one that the next `for` goes through.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of the above, there are no samples, or too few for one batch with `drop_last`. When the
        workers start, TypeError if the data set or a function cannot be pickled.
    LoaderError
        While iterating: if a sample could not be loaded, which is then named. The cause is the exception, and the cause
        of that, where a worker raised it, tells the worker's traceback.
    RuntimeError
        While iterating with workers: if one was killed, or another loop over the same loader has begun.

    Notes
    -----
    A new Python takes a second or so to start; and a script that uses workers must start its work below
    ``if __name__ == "__main__":``, since each of them imports it.

    Examples
    --------
    >>> from minipose.data import DataLoader, StickFigures
    >>> loader = DataLoader(StickFigures(count=100), batch_size=32, shuffle=True)
    >>> [len(batch) for batch in loader]
    [32, 32, 32, 4]
    >>> loader.epoch
    1
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int = 1,
        shuffle: bool = False,
        seed: int = 0,
        drop_last: bool = False,
        workers: int = 0,
        transform: Callable[[Sample, np.random.Generator], Sample] | None = None,
        prefetch: int = 2,
        collate: Callable[[list[Sample]], Any] = collate,
    ) -> None:
        if not isinstance(dataset, Dataset):
            raise TypeError(f"DataLoader: dataset must be a minipose.data.Dataset, not {type(dataset).__name__}")
        numbers = {"batch_size": (batch_size, 1), "seed": (seed, 0), "workers": (workers, 0), "prefetch": (prefetch, 1)}
        for argument, (value, least) in numbers.items():
            check_integer("DataLoader", argument, value, least)
        check_flag("DataLoader", "shuffle", shuffle)
        check_flag("DataLoader", "drop_last", drop_last)
        for argument, function in {"transform": transform, "collate": collate}.items():
            if not callable(function) and not (argument == "transform" and function is None):
                raise TypeError(f"DataLoader: {argument} must be a function, not {function!r}")
        count = len(dataset)
        if count == 0:
            raise ValueError("DataLoader: the data set has no samples")
        if drop_last and count < batch_size:
            raise ValueError(
                f"DataLoader: {count} samples do not fill one batch of {batch_size}; "
                "choose a smaller batch_size or drop_last=False"
            )
        self.dataset, self.batch_size, self.workers, self.prefetch = dataset, batch_size, workers, prefetch
        self.epoch = 0
        self._recipe = _Recipe(dataset, count, batch_size, shuffle, seed, transform, collate)
        self._length = count // batch_size if drop_last else -(-count // batch_size)
        self._processes: Workers | None = None
        self._latest: object = None  # what stands for the latest loop that has begun

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return self._length

    def __iter__(self) -> Iterator[Any]:
        return self.batches()

    def set_epoch(self, epoch: int) -> None:
        """Set which epoch the next `for` goes through; those after it go on from there."""
        check_integer("DataLoader.set_epoch", "epoch", epoch, 0)
        self.epoch = epoch

    def batches(self, start: int = 0) -> Iterator[Any]:
        """Iterate over the epoch from batch `start` on, without loading what is before it.

        Raises
        ------
        ValueError
            If `start` is negative or more than there are batches. At the end itself there is nothing to iterate over.
        """
        check_integer("DataLoader.batches", "start", start, 0)
        if start > len(self):
            raise ValueError(
                f"DataLoader.batches: start must be at most {len(self)}, the number of batches, not {start}"
            )
        epoch, self.epoch = self.epoch, self.epoch + 1
        self._latest = loop = object()
        tasks = [(epoch, number) for number in range(start, len(self))]
        if self.workers == 0:
            return (self._recipe(*task) for task in tasks)
        return self._from_workers(tasks, loop)

    def close(self) -> None:
        """End the worker processes. They start again when a batch is asked for."""
        if self._processes is not None:
            self._processes.close()
            self._processes = None

    def __enter__(self) -> DataLoader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _from_workers(self, tasks: list[tuple[int, int]], loop: object) -> Iterator[Any]:
        if tasks and (self._processes is None or self._processes.owner != os.getpid()):  # not in a fork of the owner
            self._processes = self._start(*tasks[0])
        waiting = iter(tasks)
        for place in range(len(tasks)):
            if self._latest is not loop:
                raise RuntimeError("DataLoader: another loop over this loader has begun, which the workers serve now")
            try:
                if place == 0:
                    self._processes.discard()  # what an earlier loop, left in its midst, had asked for
                    self._fill(waiting)
                batch = self._processes.take()
                self._fill(waiting)
            except BaseException:  # of Ctrl-C too: half a message may have been read
                self.close()
                raise
            yield batch

    def _fill(self, waiting: Iterator[tuple[int, int]]) -> None:
        while self._processes.has_room and (task := next(waiting, None)) is not None:
            self._processes.give(task)

    def _start(self, epoch: int, number: int) -> Workers:
        try:
            function = pickle.dumps(self._recipe)
        except Exception as error:
            raise TypeError(
                "DataLoader: the data set, transform and collate go to worker processes, but cannot be pickled "
                f"({error}); define them at the top of a module, or choose workers=0"
            ) from error
        # Room for a batch of samples like the first, and a little more, as when the number of people differs.
        room = packed_size(self._recipe(epoch, number, most=1)) * self.batch_size * 5 // 4
        return Workers("DataLoader", function, self.workers, self.prefetch, room)


def prefetch(iterable: Iterable[Item], depth: int = 2) -> Generator[Item, None, None]:
    """Iterate with a background thread that works up to `depth` items ahead.

    The thread starts with the first item asked for. It ends with the iterable, or, when the loop is left
    early, after the item that it is working on.

    Parameters
    ----------
    iterable : iterable
        What to iterate over. An exception that it raises is raised here, after the items before it.
    depth : int
        How many finished items may wait, at least 1.

    Returns
    -------
    generator
        The items in their order.

    Raises
    ------
    ValueError
        If `depth` is less than 1.
    """
    check_integer("prefetch", "depth", depth, 1)
    return _prefetch(iterable, depth)


def _prefetch(iterable: Iterable[Item], depth: int) -> Generator[Item, None, None]:
    finished: queue.SimpleQueue = queue.SimpleQueue()
    room = threading.Semaphore(depth)
    stop = threading.Event()
    end = object()

    def work() -> None:
        error = None
        try:
            items = iter(iterable)
            while room.acquire() and not stop.is_set():
                finished.put((next(items), None))
        except StopIteration:
            pass
        except BaseException as exception:
            error = exception
        finished.put((end, error))

    # A daemon, so that an iterable that never answers cannot keep the interpreter from exiting.
    thread = threading.Thread(target=work, name="minipose-prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error = finished.get()
            if error is not None:
                raise error
            if item is end:
                return
            room.release()
            yield item
    finally:
        stop.set()
        room.release()
        thread.join(timeout=1)


class _Recipe:
    """Makes a batch of its epoch and number: the same in every process."""

    def __init__(
        self, dataset: Dataset, count: int, batch_size: int, shuffle: bool, seed: int, transform: Any, collate: Any
    ) -> None:
        self.dataset, self.count, self.batch_size, self.shuffle = dataset, count, batch_size, shuffle
        self.seed, self.transform, self.collate = seed, transform, collate
        self._order: tuple[int, np.ndarray] = -1, np.empty(0)

    def __call__(self, epoch: int, number: int, most: int | None = None) -> Any:
        """Return a batch, or its first `most` samples."""
        indices = self._indices(epoch)[number * self.batch_size : (number + 1) * self.batch_size][:most]
        whole = self._whole(indices)
        if whole is not None and self.transform is None and self.collate is collate:
            return whole
        samples = []
        for place, index in enumerate(indices.tolist()):
            with _named(f"sample {index} could not be loaded"):
                sample = whole.sample(place) if isinstance(whole, Batch) else self.dataset[index]
                samples.append(self._transformed(sample, epoch, index))
        with _named(f"samples {indices.tolist()} could not be put together"):
            return self.collate(samples)

    def _indices(self, epoch: int) -> np.ndarray:
        if self._order[0] != epoch:
            generator = np.random.default_rng([self.seed, epoch])
            self._order = epoch, generator.permutation(self.count) if self.shuffle else np.arange(self.count)
        return self._order[1]

    def _whole(self, indices: np.ndarray) -> Batch | None:
        """Return the samples of a data set that makes batches of its own, which is faster than one by one."""
        if type(self.dataset).batch is Dataset.batch:
            return None
        try:
            return self.dataset.batch(indices)
        except Exception as error:
            for index in indices:  # to find out which sample it is
                with _named(f"sample {index} could not be loaded"):
                    self.dataset.batch([index])
            with _named(f"samples {indices.tolist()} could not be put together"):
                raise error

    def _transformed(self, sample: Sample, epoch: int, index: int) -> Sample:
        if self.transform is None:
            return sample
        # The last number makes it another stream than the order's: numbers that are not given count as 0.
        return self.transform(sample, np.random.default_rng([self.seed, epoch, index, 1]))


@contextlib.contextmanager
def _named(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise LoaderError(f"DataLoader: {what}: {type(error).__name__}: {error}") from error
