"""The stand-in's kernels of a few lines of C++: the lines are run as Python, on all entries at once."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from tests.cuda.fake_cupy import _operand, empty, ndarray


def _as_python(code: str) -> str:
    """Return a fused kernel's lines as Python, which they are but for the types of their variables."""
    foreign = re.search(r"\*\*|//|[?%{}]|&&|\|\||\b(and|or|not|if|for|lambda)\b|\d\.", code)
    if foreign:
        raise AssertionError(f"{foreign[0]!r} is not both C++ and Python, or makes a double: {code}")
    return "\n".join(re.sub(r"^(T|bool) ", "", line.strip()) for line in code.replace("\n", " ").split(";"))


class _Kernel:
    """What the two kinds of kernels share: names and types of arguments, and the running of a line on them."""

    def __init__(self, in_params: str, out_params: str) -> None:
        self.inputs, self.outputs = ([p.split() for p in text.split(", ")] for text in (in_params, out_params))

    def names(self, arguments: Any) -> tuple[dict[str, Any], np.dtype]:
        """Return what the lines may name, and the dtype that T stands for: all arrays of type T must agree on it."""
        typed = zip(self.inputs + self.outputs, arguments, strict=False)
        found = {a.dtype for (kind, _), a in typed if kind == "T" and isinstance(a, ndarray)}
        if len(found) != 1:
            raise TypeError(f"T would be {found or 'unknown'}")
        dtype = found.pop()
        values = {}
        for (kind, name), a in zip(self.inputs, arguments, strict=False):
            host, wanted = np.asarray(_operand(a)), dtype if kind == "T" else np.dtype(kind)
            if isinstance(a, ndarray) and host.dtype != wanted:
                raise TypeError(f"{name} is {host.dtype}, not {wanted}")
            values[name] = host.astype(wanted)
        return values | {"T": dtype.type, "where": np.where, "sqrt": np.sqrt}, dtype


class ElementwiseKernel(_Kernel):
    """Runs its lines by NumPy, on all entries at once."""

    def __init__(self, in_params: str, out_params: str, operation: str, name: str, preamble: str) -> None:
        super().__init__(in_params, out_params)
        self.code = compile(_as_python(operation), name, "exec")

    def __call__(self, *arguments: Any) -> Any:
        values, dtype = self.names(arguments)
        given = arguments[len(self.inputs) :]
        if len(given) not in (0, len(self.outputs)):
            raise TypeError("give all outputs or none")
        shape = np.broadcast_shapes(*(values[name].shape for _, name in self.inputs))
        results = given or [empty(shape, dtype if kind == "T" else kind) for kind, _ in self.outputs]
        for (_, name), result in zip(self.outputs, results, strict=True):
            if np.broadcast_shapes(shape, result.shape) != result.shape:
                raise ValueError(f"{name} is {result.shape}, the inputs {shape}")
            values[name] = result._host
        with np.errstate(all="ignore"):
            exec(self.code, {}, values)
        for (_, name), result in zip(self.outputs, results, strict=True):
            result._host[...] = values[name]
        return results[0] if len(results) == 1 else tuple(results)


class ReductionKernel(_Kernel):
    """Adds what its expression gives."""

    def __init__(
        self, in_params: str, out_params: str, map_expr: str, reduce_expr: str, post_map_expr: str, identity: str,
        name: str, preamble: str,
    ) -> None:  # fmt: skip
        super().__init__(in_params, out_params)
        if (reduce_expr, identity) != ("a + b", "0") or post_map_expr != f"{self.outputs[0][1]} = a":
            raise AssertionError("the stand-in can only add")
        self.code = compile(_as_python(map_expr), name, "eval")

    def __call__(self, *arguments: Any, axis: Any) -> ndarray:
        values, dtype = self.names(arguments)
        shape = np.broadcast_shapes(*(values[name].shape for _, name in self.inputs))
        return ndarray(np.broadcast_to(eval(self.code, {}, values), shape).sum(axis, dtype))
