"""What a user is told who asks for a GPU that is not there."""

import subprocess
import sys
import types

import numpy as np
import pytest

import minipose
from tests.cuda.conftest import forget_modules


@pytest.fixture(autouse=True)
def fresh():
    forget_modules()
    yield
    forget_modules()


def test_without_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(RuntimeError, match=r"device 'cuda' needs CuPy, which is not installed: pip install"):
        minipose.tensor([1.0], device="cuda")


def test_without_a_driver(monkeypatch):
    without = types.SimpleNamespace(cuda=types.SimpleNamespace(is_available=lambda: False))
    monkeypatch.setitem(sys.modules, "cupy", without)
    with pytest.raises(RuntimeError, match="needs an NVIDIA GPU and its driver, and none was found"):
        minipose.zeros(2).to("cuda")


def test_an_unknown_device():
    with pytest.raises(ValueError, match="device must be 'cpu' or 'cuda', not 'tpu'"):
        minipose.tensor([1.0], device="tpu")


def test_operands_on_two_devices(fake):
    here, there = minipose.tensor(np.ones(3)), minipose.tensor(np.ones(3), device="cuda")
    with pytest.raises(ValueError, match=r"mul: inputs are on 'cpu' and on 'cuda'; move one with \.to\('cuda'\)"):
        here * there


def test_numpy_of_a_device_tensor(fake):
    with pytest.raises(TypeError, match=r"use tensor\.cpu\(\)\.numpy\(\)"):
        minipose.tensor(np.ones(3), device="cuda").numpy()


def test_import_waits_for_nothing_heavy():
    code = "import sys, minipose; print(sorted({'cupy', 'numba', 'matplotlib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
