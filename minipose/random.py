"""The one random generator behind initialisation and `randn`, seeded by `manual_seed`."""

from __future__ import annotations

import numbers

import numpy as np

_generator = np.random.default_rng()


def manual_seed(seed: int) -> np.random.Generator:
    """Seed the default generator and return it, as `torch.manual_seed` does.

    Raises
    ------
    TypeError, ValueError
        If the seed is not an integer from 0.
    """
    global _generator
    if not isinstance(seed, numbers.Integral) or isinstance(seed, bool):
        raise TypeError(f"manual_seed: seed must be an integer, not {seed!r}")
    if seed < 0:
        raise ValueError(f"manual_seed: seed must not be negative, not {seed}")
    _generator = np.random.default_rng(seed)
    return _generator


def default_generator() -> np.random.Generator:
    """Return the generator that is used where none is given."""
    return _generator
