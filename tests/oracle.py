"""Checks that every operation passes: against PyTorch, against differences, in any memory layout, to second order.

A Case is one line of code that runs in both engines, because their names are the same. Every check starts from a
random upstream gradient (one of ones lets a zeroed batch-norm gradient pass) and fails where all that it compares is
about zero, because then it compares nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import minipose
from minipose import Tensor, ops

NOTHING = 1e-6  # a gradient smaller than this is taken for a missing one
TOLERANCES = {"float64": 1e-12, "float32": 1e-5}


@dataclass(frozen=True)
class Case:
    """An operation on tensors of given shapes: run(F, *tensors), where F holds the functions of either engine.

    `positive` inputs are at least 0.5. `looser` multiplies the tolerances, and the reason stands beside the case.
    `torch_twice` is False where torch cannot differentiate twice, so that only differences can tell.
    """

    name: str
    run: Callable
    shapes: Sequence[tuple[int, ...]]
    positive: bool = False
    looser: float = 1.0
    torch_twice: bool = True

    def __str__(self) -> str:
        return self.name

    def tolerance(self, dtype: str) -> float:
        return TOLERANCES[dtype] * self.looser

    def arrays(self, rng: np.random.Generator, dtype: Any = "float64") -> list[np.ndarray]:
        values = [rng.standard_normal(shape) for shape in self.shapes]
        return [np.asarray(np.abs(v) + 0.5 if self.positive else v, dtype) for v in values]

    def upstream(self, rng: np.random.Generator, dtype: Any = "float64") -> np.ndarray:
        with minipose.no_grad():
            shape = self.run(Minipose, *map(Tensor, self.arrays(rng))).shape
        return np.asarray(rng.standard_normal(shape), dtype)


class _Functions:
    def __init__(self, *places: Any) -> None:
        self.places = places

    def __getattr__(self, name: str) -> Any:
        for place in self.places:
            if hasattr(place, name):
                return getattr(place, name)
        raise AttributeError(name)


Minipose = _Functions(ops, minipose)


def functions_of(torch: ModuleType) -> _Functions:
    """Return torch's functions under one roof, as `Minipose` holds ours."""
    return _Functions(torch.nn.functional, torch)


def _stepped(a: np.ndarray) -> np.ndarray:
    wide = np.full([2 * n for n in a.shape], np.nan, a.dtype)
    view = wide[(..., *(slice(None, None, 2),) * a.ndim)]
    view[...] = a
    return view


def _channels_last(a: np.ndarray) -> np.ndarray:
    if a.ndim < 3:
        return a
    view = np.moveaxis(np.array(np.moveaxis(a, 1, -1), order="C"), -1, 1)
    view.flags.writeable = a.flags.writeable
    return view


def _reversed(a: np.ndarray) -> np.ndarray:
    flip = (slice(None, None, -1),) * a.ndim
    return np.array(a[flip])[flip]


def _read_only(a: np.ndarray) -> np.ndarray:
    a = a.copy()
    a.flags.writeable = False
    return a


LAYOUTS = {
    "transposed": lambda a: np.array(a.T).T,
    "channels_last": _channels_last,
    "stepped": _stepped,
    "reversed": _reversed,
    "read_only": _read_only,
    "read_only_channels_last": lambda a: _channels_last(_read_only(a)),
}

each_dtype = pytest.mark.parametrize("dtype", ["float64", "float32"])
each_layout = pytest.mark.parametrize("layout", LAYOUTS)


