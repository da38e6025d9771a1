"""`python -m tests.benchmarks.gpu`: minipose on an NVIDIA GPU beside PyTorch on the same one, and beside its own CPU.

    pip install -e '.[gpu,oracle]'
    python -m tests.benchmarks.gpu

It takes about two minutes and writes docs/performance/gpu.json and gpu.md. `--device cpu` shows on any machine that it
runs, and `--report` writes the page anew from the numbers that are there.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from textwrap import fill
from typing import Any

import numpy as np

import minipose
from minipose.kernels import cupy, to_device
from tests.benchmarks import layer_work, training
from tests.benchmarks.engines import Engine, Minipose, Torch
from tests.benchmarks.layers import LAYERS
from tests.benchmarks.machine import machine
from tests.benchmarks.networks import NETWORKS
from tests.benchmarks.report import table
from tests.oracle import relative_error

PAGES = Path(__file__).parents[2] / "docs" / "performance"
WIDTH = 120  # of the page's lines
KEPT, LETTERS = 12, 60  # of the kernels of a step: how many, and how much of their names
SIDES = {"minipose": None, "float32": "ieee", "tf32": "tf32"}  # the last two are PyTorch's, by precision of products
WORKS = {"step": "training step", "forward": "forward"}
BATCHES = (32, 128)
CHOSEN = (
    "conv 3x3, 3 to 32", "conv 3x3, 32 to 32", "conv 3x3, 64 to 64", "conv 3x3, 128 to 128",
    "conv 3x3, 32 to 64, stride 2", "conv 1x1, 32 to 16", "transposed 4x4, 64 to 32, stride 2",
    "depthwise 3x3, 32", "batch norm", "batch norm, ReLU", "add, ReLU", "max pool 2x2", "mean squared error", "Adam",
)  # fmt: skip


class OnDevice(Minipose):
    """minipose with everything on one device."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device = device

    def tensor(self, array: np.ndarray) -> Any:
        return self.lib.Tensor(to_device(np.array(array, order="C"), self.device))

    def numbers(self, tensor: Any) -> np.ndarray:
        return to_device(tensor.data, "cpu")

    def fill(self, tensor: Any, array: np.ndarray) -> None:
        tensor.data[...] = to_device(np.array(array, order="C"), self.device)

    def prepared(self, module: Any) -> Any:
        return module.to(self.device) if isinstance(module, self.lib.nn.Module) else module


class TorchOnDevice(Torch):
    """PyTorch with everything on one device, and products in "ieee" float32 or in "tf32"."""

    def __init__(self, device: str, precision: str) -> None:
        super().__init__("contiguous")
        self.device, self.precision = device, precision

    def choose(self) -> None:
        """Set the precision, which PyTorch keeps for the whole process."""
        backends = self.lib.backends
        backends.cuda.matmul.fp32_precision = backends.cudnn.conv.fp32_precision = self.precision
        backends.cudnn.benchmark = True  # the fastest algorithm for each convolution

    def tensor(self, array: np.ndarray) -> Any:
        return super().tensor(array).to(self.device)

    def numbers(self, tensor: Any) -> np.ndarray:
        return tensor.detach().cpu().numpy()

    def prepared(self, module: Any) -> Any:
        return module.to(self.device) if isinstance(module, self.lib.nn.Module) else module


def engine_of(side: str, device: str) -> Engine:
    """Return a side's engine, ready to be used until the next is asked for."""
    if SIDES[side] is None:
        return OnDevice(device)
    engine = TorchOnDevice(device, SIDES[side])
    engine.choose()
    return engine


def wait(device: str) -> None:
    """Wait until the device has done what it was given."""
    if device == "cuda":
        cupy().cuda.Device().synchronize()


