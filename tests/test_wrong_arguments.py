"""Every public function, every argument, and everything that it should not be.

A call with one wrong argument must say so: a ValueError or TypeError that names the function. Where it goes through, it
must mean something: PyTorch takes the same call, and the results are equal.
"""

import functools
import importlib
import inspect

import numpy as np
import pytest

import minipose
from minipose import Tensor, nn, ops, optim
from tests import calls

WRONG = {
    "None": lambda: None,
    "a text": lambda: "nonsense",
    "an empty text": lambda: "",
    "bytes": lambda: b"1",
    "a fraction": lambda: 1.5,
    "NaN": lambda: float("nan"),
    "infinity": lambda: float("inf"),
    "minus one": lambda: -1,
    "zero": lambda: 0,
    "minus seven": lambda: -7,
    "a large integer": lambda: 10**12,
    "more than 64 bits": lambda: 2**70,
    "True": lambda: True,
    "a complex number": lambda: 1j,
    "an empty tuple": lambda: (),
    "seven numbers": lambda: (1,) * 7,
    "a list of None": lambda: [None],
    "a list of texts": lambda: ["a", "b"],
    "a ragged list": lambda: [[1, 2], [3]],
    "a dictionary": lambda: {"a": 1},
    "a set": lambda: {1},
    "a generator": lambda: (i for i in (1, 2)),
    "an object": object,
    "a function": lambda: len,
    "a class": lambda: Tensor,
    "an array of texts": lambda: np.array(["a"]),
    "an array of objects": lambda: np.array([None]),
    "an array of complex numbers": lambda: np.array([1j]),
    "a Tensor of another shape": lambda: calls.numbers(13, 11),
    "an empty Tensor": lambda: calls.numbers(0),
    "a Tensor of no axes": lambda: Tensor(np.float32(0.5)),
    "a Tensor of integers": lambda: calls.classes(2, 4, 5, 6),
    "a Tensor of booleans": lambda: Tensor(np.ones((2, 4, 5, 6), bool)),
    "another type of floats": lambda: Tensor(np.ones((2, 4, 5, 6))),
    "a Tensor of NaN": lambda: Tensor(np.full((2, 4, 5, 6), np.nan, np.float32)),
}


TORCHS_WORD = {("broadcast_to", "shape"): "size"}
MORE_THAN_TORCH = {  # what torch does not take, but can mean one thing only
    ("max", "dim", "None"), ("min", "dim", "None"), ("prod", "dim", "None"), ("squeeze", "dim", "None"),
    ("mean", "keepdim", "True"), ("prod", "keepdim", "True"), ("sum", "keepdim", "True"),
    ("flip", "dims", "zero"), ("flip", "dims", "minus one"),
}  # fmt: skip
OWN_NAMES = ("Conv2d", "ConvTranspose2d", "soft_argmax2d")  # that layers raise errors under, besides operations'
OWN_LAYERS = {"ResidualBlock", "SoftArgmax2d", "TransposedResidualBlock"}
OF_THE_USER = {  # whose own error it is
    (parameter, kind) for parameter in ("function", "lr_lambda") for kind in ("a function", "a class")
}


def spoiled(function, name):
    """Yield the arguments of the right call with one of them wrong, and which."""
    for parameter, declared in inspect.signature(function).parameters.items():
        if declared.kind is declared.VAR_KEYWORD:
            continue
        for kind, wrong in WRONG.items():
            yield parameter, kind, {**calls.right(name, function), parameter: wrong()}


def refused(name, run, others=()):
    """Return run() and None, or None and the error, which must be of the right kind and name who raised it."""
    try:
        return run(), None
    except (ValueError, TypeError, FileNotFoundError, minipose.GradcheckError) as error:
        text = str(error)
        if not text.startswith(tuple(f"{n}{end}" for n in (name, *others) for end in (":", "("))):
            # Python's own: "relu() got multiple values", "__init__() missing 1 required argument"
            assert f"{name}()" in text or f"{name}.__init__()" in text, f"the error names something else: {text!r}"
        return None, error


def check_refusals(name, function, use=lambda result: result, others=()):
    """Check every spoiled call, and return those that went through, with their results."""
    problems, through = [], []
    for parameter, kind, arguments in spoiled(function, name):
        if (parameter, kind) in OF_THE_USER:
            continue
        try:
            run = functools.partial(calls.call, function, arguments, calls.spread_of(function))
            result, error = refused(name, lambda run=run: use(run()), others)
            if error is None:
                through.append((parameter, kind, result))
        except Exception as error:
            problems.append(f"{parameter} = {kind}: {type(error).__name__}: {error}")
    assert not problems, "\n".join(problems)
    return through


def to_torch(torch, value):
    if isinstance(value, (Tensor, np.ndarray)):
        return torch.tensor(np.array(value.data if isinstance(value, Tensor) else value))
    if isinstance(value, (tuple, list)):
        return type(value)(to_torch(torch, v) for v in value)
    return value


def torchs(torch, name, arguments):
    """Call torch's function of that name; where it wants arguments in a row, or Tensors for numbers, give it these."""
    function = getattr(ops, name)
    if name == "batch_norm_relu":
        other, six = arguments.pop("other", None), arguments.pop("six", False)
        result = torchs(torch, "batch_norm", arguments)
        rectifier = torch.nn.functional.relu6 if six else torch.relu
        return rectifier(result if other is None else result + to_torch(torch, other))
    twin = next(getattr(p, name) for p in (torch.nn.functional, torch, torch.Tensor) if hasattr(p, name))
    spread = calls.spread_of(function)
    values = {TORCHS_WORD.get((name, k), k): to_torch(torch, v) for k, v in arguments.items() if k != "generator"}
    if spread:
        several = values.pop(spread)
        several = several if isinstance(several, (tuple, list)) else (several,)
        method = getattr(torch.Tensor, name, twin)
        return method(*values.values(), *several)
    try:
        return twin(**values)
    except TypeError:
        try:
            return twin(*values.values())
        except TypeError:
            tensors = {k: torch.tensor(v) if isinstance(v, (bool, int, float)) else v for k, v in values.items()}
            return twin(**tensors)