def relative_error(actual: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest error, relative to the largest entry, so that a small one among large is not held to more."""
    if not expected.size:
        return 0.0
    error = np.abs(np.asarray(actual, np.float64) - expected).max()
    return float(error / max(np.abs(expected).max(), NOTHING))


def assert_close(actual: np.ndarray, expected: np.ndarray, tolerance: float, what: str = "values") -> None:
    """Fail where the shapes differ or the relative error is larger than `tolerance`."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, expected {expected.shape}"
    error = relative_error(actual, expected)
    assert error <= tolerance, f"{what}: off by {error:.3g} of the largest"


def _assert_something(arrays: Sequence[np.ndarray | None], what: str) -> None:
    sizes = [np.abs(a).max() for a in arrays if a is not None and a.size]
    assert not sizes or max(sizes) > NOTHING, f"{what}: all about zero on both sides, so the check shows nothing"


def gradients(case: Case, arrays: list[np.ndarray], upstream: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return value and gradients, having checked what holds for any operation."""
    before = [a.copy() for a in [*arrays, upstream]]
    inputs = [Tensor(a, requires_grad=True) for a in arrays]
    result = case.run(Minipose, *inputs)
    assert result.dtype == arrays[0].dtype
    result.backward(Tensor(upstream))
    grads = [x.grad.data for x in inputs]
    for a, g in zip(arrays, grads, strict=True):
        assert g.shape == a.shape and g.dtype == a.dtype and isinstance(g, np.ndarray)
    everything = [*grads, *arrays, upstream]
    for i, g in enumerate(grads):
        assert not any(np.shares_memory(g, other) for other in everything[i + 1 :]), "a gradient shares its memory"
    for a, b in zip([*arrays, upstream], before, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=f"{case}: an input was modified")
    return result.data, grads


Pairs = list[tuple[str, np.ndarray, np.ndarray]]  # what it is, ours, theirs


def torch_pairs(case: Case, rng: np.random.Generator, torch: ModuleType, dtype: str) -> Pairs:
    """Return value and gradients beside PyTorch's in float64, on the same numbers."""
    arrays, upstream = case.arrays(rng, dtype), case.upstream(rng, dtype)
    value, grads = gradients(case, arrays, upstream)
    inputs = [torch.tensor(a.astype(np.float64), requires_grad=True) for a in arrays]
    expected = case.run(functions_of(torch), *inputs)
    expected.backward(torch.tensor(upstream.astype(np.float64)))
    pairs = [("value", value, expected.detach().numpy())]
    return pairs + [(f"gradient {i}", g, x.grad.numpy()) for i, (g, x) in enumerate(zip(grads, inputs, strict=True))]


def check_torch(case: Case, rng: np.random.Generator, torch: ModuleType, dtype: str) -> None:
    """Value and gradients are PyTorch's."""
    pairs = torch_pairs(case, rng, torch, dtype)
    _assert_something([theirs for _, _, theirs in pairs[1:]], str(case))
    for what, ours, theirs in pairs:
        assert_close(ours, theirs, case.tolerance(dtype), what)


def torch_second_order_pairs(case: Case, rng: np.random.Generator, torch: ModuleType) -> Pairs:
    """Return the derivatives of <gradients, random directions>, by the inputs and by upstream, beside PyTorch's."""
    arrays, upstream = case.arrays(rng), case.upstream(rng)
    directions = [rng.standard_normal(a.shape) for a in arrays]
    ours = second_order(case, arrays, upstream, directions)
    inputs = [torch.tensor(a, requires_grad=True) for a in [*arrays, upstream]]
    value = case.run(functions_of(torch), *inputs[:-1])
    first = torch.autograd.grad(value, inputs[:-1], inputs[-1], create_graph=True)
    total = sum((g * torch.tensor(d)).sum() for g, d in zip(first, directions, strict=True))
    theirs = torch.autograd.grad(total, inputs, allow_unused=True)
    return [
        (f"second derivative {i}", a, np.zeros_like(a) if b is None else b.numpy(force=True))
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True))
    ]


def check_torch_second_order(case: Case, rng: np.random.Generator, torch: ModuleType) -> None:
    """Second derivatives are PyTorch's."""
    for what, ours, theirs in torch_second_order_pairs(case, rng, torch):
        assert_close(ours, theirs, case.tolerance("float64"), what)


def second_order(
    case: Case, arrays: list[np.ndarray], upstream: np.ndarray, directions: list[np.ndarray]
) -> list[np.ndarray]:
    """Return the gradients of <gradients, directions> by the inputs and by the upstream gradient."""
    inputs = [Tensor(a, requires_grad=True) for a in [*arrays, upstream]]
    value = case.run(Minipose, *inputs[:-1])
    first = minipose.grad(value, inputs[:-1], inputs[-1], create_graph=True)
    total = sum((g * Tensor(d)).sum() for g, d in zip(first, directions, strict=True))
    second = minipose.grad(total, inputs, allow_unused=True)
    return [np.zeros_like(x.data) if g is None else g.data for x, g in zip(inputs, second, strict=True)]


def check_gradient(case: Case, rng: np.random.Generator) -> None:
    """Gradients against differences, in float64."""
    inputs = [Tensor(a, requires_grad=True) for a in case.arrays(rng)]
    minipose.gradcheck(lambda *tensors: case.run(Minipose, *tensors), inputs, generator=rng)


def check_second_order(case: Case, rng: np.random.Generator) -> None:
    """Second derivatives, by the inputs and by the upstream gradient, against differences of first ones."""
    inputs = [Tensor(a, requires_grad=True) for a in case.arrays(rng)]
    minipose.gradgradcheck(lambda *tensors: case.run(Minipose, *tensors), inputs, generator=rng)


def check_layout(case: Case, rng: np.random.Generator, layout: str, dtype: str) -> None:
    """The same numbers in another memory layout give the same value and gradients."""
    arrays, upstream = case.arrays(rng, dtype), case.upstream(rng, dtype)
    value, grads = gradients(case, arrays, upstream)
    lay = LAYOUTS[layout]
    strided = gradients(case, [lay(a) for a in arrays], lay(upstream))
    tolerance = case.tolerance(dtype)
    assert_close(strided[0], value, tolerance, "value")
    for i, (g, e) in enumerate(zip(strided[1], grads, strict=True)):
        assert_close(g, e, tolerance, f"gradient {i}")


def check_adjoint(case: Case, rng: np.random.Generator, dtype: str) -> None:
    """<A x, y> = <x, A* y> for an operation that is linear in its first input."""
    first, *others = map(Tensor, case.arrays(rng, dtype))
    minipose.adjoint_check(lambda x: case.run(Minipose, x, *others), first, generator=rng)
