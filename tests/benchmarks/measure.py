"""The measurements: which processes take turns at what, and the checks that both sides do the same work."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.engines import LAYOUTS
from tests.benchmarks.layer_work import Limits, Rows
from tests.benchmarks.layers import LAYERS, Layer
from tests.benchmarks.networks import NETWORKS
from tests.benchmarks.training import Trainer, write_initial_state
from tests.benchmarks.turns import Side, Unavailable, all_of, figures, in_turns

# PyTorch may take what is best for it. Threads that sleep when they wait are slower to wake, but where another program
# wants a core, threads that spin take a hundred times as long.
TORCH = {f"{layout}{wait and f', {wait}'}": {"layout": layout, "wait": wait or None}
         for layout in LAYOUTS for wait in ("", "passive")}  # fmt: skip
TOLERANCE = 1e-3  # of a loss, or of the largest number of a layer's result
WORKS = ("step", "forward")
MEMORY_STEPS = 3
Result = tuple[float, list[float]]  # the loss and the norm of each parameter's gradient


@dataclass(frozen=True)
class Options:
    """How to measure: threads of each side, rounds of turns, at most how many seconds for the rounds of one work."""

    threads: int
    rounds: int
    seconds: float
    compile: bool
    small: bool = False  # small batches, to see whether everything runs


def best_torch(times: dict[str, dict[str, float]]) -> str:
    """Return the memory layout, and the way of waiting, in which eager PyTorch takes the least time."""
    return min((name for name in TORCH if name in times), key=lambda name: times[name]["min"])


def torch_over_minipose(times: dict[str, dict[str, float]], theirs: str | None = None) -> dict[str, float]:
    """Return how many times as long PyTorch takes, at its best or as `theirs`: above 1, minipose is faster."""
    theirs = theirs or best_torch(times)
    return {kind: times[theirs][kind] / times["minipose"][kind] for kind in ("min", "median")}


def check_training(side: str, ours: Result, theirs: Result) -> None:
    """Raise RuntimeError where losses, or norms of the parameters' gradients, are not those of one network.

    Later losses say less: Adam's first steps go by the signs of gradients, and PyTorch's two layouts differ by 1 %.
    """
    (loss, norms), (expected, expected_norms) = ours, theirs
    if not np.isclose(loss, expected, rtol=TOLERANCE, atol=0):
        raise RuntimeError(f"the networks differ: the loss of minipose is {loss}, of {side} {expected}")
    if not np.allclose(norms, expected_norms, rtol=10 * TOLERANCE, atol=TOLERANCE * max(expected_norms)):
        raise RuntimeError(f"the networks differ: norms of gradients are {norms}, of {side} {expected_norms}")


def check_samples(name: str, ours: dict[str, list[np.ndarray]], theirs: dict[str, list[np.ndarray]]) -> None:
    """Raise RuntimeError where the results of a layer differ between two sides."""
    for measure, arrays in ours.items():
        for a, b in zip(arrays, theirs[measure], strict=True):
            if a.shape != b.shape or not np.allclose(a, b, rtol=0, atol=TOLERANCE * np.abs(b).max()):
                raise RuntimeError(f"the layers differ: {name}, {measure}")


def _turn(side: Side, work: Any) -> Callable[[], list[float]]:
    return lambda: side.ask("time", work)


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[-1][:300]


def _add_compiled(sides: dict[str, Side], result: Result, start: Callable[..., Side]) -> str | None:
    """Add PyTorch's compiled side, in the form that is the best without; return why it cannot run, if so."""
    trial = {name: figures(t) for name, t in in_turns({s: _turn(sides[s], "step") for s in TORCH}, 3, 0).items()}
    sides["compile"] = start(**TORCH[best_torch(trial)], compile=True)
    try:
        sides["compile"].answer()
        check_training("torch.compile", result, sides["compile"].ask("result", "gradients"))
        sides["compile"].ask("result", "forward")  # compiled apart, because it keeps nothing for a gradient
    except (Unavailable, RuntimeError) as error:
        sides.pop("compile").close()
        return _reason(error)
    return None