def check_same(torch, ours, theirs):
    if isinstance(theirs, torch.Tensor):
        assert isinstance(ours, Tensor)
        np.testing.assert_allclose(ours.data, theirs.detach().numpy(), rtol=1e-4, atol=1e-5)
    elif isinstance(theirs, (tuple, list)):
        for a, b in zip(ours, theirs, strict=True):
            check_same(torch, a, b)


@pytest.mark.parametrize("name", calls.FUNCTIONS)
@pytest.mark.filterwarnings("ignore")
def test_what_goes_through_means_what_it_means_in_torch(name, torch):
    function, problems = getattr(ops, name), []
    for parameter, kind, result in check_refusals(name, function):
        if (name, parameter, kind) in MORE_THAN_TORCH:
            continue
        try:
            check_same(torch, result, torchs(torch, name, {**calls.right(name, function), parameter: WRONG[kind]()}))
        except Exception as error:
            if kind != "more than 64 bits":  # Python's numbers can be as large, torch's cannot
                problems.append(f"{parameter} = {kind}: {type(error).__name__}: {str(error)[:200]}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("name", calls.FUNCTIONS)
def test_operations(name):
    check_refusals(name, getattr(ops, name))


@pytest.mark.parametrize("name", calls.CREATION)
def test_creation(name):
    check_refusals(name, getattr(minipose, name))


def layers_that_go_through(name):
    x = calls.INPUTS.get(name, calls.COMMON["input"])()
    parts = ["Conv2d", "ConvTranspose2d"] if name.endswith("Block") else []
    return x, check_refusals(name, getattr(nn, name), lambda layer: (layer, layer(x)), ops.__all__ + parts)


@pytest.mark.parametrize("name", calls.LAYERS)
def test_layers(name):
    layers_that_go_through(name)


@pytest.mark.parametrize("name", [name for name in calls.LAYERS if name not in OWN_LAYERS])
@pytest.mark.filterwarnings("ignore")
def test_layers_that_go_through_mean_what_they_mean_in_torch(name, torch):
    problems = []
    x, through = layers_that_go_through(name)
    for parameter, kind, (layer, result) in through:
        if kind == "more than 64 bits" or name.startswith("Dropout"):
            continue
        try:
            twin = getattr(torch.nn, name)(**{**calls.right(name, getattr(nn, name)), parameter: WRONG[kind]()})
            twin.load_state_dict({key: to_torch(torch, value) for key, value in layer.state_dict().items()})
            check_same(torch, result, twin(to_torch(torch, x)))
        except Exception as error:
            problems.append(f"{parameter} = {kind}: {type(error).__name__}: {str(error)[:200]}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("name", sorted(set(calls.LAYERS) - {"Identity"}))
def test_inputs_of_layers(name):
    options = {"dim": 1} if name.endswith("oftmax") else calls.right(name, getattr(nn, name))
    layer = getattr(nn, name)(**options)
    check_refusals(name, lambda input: layer(input), others=[*ops.__all__, *OWN_NAMES])


@pytest.mark.parametrize("name", calls.LOSSES)
def test_losses(name):
    target = calls.classes(2, 5, 6) if name in ("CrossEntropyLoss", "NLLLoss") else calls.numbers(*calls.IMAGES)
    check_refusals(name, getattr(nn, name), lambda loss: loss(calls.numbers(*calls.IMAGES), target), ops.__all__)


@pytest.mark.parametrize("name", calls.OPTIMIZERS)
def test_optimizers(name):
    check_refusals(name, getattr(optim, name), lambda optimizer: optimizer.step(), ["Optimizer"])


@pytest.mark.parametrize("name", calls.SCHEDULES)
def test_schedules(name):
    use = (lambda s: s.step(1.0)) if name == "ReduceLROnPlateau" else lambda s: [s.step() for _ in range(3)]
    check_refusals(name, getattr(optim, name), use)


@pytest.mark.parametrize("name", ["clip_grad_norm_", "clip_grad_value_"])
def test_clipping(name):
    check_refusals(name, getattr(nn.utils, name))


@pytest.mark.parametrize(("package", "name"), [(p, name) for p, table in calls.PACKAGES.items() for name in table])
def test_everything_else(package, name):
    check_refusals(name, getattr(importlib.import_module(package), name), others=[*ops.__all__, calls.doubled.__name__])


METHODS = {  # of a Tensor of shape (2, 4, 5, 6) and one of its entries, called by one argument
    "getitem": lambda x, index: x[index],
    "setitem": lambda x, value: x.detach().__setitem__(0, value),
    "setitem.": lambda x, index: x.detach().__setitem__(index, 1.0),
    "backward": lambda x, gradient: (x * 1).backward(gradient),
    "copy_": lambda x, source: x.detach().copy_(source),
    "fill_": lambda x, value: x.detach().fill_(value),
    "register_hook": lambda x, hook: x.register_hook(hook),
    "requires_grad_": lambda x, value: x.detach().requires_grad_(value),
    "size": lambda x, dim: x.size(dim),
    "to": lambda x, target: x.to(target),
}


@pytest.mark.parametrize("name", METHODS)
def test_methods(name):
    x = calls.numbers(*calls.IMAGES).requires_grad_()
    check_refusals(name.rstrip("."), lambda other: METHODS[name](x, other))
