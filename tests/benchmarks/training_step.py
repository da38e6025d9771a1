"""How long a training step takes beside the same network in PyTorch.

    pip install -e '.[oracle]'
    python tests/benchmarks/training_step.py

Same weights, same batch, same number of threads; PyTorch in its channels-last layout, which is its faster one here.
Each side runs in a process of its own, so that neither has the other's threads to wait for, and they take turns, so
that both see the same weather on the machine. A step is forward, loss, backward and Adam. The ratio is PyTorch's time
over minipose's: above 1, minipose is the faster one.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

LEARNING_RATE = 1e-3


def batch(options: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 3, H, W), channels-last in memory, and targets (N, 16, H / 2, W / 2)."""
    rng = np.random.default_rng(0)
    N, size = options["batch_size"], options["size"]
    images = rng.standard_normal((N, size, size, 3), np.float32).transpose(0, 3, 1, 2)
    targets = rng.random((N, size // 2, size // 2, 16), np.float32).transpose(0, 3, 1, 2)
    return images, targets


def minipose_work(options: dict[str, Any]) -> dict[str, Callable[[], float]]:
    import numba

    import minipose
    from minipose.models import create
    from minipose.ops import mse_loss
    from minipose.optim import Adam

    numba.set_num_threads(options["threads"])
    minipose.manual_seed(0)
    model = create("hourglass", **options["network"])
    optimizer = Adam(model.parameters(), lr=LEARNING_RATE)
    images, targets = (minipose.Tensor(array) for array in batch(options))

    def step() -> float:
        loss = mse_loss(model(images), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    def forward() -> float:
        with minipose.no_grad():
            return mse_loss(model(images), targets).item()

    return {"training step": step, "forward": forward}


def torch_work(options: dict[str, Any]) -> dict[str, Callable[[], float]]:
    import torch
    from torch_hourglass import TorchHourglass

    import minipose
    from minipose.models import create

    torch.set_num_threads(options["threads"])
    minipose.manual_seed(0)
    state = create("hourglass", **options["network"]).state_dict()
    model = TorchHourglass(**options["network"])
    model.load_state_dict({name: torch.from_numpy(np.array(t.data)) for name, t in state.items()})
    model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    images, targets = (torch.from_numpy(array) for array in batch(options))

    def step() -> float:
        loss = torch.nn.functional.mse_loss(model(images), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    def forward() -> float:
        with torch.no_grad():
            return torch.nn.functional.mse_loss(model(images), targets).item()

    return {"training step": step, "forward": forward}


def serve(pipe: Connection, prepare: Callable, options: dict[str, Any]) -> None:
    """Run the work that the pipe names, and answer with its time and its result."""
    work = prepare(options)
    pipe.send("ready")
    while (name := pipe.recv()) is not None:
        start = time.perf_counter()
        result = work[name]()
        pipe.send((time.perf_counter() - start, result))


def measure(options: dict[str, Any], rounds: int) -> dict[str, dict[str, Any]]:
    """Return, for each kind of work, the times of both sides in seconds and their ratio."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = {}, []
    for name, prepare in (("minipose", minipose_work), ("torch", torch_work)):
        pipes[name], theirs = context.Pipe()
        processes.append(context.Process(target=serve, args=(theirs, prepare, options), daemon=True))
        processes[-1].start()
        theirs.close()

    def ask(side: str, work: str) -> tuple[float, float]:
        pipes[side].send(work)
        return pipes[side].recv()

    for pipe in pipes.values():
        pipe.recv()
    results = {}
    for work in ("training step", "forward"):
        first = {side: ask(side, work)[1] for side in pipes}
        if not np.isclose(first["minipose"], first["torch"], rtol=1e-3):
            raise RuntimeError(f"the two networks differ: {work} gives a loss of {first}")
        times: dict[str, list[float]] = {side: [] for side in pipes}
        for _ in range(2 + rounds):
            for side in pipes:
                times[side].append(ask(side, work)[0])
        figures = {side: {"best": min(t[2:]), "median": statistics.median(t[2:])} for side, t in times.items()}
        ratio = {kind: figures["torch"][kind] / figures["minipose"][kind] for kind in ("best", "median")}
        results[work] = {**figures, "ratio": ratio}
    for pipe, process in zip(pipes.values(), processes, strict=True):
        pipe.send(None)
        process.join()
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("batch-size", 32), ("size", 64), ("width", 32), ("depth", 3), ("stacks", 1), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    parser.add_argument("--no-skip", action="store_true", help="without skip connections")
    parser.add_argument("--rounds", type=int, default=30, help="how often each side takes its turn (default 30)")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    a = parser.parse_args()
    network = {"width": a.width, "depth": a.depth, "stacks": a.stacks, "skip": not a.no_skip}
    options = {"batch_size": a.batch_size, "size": a.size, "threads": a.threads, "network": network}
    results = measure(options, a.rounds)
    print(f"{'':<16}{'minipose best':>14}{'median':>9}{'torch best':>12}{'median':>9}{'ratio best':>12}{'median':>8}")
    for work, r in results.items():
        times = [1e3 * r[side][kind] for side in ("minipose", "torch") for kind in ("best", "median")]
        print("{:<16}{:>11.1f} ms{:>9.1f}{:>12.1f}{:>9.1f}{:>12.2f}{:>8.2f}".format(work, *times, *r["ratio"].values()))
    if a.json:
        a.json.write_text(json.dumps({"options": options, "results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
