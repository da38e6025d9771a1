"""Initial values of weights, with torch's names. Every function fills its tensor in place and returns it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from minipose.checks import check_choice, check_generator, check_integer, check_number, pair
from minipose.kernels import to_device
from minipose.ops.checks import check_float_tensor, check_tensor
from minipose.random import default_generator
from minipose.tensor import Tensor

Generator = np.random.Generator


def empty_weight(shape: Sequence[int]) -> np.ndarray:
    """Return an uninitialised float32 array of `shape`, the first axis of a convolution's weight innermost in memory.

    A weight (F C KH KW) lies in memory as KH KW C F: so the CPU kernels read F adjacent outputs as one vector. The
    shape, and what is saved of it, is torch's all the same.
    """
    if len(shape) != 4:
        return np.empty(shape, np.float32)
    F, C, KH, KW = shape
    return np.empty((KH, KW, C, F), np.float32).transpose(3, 2, 0, 1)


def _fill(tensor: Tensor, values: np.ndarray) -> Tensor:
    tensor.data[...] = to_device(values.astype(tensor.dtype), tensor.device)
    tensor.bump_version()
    return tensor


def constant_(tensor: Tensor, value: float) -> Tensor:
    """Fill with one value."""
    return _constant("constant_", tensor, value)


def _constant(name: str, tensor: Tensor, value: float) -> Tensor:
    check_tensor(name, "tensor", tensor)
    check_number(name, "value", value)
    if tensor.dtype.kind != "f" and not np.can_cast(np.min_scalar_type(value), tensor.dtype):
        raise TypeError(f"{name}: a tensor of {tensor.dtype} cannot hold {value!r}")
    tensor.data.fill(value)
    tensor.bump_version()
    return tensor


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros."""
    return _constant("zeros_", tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones."""
    return _constant("ones_", tensor, 1)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with normal values."""
    check_number("normal_", "mean", mean)
    return _normal("normal_", tensor, mean, std, generator)


def _normal(name: str, tensor: Tensor, mean: float, std: float, generator: Generator | None) -> Tensor:
    check_float_tensor(name, "tensor", tensor)
    check_number(name, "std", std, 0)
    check_generator(name, generator)
    return _fill(tensor, (generator or default_generator()).normal(mean, std, tensor.shape))


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with values drawn evenly from a to b."""
    for argument, value in (("a", a), ("b", b)):
        check_number("uniform_", argument, value, -1e300, 1e300)
    if a > b:
        raise ValueError(f"uniform_: a={a} must not be larger than b={b}")
    return _uniform("uniform_", tensor, a, b, generator)


def _uniform(name: str, tensor: Tensor, a: float, b: float, generator: Generator | None) -> Tensor:
    check_float_tensor(name, "tensor", tensor)
    check_generator(name, generator)
    return _fill(tensor, (generator or default_generator()).uniform(a, b, tensor.shape))


def calculate_fan(tensor: Tensor, mode: str = "fan_in") -> int:
    """Return how many inputs one output sums over (fan_in), or how many outputs one input goes to (fan_out).

    As in torch, axis 0 is taken for the outputs and axis 1 for the inputs; in a transposed convolution's weight they
    are the other way round, and its stride matters too: see `kaiming_normal_transposed_`.

    Raises
    ------
    ValueError
        If the tensor has fewer than two axes, or `mode` is unknown.
    """
    return _fan("calculate_fan", tensor, mode)


def _fan(name: str, tensor: Tensor, mode: str) -> int:
    check_tensor(name, "tensor", tensor)
    check_choice(name, "mode", mode, ("fan_in", "fan_out"))
    if tensor.ndim < 2:
        raise ValueError(f"{name}: a tensor of shape {tensor.shape} has no inputs and outputs; give two axes")
    return tensor.shape[1 if mode == "fan_in" else 0] * math.prod(tensor.shape[2:])


def calculate_gain(nonlinearity: str, a: float = 0.0) -> float:
    """Return by how much a weight must be larger to make up for what the nonlinearity takes away.

    Raises
    ------
    ValueError
        If the nonlinearity is not "linear", "sigmoid", "relu", "leaky_relu" (slope `a`) or "tanh".
    """
    return _gain("calculate_gain", nonlinearity, a)


def _gain(name: str, nonlinearity: str, a: float) -> float:
    check_number(name, "a", a, -1e100, 1e100)
    leaky = math.sqrt(2 / (1 + a * a))
    gains = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "leaky_relu": leaky}
    check_choice(name, "nonlinearity", nonlinearity, tuple(gains))
    return gains[nonlinearity]


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill with N(0, gain^2 / fan): the variance of activations stays the same through the layers (He et al. 2015)."""
    name = "kaiming_normal_"
    std = _gain(name, nonlinearity, a) / math.sqrt(max(1, _fan(name, tensor, mode)))
    return _normal(name, tensor, 0.0, std, generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """As `kaiming_normal_`, drawn evenly from an interval with the same variance."""
    name = "kaiming_uniform_"
    bound = math.sqrt(3) * _gain(name, nonlinearity, a) / math.sqrt(max(1, _fan(name, tensor, mode)))
    return _uniform(name, tensor, -bound, bound, generator)


def kaiming_normal_transposed_(
    tensor: Tensor, stride: tuple[int, int], groups: int = 1, generator: Generator | None = None
) -> Tensor:
    """`kaiming_normal_` for ReLU and a transposed convolution's weight (C, F / groups, KH, KW).

    One output pixel receives from every stride-th tap only: C / groups * KH KW / (sh sw) numbers in the mean.
    """
    name = "kaiming_normal_transposed_"
    check_float_tensor(name, "tensor", tensor)
    if tensor.ndim != 4:
        raise ValueError(f"{name}: tensor must be (C, F / groups, KH, KW), not of shape {tensor.shape}")
    (sh, sw), (C, _, KH, KW) = pair(name, "stride", stride, 1), tensor.shape
    check_integer(name, "groups", groups, 1)
    fan = max(1.0, C / groups * KH * KW / (sh * sw))
    return _normal(name, tensor, 0.0, math.sqrt(2 / fan), generator)