def timed(work: Callable[[], Any], device: str, seconds: float, rounds: int = 7) -> dict[str, float]:
    """Return the least and the median time of a call, of `rounds` that are each as many calls as fill `seconds`."""
    for _ in range(3):  # kernels are compiled and algorithms chosen here
        work()
    wait(device)
    start = time.perf_counter()
    work()
    wait(device)
    count = max(1, min(200, int(seconds / (time.perf_counter() - start))))
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(count):
            work()
        wait(device)
        times.append((time.perf_counter() - start) / count)
    return {"min": min(times), "median": median(times)}


def profile(work: Callable[[], Any]) -> dict[str, Any]:
    """Return what the GPU did in one call: how many kernels, their seconds, and those of each name.

    PyTorch's profiler is told by the driver, so it sees everybody's kernels.
    """
    import torch
    from torch.profiler import ProfilerActivity

    work()
    wait("cuda")
    with torch.profiler.profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
        work()
        wait("cuda")
    events = [e for e in profiler.events() if e.device_type == torch.autograd.DeviceType.CUDA]
    kernels: dict[str, list[float]] = {}
    for event in events:
        kernels.setdefault(event.name, []).append(event.device_time / 1e6)
    rows = [{"name": n, "calls": len(t), "seconds": sum(t)} for n, t in kernels.items()]
    rows.sort(key=lambda row: -row["seconds"])
    total = sum(row["seconds"] for row in rows)
    return {"launches": len(events), "seconds": total, "kernels": [_shortened(row) for row in rows[:KEPT]]}


def _shortened(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "name": row["name"][:LETTERS]}


def measure_network(batch: int, device: str, seconds: float, quick: bool) -> dict[str, Any]:
    """Return the times of the hourglass, and what the GPU did meanwhile, by side and work."""
    network = NETWORKS["hourglass"].small() if quick else replace(NETWORKS["hourglass"], batch=batch)
    minipose.manual_seed(0)
    state = {name: np.array(t.data) for name, t in network.build(minipose).state_dict().items()}
    result: dict[str, Any] = {"batch": network.batch, "size": network.size, "sides": {}}
    for side in SIDES:
        works = training.works(engine_of(side, device), network, state)
        loss, norms = works["gradients"]()
        figures: dict[str, Any] = {"loss": loss, "gradient": float(np.linalg.norm(norms))}
        for work in WORKS:
            figures[work] = timed(works[work], device, seconds)
            if device == "cuda":
                figures[f"{work}_profile"] = profile(works[work])
        result["sides"][side] = figures
        del works
        free_memory(device)
    ours, theirs = (result["sides"][side] for side in ("minipose", "float32"))
    for key in ("loss", "gradient"):
        if not np.isclose(ours[key], theirs[key], rtol=1e-2):
            raise AssertionError(f"the {key} is {ours[key]} here and {theirs[key]} there: not the same work")
    return result


def free_memory(device: str) -> None:
    """Give back what the two libraries keep for their next arrays."""
    if device == "cuda":
        import torch

        cupy().get_default_memory_pool().free_all_blocks()
        torch.cuda.empty_cache()


def measure_layers(device: str, seconds: float, quick: bool) -> list[dict[str, Any]]:
    """Return the times of single layers by side, a row for each layer and measure."""
    rows = []
    for layer in [layer for layer in LAYERS if layer.name in CHOSEN]:
        figures: dict[str, dict[str, Any]] = {}
        for side in SIDES:
            works = layer_work.works(engine_of(side, device), layer.small() if quick else layer)
            for measure, work in works.items():
                figures.setdefault(measure, {})[side] = timed(work, device, seconds)
        rows += [{"layer": layer.name, "measure": measure, **sides} for measure, sides in figures.items()]
    return rows


