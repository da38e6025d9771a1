"""From the samples of a data set to the input of a network: batches, order, and a thread that works ahead."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from typing import TypeVar

import numpy as np

from minipose.checks import as_array, check_flag, check_integer, check_memory

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


def shuffled_batches(
    count: int, batch_size: int, seed: int, epoch: int, drop_last: bool = True
) -> Iterator[np.ndarray]:
    """Iterate over the indices of a data set in random order, a batch at a time.

    Parameters
    ----------
    count : int
        Number of samples.
    batch_size : int
        Samples per batch.
    seed, epoch : int
        Both together determine the order, so that a run can be resumed at any epoch.
    drop_last : bool
        Leave out the last samples where they are too few for a batch, so that all batches have one shape.

    Returns
    -------
    iterator of int64 arrays (batch_size,)
        Every index at most once.

    Raises
    ------
    ValueError
        If a size is not positive, the seed or the epoch is negative, or no batch could be filled.
    """
    numbers = {"count": (count, 1), "batch_size": (batch_size, 1), "seed": (seed, 0), "epoch": (epoch, 0)}
    for argument, (value, least) in numbers.items():
        check_integer("shuffled_batches", argument, value, least)
    check_flag("shuffled_batches", "drop_last", drop_last)
    check_memory("shuffled_batches", "order", (count,))
    if drop_last and count < batch_size:
        raise ValueError(
            f"shuffled_batches: {count} samples do not fill one batch of {batch_size}; "
            "choose a smaller batch_size or drop_last=False"
        )
    order = np.random.default_rng([seed, epoch]).permutation(count)
    end = count - count % batch_size if drop_last else count
    return (order[start : start + batch_size] for start in range(0, end, batch_size))


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
