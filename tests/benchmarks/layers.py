"""The rows of the layer table: what is called, how many operations it takes, how many bytes it must move.

Every layer is written once for both libraries, and called as users call it: the forward under `no_grad`, the
gradients by `grad` on a graph that stands, by the input alone or by the weight alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

Shape = tuple[int, ...]
FLOAT = 4  # bytes


@dataclass(frozen=True)
class Layer:
    """One layer and its arguments.

    Attributes
    ----------
    kind : "contraction", whose limit is the rate of multiply-adds, or "memory", whose limit is the copy of its bytes
    build : takes the library, returns the layer: a module or a function of as many tensors as there are shapes
    shapes : of its inputs
    amounts : by measure, "forward", "input gradient", "weight gradient", "backward" (by all at once) or "step", what it
        takes. Of a contraction the floating-point operations: two for each product that the formula adds, those with
        the zeros of the padding included. Of the others the bytes that are moved if every array passes once.
    wide : whether 32 channels or more, in each group, meet 32 or more: these the geometric means are of
    """

    name: str
    kind: str
    build: Callable[[ModuleType], Callable[..., Any]]
    shapes: tuple[Shape, ...]
    amounts: dict[str, float]
    wide: bool = False

    def small(self) -> Layer:
        """Return the same layer for a batch of two, where it is one of images."""
        if not self.shapes or len(self.shapes[0]) != 4:
            return self
        share = 2 / self.shapes[0][0]
        amounts = {measure: amount * share for measure, amount in self.amounts.items()}
        return replace(self, shapes=tuple((2, *s[1:]) for s in self.shapes), amounts=amounts)


CONTRACTION = ("forward", "input gradient", "weight gradient")


def conv(C: int, F: int, kernel: int, N: int, size: int, stride: int = 1, groups: int = 1) -> Layer:
    """Convolution of images N C size size, padded so that stride 1 keeps their size."""
    out = (size + 2 * (kernel // 2) - kernel) // stride + 1
    depthwise = groups == C == F
    name = f"depthwise {kernel}x{kernel}, {C}" if depthwise else f"conv {kernel}x{kernel}, {C} to {F}"
    name += (f", {groups} groups" if groups > 1 and not depthwise else "") + (f", stride {stride}" * (stride > 1))

    def build(lib: ModuleType) -> Any:
        return lib.nn.Conv2d(C, F, kernel, stride, padding=kernel // 2, groups=groups, bias=False)

    # The image has 3 channels in every network's first layer, and nobody asks for its gradient.
    measures = CONTRACTION if C > 3 else ("forward", "weight gradient")
    shapes = ((N, C, size, size),)
    if depthwise:  # too few products for each number that is moved
        moved = FLOAT * N * (C * size**2 + F * out**2)
        return Layer(name, "memory", build, shapes, dict.fromkeys(measures, moved))
    flops = 2.0 * N * out**2 * F * (C // groups) * kernel**2
    return Layer(name, "contraction", build, shapes, dict.fromkeys(measures, flops), min(C, F) // groups >= 32)


def deconv(C: int, F: int, kernel: int, N: int, size: int) -> Layer:
    """Transposed convolution that doubles the size."""

    def build(lib: ModuleType) -> Any:
        return lib.nn.ConvTranspose2d(C, F, kernel, stride=2, padding=(kernel - 2) // 2, bias=False)

    name = f"transposed {kernel}x{kernel}, {C} to {F}, stride 2"
    flops = 2.0 * N * size**2 * C * F * kernel**2
    shapes = ((N, C, size, size),)
    return Layer(name, "contraction", build, shapes, dict.fromkeys(CONTRACTION, flops), min(C, F) >= 32)


def linear(C: int, F: int, N: int) -> Layer:
    """Linear layer of N samples."""

    def build(lib: ModuleType) -> Any:
        return lib.nn.Linear(C, F, bias=False)

    amounts = dict.fromkeys(CONTRACTION, 2.0 * N * C * F)
    return Layer(f"linear, {C} to {F}", "contraction", build, ((N, C),), amounts, min(C, F) >= 32)


def matmul(n: int) -> Layer:
    """Product of two square matrices; the gradients are by the first and by the second."""
    amounts = dict.fromkeys(CONTRACTION, 2.0 * n**3)
    return Layer(f"matmul, {n} x {n}", "contraction", lambda lib: lib.matmul, ((n, n), (n, n)), amounts, n >= 32)


def memory_bound(name: str, build: Callable, forward: float, backward: float, *shapes: Shape) -> Layer:
    """Return a layer; `forward` and `backward` are what must be moved, in sizes of the first input."""
    unit = FLOAT * math.prod(shapes[0])
    return Layer(name, "memory", build, shapes, {"forward": forward * unit, "backward": backward * unit})


def adam(lib: ModuleType) -> Any:
    """Return a module with the parameters of the reference hourglass, to be stepped."""
    from tests.benchmarks.networks import hourglass

    return hourglass(lib)


def add_relu(lib: ModuleType) -> Callable[[Any, Any], Any]:
    return lambda a, b: lib.relu(a + b)


IMAGE = (32, 32, 32, 32)  # N C H W of the reference hourglass after its first block
MAPS = (32, 16, 32, 32)
PARAMETERS = 855_856  # of the reference hourglass

LAYERS = [
    conv(3, 32, 3, N=32, size=64),
    conv(3, 64, 7, N=8, size=128, stride=2),
    conv(16, 16, 3, N=32, size=32),
    conv(32, 32, 3, N=32, size=32),
    conv(64, 64, 3, N=32, size=16),
    conv(128, 128, 3, N=32, size=8),
    conv(32, 32, 3, N=32, size=64, stride=2),
    conv(32, 64, 3, N=32, size=32, stride=2),
    conv(64, 128, 3, N=32, size=16, stride=2),
    conv(32, 32, 7, N=32, size=32),
    conv(32, 16, 1, N=32, size=32),
    conv(32, 32, 1, N=32, size=32),
    conv(64, 64, 1, N=32, size=32),
    conv(128, 128, 1, N=32, size=16),
    conv(32, 64, 1, N=32, size=32, stride=2),
    deconv(64, 32, 4, N=32, size=16),
    deconv(128, 64, 4, N=32, size=8),
    deconv(64, 32, 2, N=32, size=16),
    conv(128, 128, 3, N=32, size=16, groups=4),
    conv(64, 64, 3, N=32, size=16, groups=4),
    linear(512, 256, N=1024),
    matmul(512),
    conv(32, 32, 3, N=32, size=32, groups=32),
    conv(96, 96, 3, N=8, size=64, groups=96, stride=2),
    conv(192, 192, 3, N=8, size=16, groups=192),
    memory_bound("batch norm", lambda lib: lib.nn.BatchNorm2d(32), 2, 3, IMAGE),
    memory_bound("batch norm, ReLU", lambda lib: lib.nn.Sequential(lib.nn.BatchNorm2d(32), lib.nn.ReLU()), 2, 3, IMAGE),
    memory_bound("add, ReLU", add_relu, 3, 3, IMAGE, IMAGE),
    memory_bound("max pool 2x2", lambda lib: lib.nn.MaxPool2d(2), 1.25, 1.25, IMAGE),
    memory_bound("max pool 3x3, stride 2", lambda lib: lib.nn.MaxPool2d(3, 2, padding=1), 1.25, 1.25, IMAGE),
    memory_bound("average pool 2x2", lambda lib: lib.nn.AvgPool2d(2), 1.25, 1.25, IMAGE),
    memory_bound("bilinear x2", lambda lib: lib.nn.Upsample(scale_factor=2, mode="bilinear"), 5, 5, (32, 32, 16, 16)),
    memory_bound("softmax of pixels", lambda lib: lib.nn.Softmax(-1), 2, 3, (512, 1024)),
    memory_bound("softmax of channels", lambda lib: lib.nn.Softmax(1), 2, 3, MAPS),
    memory_bound("mean squared error", lambda lib: lib.nn.functional.mse_loss, 2, 3, MAPS, MAPS),
    Layer("Adam", "memory", adam, (), {"step": 7.0 * FLOAT * PARAMETERS}),  # reads four arrays, writes three
]
