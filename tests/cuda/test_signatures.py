"""Everything that the stand-in offers exists in the real CuPy, whose wheel imports without a driver."""

import inspect

import pytest

from tests.cuda import fake_cupy

cupy = pytest.importorskip("cupy", reason="needs CuPy's wheel: pip install -e '.[gpu]'")


@pytest.mark.parametrize("name", [*fake_cupy.UFUNCS, *fake_cupy.FUNCTIONS, *fake_cupy.CONSTRUCTORS])
def test_the_function_exists(name):
    assert callable(getattr(cupy, name))


@pytest.mark.parametrize("name", fake_cupy.CONSTRUCTORS)
def test_the_constructor_takes_the_same_keywords(name):
    ours, theirs = (inspect.signature(getattr(module, name)).parameters for module in (fake_cupy, cupy))
    keywords = [p for p, value in ours.items() if value.default is not inspect.Parameter.empty]
    assert set(keywords) <= set(theirs)


@pytest.mark.parametrize("name", ["get", "item", "tolist", "astype", "fill", "copy", "sum", "mean", "var", "max",
                                  "argmax", "reshape", "transpose", "T", "__iadd__", "__setitem__"])  # fmt: skip
def test_the_method_exists(name):
    assert hasattr(cupy.ndarray, name)


def test_pad_takes_constant_values():
    assert "constant_values" in str(inspect.signature(cupy.pad)) or "kwargs" in str(inspect.signature(cupy.pad))