def gradients_on(device: str, batch: int, steps: int) -> tuple[np.ndarray, list[np.ndarray], list[float]]:
    """Return the maps and the gradients of the first of `steps` steps from one seed on a device, and all losses."""
    network = replace(NETWORKS["hourglass"], batch=batch)
    minipose.manual_seed(0)
    engine = OnDevice(device)
    model = engine.prepared(network.build(minipose))
    optimizer = engine.adam(model.parameters())
    images, targets = (engine.tensor(array) for array in training.batch(network))
    losses = []
    for step in range(steps):
        maps = model(images)
        loss = minipose.nn.functional.mse_loss(maps, targets)
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            first = engine.numbers(maps), [engine.numbers(p.grad) for p in model.parameters()]
        optimizer.step()
        losses.append(loss.item())
    return *first, losses


def _norm(arrays: Sequence[np.ndarray]) -> float:
    return float(np.sqrt(sum(np.linalg.norm(a.astype(np.float64)) ** 2 for a in arrays)))


def measure_agreement(device: str, steps: int, quick: bool) -> dict[str, Any]:
    """Return how far the device is from the CPU: maps and gradients of a step, and the losses of some."""
    batch = 2 if quick else 32
    (maps, grads, losses), (e_maps, e_grads, e_losses) = (gradients_on(d, batch, steps) for d in (device, "cpu"))
    return {
        "maps": relative_error(maps, e_maps),
        "gradients": _norm([g - e for g, e in zip(grads, e_grads, strict=True)]) / _norm(e_grads),
        "loss_first": losses[0], "loss_last": losses[-1],
        "cpu_loss_first": e_losses[0], "cpu_loss_last": e_losses[-1],
        "steps": steps,
    }  # fmt: skip


def card(device: str) -> dict[str, Any]:
    """Return what the figures depend on."""
    facts = machine(0)
    if device == "cuda":
        import torch

        module = cupy()
        facts |= {
            "card": module.cuda.runtime.getDeviceProperties(0)["name"].decode(),
            "driver": module.cuda.runtime.driverGetVersion(),
            "cupy": module.__version__,
            "cudnn": torch.backends.cudnn.version(),
        }
    else:
        facts |= {"card": "no GPU, but the CPU", "driver": 0, "cupy": "none", "cudnn": 0}
    import torch

    return facts | {"torch": torch.__version__, "minipose": minipose.__version__}


def _ms(times: dict[str, float]) -> str:
    decimals = 2 if times["min"] >= 1e-3 else 3
    return f"{1e3 * times['min']:.{decimals}f}"


def _row(times: dict[str, Any]) -> list[str]:
    cells = [_ms(times["minipose"])]
    for side in ("float32", "tf32"):
        cells += [_ms(times[side]), f"{times[side]['min'] / times['minipose']['min']:.2f}"]
    return cells


def _network_tables(networks: Sequence[dict[str, Any]]) -> list[str]:
    head = ["Hourglass, batch x size", "", "minipose, ms", "PyTorch, ms", "ratio", "in TF32, ms", "ratio", "images/s",
            "PyTorch's"]  # fmt: skip
    rows, busy = [], []
    for n in networks:
        for work, title in WORKS.items():
            times = {side: figures[work] for side, figures in n["sides"].items()}
            rates = [f"{n['batch'] / times[side]['min']:.0f}" for side in ("minipose", "float32")]
            rows.append([f"{n['batch']} x {n['size']}²", title, *_row(times), *rates])
            for side, figures in n["sides"].items():
                seen = figures.get(f"{work}_profile")
                if seen:
                    share = seen["seconds"] / figures[work]["min"]
                    name = "minipose" if side == "minipose" else f"PyTorch, {side}"
                    busy.append([f"{n['batch']} x {n['size']}²", title, name, str(seen["launches"]),
                                 f"{1e3 * seen['seconds']:.2f}", f"{min(share, 1):.0%}"])  # fmt: skip
    pieces = [f"## The network\n\n{table(head, rows)}"]
    if busy:
        head = ["Hourglass, batch x size", "", "", "launches", "GPU at work, ms", "of the time"]
        cause = ("Where the GPU is at work for a small part of the time, it waits for Python, which launches one "
                 "kernel after the other.")  # fmt: skip
        pieces += ["## What the GPU is given", fill(cause, WIDTH), table(head, busy)]
        seen = networks[0]["sides"]["minipose"]["step_profile"]
        rows = [[f"`{k['name']}`", str(k["calls"]), f"{1e3 * k['seconds']:.3f}"] for k in seen["kernels"]]
        pieces.append("The kernels that take longest in minipose's training step of the smaller batch:\n\n"
                      + table(["kernel", "launches", "ms"], rows))  # fmt: skip
    return pieces


