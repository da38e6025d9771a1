"""Everything that the stand-in offers, and with it all that the engine uses, exists in the real CuPy.

Its wheel imports without a driver, so this runs without a GPU.
"""

import inspect

import numpy as np
import pytest

import minipose
from tests.cuda import fake_cupy
from tests.cuda.conftest import forget_modules

cupy = pytest.importorskip("cupy", reason="needs CuPy's wheel: pip install -e '.[gpu]'")


def parameters(function):
    """Return the names of a function's parameters; those of compiled methods stand in the docstring's first line."""
    try:
        return set(inspect.signature(function).parameters)
    except ValueError:
        line = function.__doc__.splitlines()[0]
        return {part.split("=")[0].split()[-1] for part in line[line.index("(") + 1 : line.index(")")].split(",")}


@pytest.mark.parametrize(("name", "keywords"), fake_cupy.FUNCTIONS.items(), ids=fake_cupy.FUNCTIONS)
def test_functions(name, keywords):
    function = getattr(cupy, name)
    known = parameters(function)
    for keyword in keywords:  # pad takes some of its own as **kwargs, and documents them
        assert keyword in known or ("kwargs" in known and f"{keyword}(" in function.__doc__)


@pytest.mark.parametrize("name", fake_cupy.CREATION)
def test_functions_that_make_arrays(name):
    ours, theirs = (parameters(getattr(module, name)) for module in (fake_cupy, cupy))
    assert ours <= theirs


@pytest.mark.parametrize("name", fake_cupy.UFUNCS)
def test_ufuncs(name):
    assert isinstance(getattr(cupy, name), cupy.ufunc)


@pytest.mark.parametrize(("name", "keywords"), fake_cupy.METHODS.items(), ids=fake_cupy.METHODS)
def test_methods(name, keywords):
    assert set(keywords) <= parameters(getattr(cupy.ndarray, name))


OTHERS = [n for n, f in vars(fake_cupy.ndarray).items() if n not in fake_cupy.METHODS and n != "_host"]


@pytest.mark.parametrize("name", [n for n in OTHERS if n not in ("__module__", "__dict__", "__weakref__", "__doc__")])
def test_attributes_operators_and_other_methods(name):
    assert hasattr(cupy.ndarray, name)


def test_order_and_copy_of_conversions():
    assert {"dtype", "order", "copy"} <= parameters(cupy.ndarray.astype)
    assert "order" in parameters(cupy.ndarray.copy)


@pytest.mark.parametrize("name", ["ElementwiseKernel", "ReductionKernel"])
def test_kernels_of_few_lines(name):
    ours, theirs = (parameters(getattr(module, name)) for module in (fake_cupy, cupy))
    assert ours <= theirs


def test_views():
    assert {"x", "shape", "strides"} <= parameters(cupy.lib.stride_tricks.as_strided)


def test_constants_and_detection():
    assert cupy.int64 is np.int64
    assert isinstance(cupy.cuda.is_available(), bool)


def test_cupy_without_a_gpu_is_refused_in_one_sentence():
    if cupy.cuda.is_available():
        pytest.skip("there is a GPU")
    forget_modules()
    with pytest.raises(RuntimeError, match="needs an NVIDIA GPU and its driver, and none was found"):
        minipose.tensor([1.0], device="cuda")
