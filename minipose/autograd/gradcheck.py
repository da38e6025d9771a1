"""Check backward against derivatives that know nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minipose.autograd.diagnosis import diagnose
from minipose.autograd.engine import grad
from minipose.autograd.mode import enable_grad, no_grad
from minipose.autograd.numeric import central_difference, complex_step, has_kink
from minipose.kernels import to_device
from minipose.tensor import Tensor

MANY = 500  # entries; a larger input is moved along random directions and single entries, DIRECTIONS of each
DIRECTIONS = 20
EXACT = 1e-10  # how far a gradient may be from a complex step, relative to its largest entry
ROUNDING = float(np.finfo(np.float64).eps)


class GradcheckError(RuntimeError):
    """A check that failed; the text is the report."""


@dataclass
class _Check:
    """A function, what it is given, the upstream gradients, and how exact its gradients must be."""

    name: str
    function: Callable
    inputs: tuple[Any, ...]
    eps: float
    atol: float
    rtol: float
    generator: np.random.Generator
    upstream: list[Tensor]

    def outputs(self, inputs: Sequence[Any]) -> list[Tensor]:
        """Return the floating-point outputs."""
        result = self.function(*inputs)
        outputs = list(result) if isinstance(result, (tuple, list)) else [result]
        if not outputs or not all(isinstance(y, Tensor) for y in outputs):
            kinds = ", ".join(type(y).__name__ for y in outputs) or "nothing"
            raise TypeError(f"{self.name}: the function must return a Tensor or several, not {kinds}")
        return [y for y in outputs if y.dtype.kind == "f"]

    def gradients(self) -> tuple[list[np.ndarray], list[Tensor | None]]:
        """Run forward and backward; return the values, and the gradient of each input that requires one."""
        wanted = [x for x in self.inputs if isinstance(x, Tensor) and x.requires_grad]
        outputs = self.outputs(self.inputs)
        pairs = [(y, u) for y, u in zip(outputs, self.upstream, strict=True) if y.requires_grad]
        if not pairs:
            raise GradcheckError(f"{self.name}: no output depends on an input that requires a gradient")
        grads = grad([y for y, _ in pairs], wanted, [u.detach() for _, u in pairs], allow_unused=True)
        return [_host(y) for y in outputs], list(grads)

    def of_input(self, place: int) -> Callable[[np.ndarray], list[np.ndarray]]:
        """Return the function of the input at `place` alone, from an array to arrays."""

        def evaluate(array: np.ndarray) -> list[np.ndarray]:
            inputs = list(self.inputs)
            inputs[place] = Tensor(to_device(array, inputs[place].device))
            with no_grad():
                return [to_device(y.data, "cpu") for y in self.outputs(inputs)]

        return evaluate


def _host(tensor: Tensor) -> np.ndarray:
    return np.array(to_device(tensor.data, "cpu"), order="K")


def _check_options(name: str, raise_exception: bool, generator: np.random.Generator | None) -> None:
    if not isinstance(raise_exception, bool):
        raise TypeError(f"{name}: raise_exception must be True or False, not {raise_exception!r}")
    if generator is not None and not isinstance(generator, np.random.Generator):
        raise TypeError(f"{name}: generator must be a numpy.random.Generator, not {generator!r}")


def _prepare(
    name: str,
    function: Callable,
    inputs: Tensor | Sequence[Any],
    options: dict[str, float],
    generator: np.random.Generator | None,
) -> _Check:
    """Check what the user gave, and draw the upstream gradients."""
    if not callable(function):
        raise TypeError(f"{name}: function must be callable, not {function!r}")
    inputs = (inputs,) if isinstance(inputs, Tensor) else inputs
    if not isinstance(inputs, (tuple, list)):
        raise TypeError(f"{name}: inputs must be a Tensor or a sequence, not {type(inputs).__name__}")
    for option, value in options.items():
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < 1:
            raise ValueError(f"{name}: {option} must be a small number from 0 up, not {value!r}")
    if not options["eps"]:
        raise ValueError(f"{name}: eps must be larger than 0")
    for i, x in enumerate(inputs):
        if isinstance(x, Tensor) and x.requires_grad and x.dtype != np.float64:
            raise ValueError(f"{name}: input {i} is {x.dtype}; differences are too inexact for less than float64")
    if not any(isinstance(x, Tensor) and x.requires_grad for x in inputs):
        raise ValueError(f"{name}: no input is a Tensor that requires a gradient")
    generator = generator or np.random.default_rng(0)
    check = _Check(name, function, tuple(inputs), **options, generator=generator, upstream=[])
    with no_grad():
        outputs = check.outputs(check.inputs)
    check.upstream = [
        Tensor(to_device(generator.standard_normal(y.shape).astype(y.dtype), y.device)) for y in outputs
    ]
    return check


def _inputs_of(check: _Check) -> list[tuple[int, Tensor]]:
    return [(i, x) for i, x in enumerate(check.inputs) if isinstance(x, Tensor) and x.requires_grad]


def _run(check: _Check, each: bool) -> None:
    """Raise GradcheckError at the first thing that is wrong; `each` input must have a gradient that is not zero."""
    tensors = [x for x in (*check.inputs, *check.upstream) if isinstance(x, Tensor)]
    before = [_host(x) for x in tensors]
    values, grads = check.gradients()
    for x, kept in zip(tensors, before, strict=True):
        if not np.array_equal(_host(x), kept, equal_nan=kept.dtype.kind == "f"):
            raise GradcheckError(f"{check.name}: the function writes into an input of shape {x.shape}")
    again, grads_again = check.gradients()
    for first, second, what in [
        *((a, b, "result") for a, b in zip(values, again, strict=True)),
        *((_host(a), _host(b), "gradient") for a, b in zip(grads, grads_again, strict=True) if a is not None),
    ]:
        if not np.array_equal(first, second, equal_nan=True):
            raise GradcheckError(f"{check.name}: the second run has another {what}; does it draw random numbers?")
    _check_form(check, grads)
    size = float(np.sqrt(sum(((v * _host(u)) ** 2).sum() for v, u in zip(values, check.upstream, strict=True))))
    found = [_check_input(check, i, g, size) for (i, _), g in zip(_inputs_of(check), grads, strict=True)]
    if not (all(found) if each else any(found)):
        which = f"input {_inputs_of(check)[found.index(False)][0]}" if each else "every input"
        raise GradcheckError(
            f"{check.name}: the gradient of {which} is about zero on both sides, so this check proves nothing; "
            "use other inputs, or do not ask for that gradient"
        )


def _check_form(check: _Check, grads: list[Tensor | None]) -> None:
    """Shapes, dtypes, and memory of their own."""
    arrays = []
    for (i, x), g in zip(_inputs_of(check), grads, strict=True):
        if g is None:
            continue
        if g.shape != x.shape or g.dtype != x.dtype:
            raise GradcheckError(
                f"{check.name}: the gradient of input {i} is {g.shape} {g.dtype}, but the input {x.shape} {x.dtype}"
            )
        arrays.append((f"the gradient of input {i}", g.data))
    others = [("an input", x.data) for x in (*check.inputs, *check.upstream) if isinstance(x, Tensor)]
    for k, (what, array) in enumerate(arrays):
        for other_what, other in [*arrays[:k], *others]:
            if isinstance(array, np.ndarray) and isinstance(other, np.ndarray) and np.shares_memory(array, other):
                raise GradcheckError(f"{check.name}: {what} shares its memory with {other_what}")


def _directions(check: _Check, array: np.ndarray) -> Iterator[tuple[np.ndarray, tuple[int, ...] | None]]:
    """Yield directions to move along, and the index of the entry for those that move a single one."""
    if array.size > MANY:
        for _ in range(DIRECTIONS):
            direction = check.generator.standard_normal(array.shape)
            yield direction / np.linalg.norm(direction), None
        places = check.generator.choice(array.size, DIRECTIONS, replace=False)
        entries = [np.unravel_index(int(place), array.shape) for place in places]
    else:
        entries = list(np.ndindex(array.shape))
    for index in entries:
        direction = np.zeros(array.shape)
        direction[index] = 1
        yield direction, tuple(int(i) for i in index)


def _check_input(check: _Check, place: int, gradient: Tensor | None, size: float) -> bool:
    """Compare the gradient of one input; return whether there was something to compare."""
    array = _host(check.inputs[place])
    given = np.zeros(array.shape) if gradient is None else _host(gradient)
    evaluate, upstream = check.of_input(place), [_host(u) for u in check.upstream]
    directions = list(_directions(check, array))
    right, exact = [], []
    for direction, _ in directions:
        right.append(central_difference(evaluate, array, direction, upstream, check.eps))
        if None not in exact:  # a function that cannot take complex numbers once never can
            exact.append(complex_step(evaluate, array, direction, upstream))
    mine, right = np.array([(given * d).sum() for d, _ in directions]), np.array(right)
    largest = float(np.abs(right).max(initial=0))
    tolerance = check.atol + check.rtol * largest + 4 * ROUNDING * size / check.eps
    if None not in exact and np.allclose(exact, right, rtol=0, atol=tolerance):
        right, tolerance = np.array(exact), EXACT * largest + ROUNDING * size
    wrong = ~(np.abs(mine - right) <= tolerance)  # so that a NaN is wrong
    if wrong.any():
        _report(check, place, given, directions, mine, right, wrong)
    return bool(max(largest, float(np.abs(mine).max(initial=0))) > 1e-8 * size) or array.size == 0


def _report(
    check: _Check,
    place: int,
    given: np.ndarray,
    directions: list[tuple[np.ndarray, tuple[int, ...] | None]],
    mine: np.ndarray,
    right: np.ndarray,
    wrong: np.ndarray,
) -> None:
    """Raise GradcheckError with all that is known of a wrong gradient."""
    error = np.where(np.isfinite(mine), np.abs(mine - right), np.inf)
    worst = int(np.argmax(np.where(wrong, error, -1)))
    direction, index = directions[worst]
    array, upstream = _host(check.inputs[place]), [_host(u) for u in check.upstream]
    where = "along a random direction" if index is None else f"at {list(index)}"
    text = (
        f"{check.name}: the gradient of input {place} (shape {given.shape}) is wrong: {where} backward gives "
        f"{mine[worst]:.8g}, but the function moves by {right[worst]:.8g}; {int(wrong.sum())} of {wrong.size} "
        f"{'directions' if index is None else 'entries'} are wrong"
    )
    if has_kink(check.of_input(place), array, direction, upstream, check.eps):
        text += ". The function has a kink or a jump there, so it has no derivative: move the input away from it"
    elif array.size <= MANY:
        advice = diagnose(given, right.reshape(given.shape), wrong.reshape(given.shape))
        text += f". Diagnosis: {advice}" if advice else ""
    raise GradcheckError(text)


def _verdict(check: _Check, raise_exception: bool, each: bool) -> bool:
    try:
        _run(check, each)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradcheck(
    function: Callable,
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-8,
    rtol: float = 1e-6,
    raise_exception: bool = True,
    generator: np.random.Generator | None = None,
) -> bool:
    """Check the gradients of a function against differences, as `torch.autograd.gradcheck`.

    The upstream gradient is random: with one of ones, a softmax or a batch norm passes whatever its backward does.
    Small inputs are moved entry by entry, large ones along random directions. Where a complex step works and agrees
    with the difference, it is the measure, and exact. The check also fails where the function changes its inputs,
    gives another result the second time, returns gradients of another shape or dtype or that share memory, has a kink
    within reach of the step, or where both sides are about zero, because then it proves nothing.

    Parameters
    ----------
    function : callable
        Takes `inputs`, returns a Tensor or several.
    inputs : Tensor or sequence
        Those that require gradients must be float64.
    eps : float
        Step of the differences. Default 1e-6.
    atol, rtol : float
        An entry may be off by atol + rtol times the gradient's largest entry. Defaults 1e-8 and 1e-6.
    raise_exception : bool
        Raise GradcheckError with the report instead of returning False. Default True.
    generator : numpy.random.Generator, optional
        For upstream and directions. Default: the same numbers at every call.

    Raises
    ------
    GradcheckError
        If the check fails; the text names the input, the worst entry, both numbers, and often the mistake.
    ValueError, TypeError
        If no input requires a gradient, or one that does is not float64.
    """
    _check_options("gradcheck", raise_exception, generator)
    options = {"eps": eps, "atol": atol, "rtol": rtol}
    return _verdict(_prepare("gradcheck", function, inputs, options, generator), raise_exception, each=True)


def gradgradcheck(
    function: Callable,
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-8,
    rtol: float = 1e-6,
    raise_exception: bool = True,
    generator: np.random.Generator | None = None,
) -> bool:
    """Check second derivatives: `gradcheck` of the gradients, as functions of the inputs and the upstream gradient.

    Parameters and errors are those of `gradcheck`. A linear function passes: its gradient depends on upstream alone.
    """
    _check_options("gradgradcheck", raise_exception, generator)
    options = {"eps": eps, "atol": atol, "rtol": rtol}
    first = _prepare("gradgradcheck", function, inputs, options, generator)
    places = [i for i, _ in _inputs_of(first)]

    def gradients(*values: Any) -> list[Tensor]:
        given = list(values[: len(first.inputs)])
        for i in places:
            given[i] = given[i] if given[i].requires_grad else given[i].detach().requires_grad_()
        with enable_grad():
            pairs = zip(first.outputs(given), values[len(given) :], strict=True)
            pairs = [(y, u) for y, u in pairs if y.requires_grad]
            wanted = [given[i] for i in places]
            grads = grad([y for y, _ in pairs], wanted, [u for _, u in pairs], create_graph=True, allow_unused=True)
        return [x.detach() * 0 if g is None else g for x, g in zip(wanted, grads, strict=True)]

    upstream = [u.requires_grad_() for u in first.upstream]
    second = _prepare("gradgradcheck", gradients, (*first.inputs, *upstream), options, first.generator)
    return _verdict(second, raise_exception, each=False)


def adjoint_check(
    function: Callable[[Tensor], Tensor],
    input: Tensor,
    *,
    rtol: float | None = None,
    raise_exception: bool = True,
    generator: np.random.Generator | None = None,
) -> bool:
    """Check that backward is the adjoint of a function A that is linear in its input: <A x, y> = <x, A* y>.

    No differences are taken, so this is exact on every device and in every precision. A may add a constant, as a bias.

    Parameters
    ----------
    function : callable
        Takes one Tensor, returns one Tensor.
    input : Tensor of floating-point numbers
    rtol : float, optional
        Allowed error, relative to the product of the lengths of A x and y. Default: 1e-12 in float64, 1e-5 in float32.
    raise_exception, generator : as in `gradcheck`

    Raises
    ------
    GradcheckError
        If the function is not linear, or its backward not the adjoint; both numbers are named.
    ValueError, TypeError
        If the input is not a Tensor of floating-point numbers.
    """
    name = "adjoint_check"
    if not callable(function):
        raise TypeError(f"{name}: function must be callable, not {function!r}")
    _check_options(name, raise_exception, generator)
    if not isinstance(input, Tensor) or input.dtype.kind != "f":
        raise TypeError(f"{name}: input must be a Tensor of floating-point numbers, not {input!r}")
    rtol = (1e-12 if input.dtype == np.float64 else 1e-5) if rtol is None else rtol
    if not isinstance(rtol, (int, float)) or not 0 < rtol < 1:
        raise ValueError(f"{name}: rtol must be a number between 0 and 1, not {rtol!r}")
    x = input.detach().requires_grad_()
    options = {"eps": 1e-6, "atol": 0.0, "rtol": rtol}
    check = _Check(name, function, (x,), **options, generator=generator or np.random.default_rng(0), upstream=[])
    try:
        _run_adjoint(check, x, rtol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _run_adjoint(check: _Check, x: Tensor, rtol: float) -> None:
    def draw(like: Tensor) -> Tensor:
        return Tensor(to_device(check.generator.standard_normal(like.shape).astype(like.dtype), like.device))

    with no_grad():
        other = draw(x)
        (zero,), (first,), (second,), (both,) = (
            check.outputs([at]) for at in (x.detach() * 0, x.detach(), other, x.detach() * 2 + other)
        )
    a, b, c, base = (_host(t).astype(np.float64) for t in (first, second, both, zero))
    size = np.linalg.norm(a - base) + np.linalg.norm(b - base)
    if np.linalg.norm((c - base) - 2 * (a - base) - (b - base)) > 10 * rtol * size:
        raise GradcheckError(f"{check.name}: the function is not linear: A(2 x + y) is not 2 A(x) + A(y)")
    (result,) = check.outputs([x])
    y = draw(result)
    (gradient,) = grad(result, x, y)
    left = float(((a - base) * _host(y)).sum())
    right = float((_host(x).astype(np.float64) * _host(gradient)).sum())
    scale = float(np.linalg.norm(a - base) * np.linalg.norm(_host(y)))
    if scale == 0:
        raise GradcheckError(f"{check.name}: A x is zero, so this check proves nothing; use another input")
    if not abs(left - right) <= rtol * scale:
        raise GradcheckError(
            f"{check.name}: <A x, y> = {left:.8g} but <x, A* y> = {right:.8g}: backward is not the adjoint of forward"
        )
