"""A network in training on either side, from the same weights on the same batch; this runs in a side's process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.engines import Engine, engine, load
from tests.benchmarks.memory import peak_memory, reset_peak, resident_memory
from tests.benchmarks.networks import MAPS, NETWORKS, Network
from tests.benchmarks.turns import timed

Work = Callable[[], Any]  # does it once and returns the loss


def write_initial_state(network: Network, path: Path) -> None:
    """Write the weights that all sides begin with to an .npz file, by their names in `state_dict`."""
    import minipose

    minipose.manual_seed(0)
    np.savez(path, **{name: t.data for name, t in network.build(minipose).state_dict().items()})


def batch(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 3, H, W) and targets (N, 16, H / stride, W / stride), both channels-last in memory."""
    rng = np.random.default_rng(0)
    size, map_size = network.size, network.size // network.stride
    images = rng.standard_normal((network.batch, size, size, 3), np.float32)
    targets = rng.random((network.batch, map_size, map_size, MAPS), np.float32)
    return images.transpose(0, 3, 1, 2), targets.transpose(0, 3, 1, 2)


def works(engine: Engine, network: Network, state: dict[str, np.ndarray], compile: bool = False) -> dict[str, Work]:
    """Return what is timed, "forward" and "step", and what is compared: "gradients", the loss and their norms."""
    lib = engine.lib
    model = load(engine, network.build(lib), state)
    optimizer = engine.adam(model.parameters())
    images, targets = (engine.tensor(array) for array in batch(network))
    mse_loss = lib.nn.functional.mse_loss
    if compile:
        model = lib.compile(model)

    def step() -> float:
        loss = mse_loss(model(images), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    def forward() -> float:
        with lib.no_grad():
            return mse_loss(model(images), targets).item()

    def gradients() -> tuple[float, list[float]]:
        loss = mse_loss(model(images), targets)
        loss.backward()
        norms = [float(np.linalg.norm(engine.numbers(p.grad))) for p in model.parameters()]
        optimizer.zero_grad()
        return loss.item(), norms

    return {"forward": forward, "step": step, "gradients": gradients}


class Trainer:
    """Answers the requests ("result", work), ("time", work) and ("memory", number of steps)."""

    def __init__(
        self, network: str, state: Path, small: bool = False, layout: str | None = None, compile: bool = False
    ) -> None:
        chosen = NETWORKS[network].small() if small else NETWORKS[network]
        with np.load(state) as weights:
            side, state = engine(layout), dict(weights)
        self.work = works(side, chosen, state, compile)
        self.small_step = works(side, NETWORKS[network].small(), state, compile)["step"]

    def __call__(self, request: str, argument: Any) -> Any:
        if request == "result":
            return self.work[argument]()
        if request == "time":
            return timed(self.work[argument])
        # What the first step loads and compiles is the same for any batch: it is no part of what this one holds.
        self.small_step()
        before = resident_memory()
        reset_peak()
        for _ in range(argument):
            self.work["step"]()
        peak = peak_memory()
        return {"peak": peak, "rise": peak - before}
