"""No public name without a test: a new operation, method or layer fails here until something checks it."""

import ast
import functools
from pathlib import Path

import numpy as np
import pytest

import minipose
from minipose import Tensor, nn, ops
from tests.names import cases_by_name
from tests.nn.test_every_layer import LAYERS, LOSSES
from tests.ops.families import FAMILIES

TESTS = Path(__file__).parent
ELSEWHERE = {  # names without a gradient of their own, by the file whose tests call them
    "ops/test_extremes.py": "argmax argmin",
    "ops/test_compare.py": "eq ge le ne bool_",
    "ops/test_elementwise.py": "cpu",
    "ops/test_shape.py": "T",
    "ops/test_matmul.py": "uint8",
    "cuda/test_conv.py": "cuda",
    "creation/test_values.py": "arange eye full full_like linspace ones ones_like tensor zeros zeros_like device",
    "creation/test_sampling.py": "bernoulli manual_seed normal rand rand_like randint randn randn_like randperm int64",
    "autograd/test_function.py": "Function enable_grad no_grad is_grad_enabled is_leaf grad_fn",
    "autograd/test_engine.py": "backward detach grad requires_grad retain_grad float32 float64",
    "autograd/test_hooks.py": "register_hook",
    "autograd/test_anomaly.py": "detect_anomaly",
    "autograd/test_checkpoint.py": "checkpoint",
    "autograd/test_gradcheck.py": "GradcheckError adjoint_check gradcheck gradgradcheck requires_grad_",
    "autograd/test_versions.py": "bump_version copy_ fill_ zero_",
    "test_tensor.py": "data dim dtype item ndim numel numpy shape size tolist",
    "optim/test_optimizer.py": "version",
    "kernels/test_threads.py": "get_num_threads set_num_threads",
    "nn/test_module.py": "Module Parameter",
    "nn/test_container.py": "ModuleList Sequential",
    "nn/test_soft_argmax.py": "SoftArgmax2d js_divergence2d soft_argmax2d",
    "nn/test_summary.py": "summary",
    "nn/test_blocks.py": "ResidualBlock TransposedResidualBlock",
}
PACKAGES = {"Summary", "Tensor", "functional", "init", "nn", "ops", "optim", "utils"}
X = np.array([[2.0, 3.0], [4.0, 5.0]])
SPECIAL = {  # what Python's own signs and functions call, and what must come out
    "add": (lambda x: x + 1, X + 1), "radd": (lambda x: 1 + x, 1 + X),
    "sub": (lambda x: x - 1, X - 1), "rsub": (lambda x: 1 - x, 1 - X),
    "mul": (lambda x: x * 3, X * 3), "rmul": (lambda x: 3 * x, 3 * X),
    "truediv": (lambda x: x / 2, X / 2), "rtruediv": (lambda x: 2 / x, 2 / X),
    "pow": (lambda x: x**3, X**3), "rpow": (lambda x: 2**x, 2**X),
    "matmul": (lambda x: x @ Tensor(X), X @ X), "rmatmul": (lambda x: X @ x, X @ X),
    "neg": (lambda x: -x, -X), "abs": (lambda x: abs(-x), X),
    "eq": (lambda x: x == 3, X == 3), "ne": (lambda x: x != 3, X != 3),
    "lt": (lambda x: x < 3, X < 3), "le": (lambda x: x <= 3, X <= 3),
    "gt": (lambda x: x > 3, X > 3), "ge": (lambda x: x >= 3, X >= 3),
    "getitem": (lambda x: x[1], X[1]),
    "bool": (lambda x: bool(x[0, 0] - 2), False), "float": (lambda x: float(x[0, 1]), 3.0),
    "int": (lambda x: int(x[0, 1] + 0.5), 3), "len": (len, 2),
    "repr": (repr, "tensor([[2., 3.],\n        [4., 5.]], dtype=float64)"),
    "iter": (lambda x: [float(row[0]) for row in x], [2.0, 4.0]),
    "hash": (lambda x: {x: 1}[x], 1),
    "array_ufunc": (lambda x: np.float64(2) * x, 2 * X),
}  # fmt: skip


@functools.cache
def covered() -> set[str]:
    """Return the names that a case calls, and their other names."""
    names = set(cases_by_name(FAMILIES))
    every = {**vars(Tensor), **vars(ops)}
    checked = {id(every.get(name)) for name in names}
    return names | {name for name, value in every.items() if id(value) in checked}


def mentioned(file: str) -> set[str]:
    """Return every name and text in the test functions, and the tables above them, of a test file."""
    nodes = list(ast.walk(ast.parse((TESTS / file).read_text())))
    return (
        {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        | {node.id for node in nodes if isinstance(node, ast.Name)}
        | {word for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
           for word in node.value.split()}
    )  # fmt: skip


@pytest.mark.parametrize(("file", "names"), ELSEWHERE.items(), ids=list(ELSEWHERE))
def test_the_tests_named_here_are_there(file, names):
    assert sorted(set(names.split()) - mentioned(file)) == []


def elsewhere() -> set[str]:
    return {name for names in ELSEWHERE.values() for name in names.split()}


@pytest.mark.parametrize("module", [minipose, ops, nn.functional], ids=["minipose", "ops", "functional"])
def test_every_function_is_in_a_case(module):
    assert sorted(set(module.__all__) - covered() - elsewhere() - PACKAGES) == []


def test_every_method_is_in_a_case():
    methods = {name for name in vars(Tensor) if not name.startswith("_")}
    assert sorted(methods - covered() - elsewhere()) == []


@pytest.mark.parametrize("name", SPECIAL)
def test_a_special_method(name):
    assert hasattr(Tensor, f"__{name}__")
    run, expected = SPECIAL[name]
    result = run(minipose.tensor(X))
    if isinstance(expected, np.ndarray):
        assert isinstance(result, Tensor)
        np.testing.assert_allclose(result.data, expected, rtol=1e-15)
    else:
        assert result == expected and type(result) is type(expected)


def test_every_special_method_is_above():
    # setitem is in autograd/test_versions.py
    of_every_class = {"init", "doc", "module", "slots", "slotnames", "weakref", "setitem"}
    special = {name.strip("_") for name in vars(Tensor) if name.startswith("__")}
    assert sorted(special - set(SPECIAL) - of_every_class) == []


def test_every_layer_is_checked():
    assert sorted(set(nn.__all__) - set(LAYERS) - set(LOSSES) - elsewhere() - PACKAGES) == []