def text(results: dict[str, Any]) -> str:
    """Return the page."""
    m, a = results["machine"], results["agreement"]
    head = ["layer", "", "minipose, ms", "PyTorch, ms", "ratio", "in TF32, ms", "ratio"]
    layers = [[r["layer"], r["measure"], *_row(r)] for r in results["layers"]]
    agreement = [
        ["maps, largest error of the largest entry", f"{a['maps']:.1e}"],
        ["gradients of all parameters, length of the error over length", f"{a['gradients']:.1e}"],
        ["loss of the first step, and on the CPU", f"{a['loss_first']:.6f}, {a['cpu_loss_first']:.6f}"],
        [f"loss of step {a['steps']}, and on the CPU", f"{a['loss_last']:.6f}, {a['cpu_loss_last']:.6f}"],
    ]
    cuda = f"{m['driver'] // 1000}.{m['driver'] % 1000 // 10}"
    return "\n\n".join([
        "# Speed on a GPU",
        fill("Written by `python -m tests.benchmarks.gpu`, which measures on your own GPU; all numbers are in "
             "{download}`gpu.json`.", WIDTH),
        fill(f"Measured on {m['card']}; CUDA {cuda}, CuPy {m['cupy']}, PyTorch {m['torch']} with cuDNN {m['cudnn']}, "
             f"minipose {m['minipose']}, NumPy {m['numpy']}, Python {m['python']}.", WIDTH),
        fill("The works and the counting are those of {doc}`index`: a training step is forward, mean squared error, "
             "backward and Adam, and waits for the loss at its end. Times are the least of seven rounds. The *ratio* "
             "is PyTorch's time over minipose's: above 1, minipose is the faster one. PyTorch runs eagerly on "
             "contiguous images, with cuDNN's benchmark mode and the fused Adam. minipose computes in float32 "
             "throughout, so the fair column is that without TF32.", WIDTH),
        *_network_tables(results["networks"]),
        "## The layers",
        "Each called as a user calls it, with a batch of 32 images.",
        table(head, layers),
        "## Beside the CPU",
        "The hourglass from one seed on one batch of random numbers, on the GPU and by the CPU's kernels:",
        table(["", ""], agreement),
    ]) + "\n"  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    p = argparse.ArgumentParser(prog="python -m tests.benchmarks.gpu", description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    p.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    p.add_argument("--seconds", type=float, default=0.2, help="of a round of calls (default 0.2)")
    p.add_argument("--quick", action="store_true", help="small batches and few calls: does everything still run?")
    p.add_argument("--out", type=Path, default=PAGES, help="folder to write to (default docs/performance)")
    p.add_argument("--report", action="store_true", help="only write the page from the gpu.json in --out")
    a = p.parse_args(arguments)
    numbers = a.out / "gpu.json"
    if a.report:
        results = json.loads(numbers.read_text(encoding="utf-8"))
    else:
        seconds = 0.0 if a.quick else a.seconds
        results = {"machine": card(a.device)}
        results["agreement"] = measure_agreement(a.device, 2 if a.quick else 100, a.quick)
        batches = BATCHES[:1] if a.quick else BATCHES
        results["networks"] = [measure_network(batch, a.device, seconds, a.quick) for batch in batches]
        results["layers"] = measure_layers(a.device, seconds / 4, a.quick)
        a.out.mkdir(parents=True, exist_ok=True)
        numbers.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    page = text(results)
    (a.out / "gpu.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
