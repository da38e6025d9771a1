"""The one random generator behind initialisation and `randn`, seeded by `manual_seed`."""

from __future__ import annotations

import numpy as np

_generator = np.random.default_rng()


def manual_seed(seed: int) -> np.random.Generator:
    """Seed the default generator and return it, as `torch.manual_seed` does."""
    global _generator
    _generator = np.random.default_rng(seed)
    return _generator


def default_generator() -> np.random.Generator:
    """Return the generator that is used where none is given."""
    return _generator
