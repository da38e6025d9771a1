"""From the samples of a data set to the input of a network: batches, order, and a thread that works ahead."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from typing import TypeVar

import numpy as np

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
    images = np.asarray(images)
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
    if count < 1 or batch_size < 1:
        raise ValueError(f"shuffled_batches: count and batch_size must be positive, got {count} and {batch_size}")
    if seed < 0 or epoch < 0:
        raise ValueError(f"shuffled_batches: seed and epoch must not be negative, got {seed} and {epoch}")
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
    if depth < 1:
        raise ValueError(f"prefetch: depth must be at least 1, got {depth}")
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