def measure_network(name: str, options: Options) -> dict[str, Any]:
    """Return the figures of one network: times in seconds, memory in bytes, ratios."""
    network = NETWORKS[name].small() if options.small else NETWORKS[name]
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state.npz"
        write_initial_state(network, state)

        def start(**arguments: Any) -> Side:
            return Side(Trainer, options.threads, network=name, state=state, small=options.small, **arguments)

        arguments: dict[str, dict[str, Any]] = {"minipose": {}, **TORCH}
        missing: str | None = "not asked for"
        with all_of({side: start(**a) for side, a in arguments.items()}) as sides:
            for side in sides.values():
                side.answer()
            results = {side: process.ask("result", "gradients") for side, process in sides.items()}
            for form in TORCH:
                check_training(form, results["minipose"], results[form])
            if options.compile:
                missing = _add_compiled(sides, results["minipose"], start)
            works: dict[str, Any] = {}
            for work in WORKS:
                turns = {name: _turn(side, work) for name, side in sides.items()}
                in_turns(turns, 1, 0)
                times = {s: figures(t) for s, t in in_turns(turns, options.rounds, options.seconds).items()}
                times["best"], times["ratio"] = best_torch(times), torch_over_minipose(times)
                if "compile" in sides:
                    times["compile_ratio"] = torch_over_minipose(times, "compile")
                works[work] = times
        best = works["step"]["best"]
        arguments = {"minipose": {}, "torch": TORCH[best]}
        if missing is None:
            arguments["compile"] = {**TORCH[best], "compile": True}
        memory = {}
        for side, a in arguments.items():
            with all_of({side: start(**a)}) as alone:
                alone[side].answer()
                memory[side] = alone[side].ask("memory", MEMORY_STEPS)
    facts = {"title": network.title, "batch": network.batch, "size": network.size, "loss": results["minipose"][0]}
    return {**facts, "compile_missing": missing, **works, "memory": memory}


def _row(
    layer: Layer, sides: dict[str, Side], limits: dict[str, Side], fma: tuple[str, float], options: Options
) -> list[dict[str, Any]]:
    """Return the figures of one layer, measure by measure; the share is still without its limit."""
    samples = {name: side.ask("row", LAYERS.index(layer)) for name, side in sides.items()}
    layer = layer.small() if options.small else layer
    for name in TORCH:
        check_samples(layer.name, samples["minipose"], samples[name])
    rows = []
    for measure, amount in layer.amounts.items():
        turns = {name: _turn(side, measure) for name, side in sides.items()}
        what = fma[0] if layer.kind == "contraction" else amount
        turns |= {name: _turn(side, what) for name, side in limits.items()}
        rounds = -(-options.rounds // 2)  # every turn holds many calls
        times: dict[str, Any] = {s: figures(t) for s, t in in_turns(turns, rounds, options.seconds).items()}
        limit = min(times.pop(name)["min"] for name in limits)
        rate = (fma[1] if layer.kind == "contraction" else amount) / limit  # per second
        facts = {"layer": layer.name, "kind": layer.kind, "measure": measure, "amount": amount, "wide": layer.wide}
        rows.append(facts | times | {"best": best_torch(times), "ratio": torch_over_minipose(times), "limit": rate})
    return rows


def with_shares(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows with the share of the limit that either side reaches.

    The multiply-adds' limit is one for all rows, the highest rate that was seen; a copy's is that of its own size.
    """
    peak = max((row["limit"] for row in rows if row["kind"] == "contraction"), default=0)
    result = []
    for row in rows:
        limit = peak if row["kind"] == "contraction" else row["limit"]
        best = {"minipose": row["minipose"]["min"], "torch": row[row["best"]]["min"]}
        result.append(row | {"limit": limit, "share": {s: row["amount"] / t / limit for s, t in best.items()}})
    return result


def measure_layers(options: Options, progress: Callable[[str], None] = lambda name: None) -> list[dict[str, Any]]:
    """Return the rows of the layer table: times in seconds, limits per second."""
    forms: dict[str, dict[str, Any]] = {"minipose": {}, **TORCH}
    sides = {name: Side(Rows, options.threads, small=options.small, **form) for name, form in forms.items()}
    limits = {f"limit, {wait}": Side(Limits, options.threads, wait) for wait in (None, "passive")}
    with all_of(sides | limits) as every:
        for side in every.values():
            side.answer()
        fma = _fastest_fma(next(iter(limits.values())), options)
        rows = []
        for layer in LAYERS:
            progress(layer.name)
            rows += _row(layer, sides, limits, fma, options)
    return with_shares(rows)


def _fastest_fma(limits: Side, options: Options) -> tuple[str, float]:
    """Return the name of the loop of multiply-adds that is the fastest on this processor, and its operations."""
    flops = limits.ask("fma")
    times = in_turns({name: _turn(limits, name) for name in flops}, options.rounds, options.seconds)
    fastest = max(flops, key=lambda name: flops[name] / min(times[name]))
    return fastest, flops[fastest]
