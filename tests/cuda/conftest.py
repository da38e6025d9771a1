"""Put the stand-in in CuPy's place, and take it away again; or use the real CuPy where there is a GPU."""

import sys
import warnings
from contextlib import contextmanager

import pytest

from minipose import kernels
from tests.cuda import fake_cupy


def forget_modules():
    kernels.cupy.cache_clear()
    kernels._load.cache_clear()


@pytest.fixture
def fake(monkeypatch):
    """The stand-in, as `import cupy` finds it for the time of a test."""
    monkeypatch.setitem(sys.modules, "cupy", fake_cupy)
    monkeypatch.setitem(sys.modules, "cupyx.scipy.special", fake_cupy.special)
    forget_modules()
    fake_cupy.events.clear()
    yield fake_cupy
    forget_modules()


def real_cupy():
    """Return CuPy where there is a GPU, else None."""
    try:
        import cupy
    except ImportError:
        return None
    return cupy if cupy.cuda.is_available() else None


@contextmanager
def synchronisation_forbidden():
    """Fail where CuPy waits for the device."""
    from cupyx import allow_synchronize

    with warnings.catch_warnings():
        # It may miss some waiting, says CuPy 14, and goes one day; until then it finds some.
        warnings.filterwarnings("ignore", "cupyx.allow_synchronize", UserWarning)
        forbidden = allow_synchronize(False)
        forbidden.__enter__()
    try:
        yield
    finally:
        forbidden.__exit__(None, None, None)


@pytest.fixture(params=["stand-in", pytest.param("gpu", marks=pytest.mark.gpu)])
def device_module(request):
    """The stand-in, and the real CuPy where there is a GPU."""
    if request.param == "stand-in":
        return request.getfixturevalue("fake")
    module = real_cupy()
    if module is None:
        pytest.skip("needs an NVIDIA GPU and CuPy: pip install -e '.[gpu]'")
    return module


@pytest.fixture
def no_waiting(device_module):
    """Makes a context that fails where something in it waits for the device or copies from it."""
    if device_module is fake_cupy:
        return fake_cupy.no_waiting
    return synchronisation_forbidden
