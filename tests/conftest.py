"""What every test may ask for: seeded random numbers, and PyTorch as the oracle where it is installed."""

from __future__ import annotations

import os

import numpy as np
import pytest

# Threads that wait for each other while spinning take minutes on a machine with other work to do.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240607)


@pytest.fixture(scope="session")
def torch():
    module = pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[oracle]'")
    module.set_num_threads(1)
    return module
