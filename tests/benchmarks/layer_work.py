"""A row of the layer table on either side; this runs in a side's process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.benchmarks.engines import Engine, engine
from tests.benchmarks.layers import LAYERS, Layer
from tests.benchmarks.turns import timed

TURN = 0.05  # seconds in which a turn repeats its call: threads that were asleep take some to spread over the cores
SAMPLE = 1009  # numbers
Work = Callable[[], Any]  # does it once and returns its tensors


def _numbers(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Return random numbers of a shape; images are channels-last in memory."""
    rng = np.random.default_rng(seed)
    if len(shape) != 4:
        return rng.standard_normal(shape, np.float32)
    N, C, H, W = shape
    return rng.standard_normal((N, H, W, C), np.float32).transpose(0, 3, 1, 2)


def _steps(engine: Engine, parameters: list[Any]) -> Work:
    """Return Adam's step with gradients that stay the same."""
    for seed, parameter in enumerate(parameters):
        parameter.grad = engine.lib.zeros_like(parameter)
        engine.fill(parameter.grad, _numbers(tuple(parameter.shape), 1000 + seed))
    optimizer = engine.adam(parameters)

    def step() -> list[Any]:
        optimizer.step()
        return parameters

    return step


def works(engine: Engine, layer: Layer) -> dict[str, Work]:
    """Return what is timed, by measure."""
    built = engine.prepared(layer.build(engine.lib))
    parameters = list(built.parameters()) if hasattr(built, "parameters") else []
    for seed, parameter in enumerate(parameters):
        engine.fill(parameter, 0.1 * _numbers(tuple(parameter.shape), 100 + seed))
    if "step" in layer.amounts:
        return {"step": _steps(engine, parameters)}
    inputs = [engine.tensor(_numbers(shape, seed)) for seed, shape in enumerate(layer.shapes)]
    for x in inputs:
        x.requires_grad = True
    y = built(*inputs)
    upstream = engine.tensor(_numbers(tuple(y.shape), 10)) if y.shape else None

    def forward() -> Any:
        with engine.lib.no_grad():
            return built(*inputs)

    def gradients(targets: list[Any]) -> Work:
        return lambda: engine.grad(y, targets, upstream)

    work = {
        "forward": forward,
        "input gradient": gradients(inputs[:1]),
        "weight gradient": gradients(parameters or inputs[1:]),
        "backward": gradients([*inputs, *parameters]),
    }
    return {measure: work[measure] for measure in layer.amounts}


def sample(engine: Engine, result: Any) -> list[np.ndarray]:
    """Return some numbers of every tensor of a result, from all over it, to be compared with the other side's."""
    tensors = result if isinstance(result, (tuple, list)) else [result]
    arrays = [engine.numbers(t).reshape(-1) for t in tensors]
    return [a[:: max(1, a.size // SAMPLE)].copy() for a in arrays]


class Rows:
    """Answers ("row", index) with samples of its results, and ("time", name of a work) about the row asked last."""

    def __init__(self, small: bool = False, layout: str | None = None) -> None:
        self.engine, self.small = engine(layout), small
        self.work: dict[str, Work] = {}

    def __call__(self, request: str, argument: Any) -> Any:
        if request == "time":
            return timed(self.work[argument], TURN)
        self.work = works(self.engine, LAYERS[argument].small() if self.small else LAYERS[argument])
        return {measure: sample(self.engine, work()) for measure, work in self.work.items()}


class Limits:
    """Answers ("fma",) with operations by the name of what does them, and ("time", that name or a number of bytes)."""

    def __init__(self) -> None:
        from tests.benchmarks.limits import copy_of, fma_loops

        self.copy_of = copy_of
        self.loops = fma_loops()
        for loop, _ in self.loops.values():
            loop()

    def __call__(self, request: str, argument: Any = None) -> Any:
        if request == "fma":
            return {name: flops for name, (_, flops) in self.loops.items()}
        return timed(self.loops[argument][0] if isinstance(argument, str) else self.copy_of(argument), TURN)
