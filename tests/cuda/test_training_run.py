"""The training loop on the device: validation, log, checkpoints, and going on from one."""

import numpy as np
import pytest

import minipose
from minipose import models, optim
from minipose.data import StickFigures
from minipose.train import EMA, Trainer, load_checkpoint

OPTIONS = {"width": 4, "depth": 2}


def trainer(out, device, total_steps=4):
    minipose.manual_seed(5)
    model = models.create("hourglass", **OPTIONS).to(device)
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    return Trainer(
        model,
        optimizer,
        optim.CosineWithWarmup(optimizer, total_steps),
        StickFigures(size=32, count=8),
        StickFigures(split="val", size=32, count=3),
        batch_size=2,
        steps_per_epoch=2,
        out=out,
        architecture={"name": "hourglass", "options": OPTIONS},
        settings={},
        device=device,
        ema=EMA(model, 0.9),
        clip_norm=0.01,
    )


@pytest.fixture
def folder(tmp_path):
    def make(name):
        (tmp_path / name).mkdir()
        return tmp_path / name

    return make


def test_a_run_is_saved_and_resumed_on_the_device_and_opens_on_the_host(device_module, folder):
    whole = trainer(folder("whole"), "cuda")
    log = whole.fit(4)
    assert len(log.rows) == 2 and all(np.isfinite(row.loss) for row in log.rows)

    first = trainer(folder("halves"), "cuda")
    first.fit(2)
    second = trainer(first.out, "cuda")
    second.resume(load_checkpoint(first.out / "last.safetensors"))
    second.fit(4)
    for (name, a), (_, b) in zip(second.model.state_dict().items(), whole.model.state_dict().items(), strict=True):
        assert isinstance(a.data, device_module.ndarray), name
        np.testing.assert_array_equal(a.data.get(), b.data.get(), err_msg=name)
    for name, average in second.ema.arrays.items():
        assert isinstance(average, device_module.ndarray), name
        np.testing.assert_array_equal(average.get(), whole.ema.arrays[name].get(), err_msg=name)
    for state in second.optimizer.state:
        assert all(isinstance(state[key], device_module.ndarray) for key in ("exp_avg", "exp_avg_sq"))

    on_host = load_checkpoint(whole.out / "last.safetensors").build()
    for (name, a), (_, b) in zip(on_host.state_dict().items(), whole.model.state_dict().items(), strict=True):
        np.testing.assert_array_equal(a.data, b.data.get(), err_msg=name)
