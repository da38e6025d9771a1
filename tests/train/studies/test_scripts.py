"""The studies in examples/: every row is a network that can be built, for images of its size."""

import importlib.util
from pathlib import Path

import pytest

from minipose import models, nn

SCRIPTS = sorted((Path(__file__).parents[3] / "examples").glob("study_*.py"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_row_can_be_built_and_no_two_are_the_same(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert f"examples/{path.name}" in module.__doc__ and len(module.ROWS) > 1
    configs = list(module.ROWS.values())
    assert all(config not in configs[:i] for i, config in enumerate(configs))
    for config in configs:
        network = models.create(config.model, **config.architecture["options"])
        assert nn.summary(network, (1, 3, config.size, config.size)).multiply_adds > 0
