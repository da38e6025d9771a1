"""What networks cost: parameters, multiply-adds, and the time of a forward pass on the CPU."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minipose import models
from minipose.autograd import no_grad
from minipose.checks import check_integer
from minipose.creation import tensor
from minipose.data import to_input
from minipose.kernels.threads import get_num_threads
from minipose.nn import Module, summary
from minipose.train.config import Config

SHORT = 8  # images in a network's turn, at least


def measure_costs(
    configs: Mapping[str, Config], batch_sizes: Sequence[int] = (1, 32), rounds: int = 20
) -> dict[str, Any]:
    """Build the networks and measure them in this process, in turns, so that a slow moment meets them all alike.

    Nothing else should be running. The networks have random weights, on which the time does not depend.

    Parameters
    ----------
    configs : mapping from names to settings
    batch_sizes : sequence of int
        Default 1 and 32.
    rounds : int
        So often each network has its turn of at least 8 images, after a pass that does not count. Default 20.

    Returns
    -------
    dict
        cpu, threads, rounds; networks: by name, each with parameters, multiply_adds of one image, and milliseconds of
        one image by batch size: the best of all passes, and their median, which is well above it on a busy machine.
    """
    check_integer("measure_costs", "rounds", rounds, 1)
    networks = {name: models.create(c.model, **c.architecture["options"]).eval() for name, c in configs.items()}
    rng = np.random.default_rng(0)
    measured: dict[str, Any] = {}
    for name, model in networks.items():
        table = summary(model, (1, 3, configs[name].size, configs[name].size))
        measured[name] = {"parameters": table.parameters, "multiply_adds": table.multiply_adds, "milliseconds": {}}
    for batch_size in batch_sizes:
        sizes = {name: (batch_size, config.size, config.size, 3) for name, config in configs.items()}
        images = {size: to_input(rng.integers(0, 256, size, np.uint8)) for size in set(sizes.values())}
        times: dict[str, list[float]] = {name: [] for name in networks}
        in_a_turn = max(1, SHORT // batch_size)  # the shorter a pass, the more it takes to find a quiet moment
        for i in range(rounds + 1):
            for name, model in networks.items():
                passes = [_milliseconds(model, images[sizes[name]]) / batch_size for _ in range(in_a_turn if i else 1)]
                times[name] += passes if i else []
        for name, of_network in times.items():
            best, median = min(of_network), statistics.median(of_network)
            measured[name]["milliseconds"][str(batch_size)] = {"best": round(best, 4), "median": round(median, 4)}
    return {"cpu": _cpu(), "threads": get_num_threads(), "rounds": rounds, "networks": measured}


def _milliseconds(model: Module, images: np.ndarray) -> float:
    with no_grad():
        input = tensor(images)
        begun = time.perf_counter()
        model(input)
        return 1000 * (time.perf_counter() - begun)


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine() or "an unknown CPU"
