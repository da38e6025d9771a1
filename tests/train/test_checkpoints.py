import errno
import json
import os

import numpy as np
import pytest
from safetensors.numpy import save_file

import minipose
from minipose import models
from minipose.optim import Adam
from minipose.train import EMA, load_checkpoint, save_checkpoint

ARCHITECTURE = {"name": "hourglass", "options": {"width": 2, "depth": 2, "stacks": 2}}


@pytest.fixture
def trained(rng):
    """A network and its optimiser after two steps."""
    minipose.manual_seed(1)
    model = models.create(ARCHITECTURE["name"], **ARCHITECTURE["options"])
    optimizer = Adam(model.parameters(), lr=0.01, betas=(0.8, 0.9))
    for _ in range(2):
        (model(minipose.tensor(rng.standard_normal((3, 3, 8, 12)).astype(np.float32))) ** 2).sum().backward()
        optimizer.step()
    return model, optimizer


def test_a_checkpoint_holds_everything(tmp_path, trained, rng):
    model, optimizer = trained
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, model, ARCHITECTURE, {"step": 2, "name": "x"}, optimizer)
    loaded = load_checkpoint(path)
    assert loaded.architecture == ARCHITECTURE and loaded.training == {"step": 2, "name": "x"}
    again = loaded.build()
    assert not again.training
    for (name, a), b in zip(model.state_dict().items(), again.state_dict().values(), strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype, name
        np.testing.assert_array_equal(a.data, b.data, err_msg=name)
    other = Adam(again.parameters())
    other.load_state_dict(loaded.optimizer)
    images = minipose.tensor(rng.standard_normal((2, 3, 8, 8)).astype(np.float32))
    for net, steps in ((model, optimizer), (again.train(), other)):
        net.train().zero_grad()
        (net(images) ** 2).sum().backward()
        steps.step()
    for a, b in zip(model.parameters(), again.parameters(), strict=True):
        np.testing.assert_array_equal(a.data, b.data)


def test_a_parameter_of_one_number_keeps_its_moments(tmp_path):
    model = models.create(ARCHITECTURE["name"], **ARCHITECTURE["options"])
    model.scale = minipose.nn.Parameter(np.asarray(2.0, np.float32))
    optimizer = Adam([model.scale])
    (model.scale * 3).backward()
    optimizer.step()
    save_checkpoint(tmp_path / "a.safetensors", model, ARCHITECTURE, {}, optimizer)
    loaded = load_checkpoint(tmp_path / "a.safetensors")
    assert loaded.optimizer["state"][0]["exp_avg"].shape == ()
    Adam([model.scale]).load_state_dict(loaded.optimizer)


def test_the_file_opens_in_pytorch(tmp_path, trained):
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[oracle]'")
    from safetensors.torch import load_file

    from tests.models.torch_hourglass import TorchHourglass

    save_checkpoint(tmp_path / "a.safetensors", trained[0], ARCHITECTURE)
    twin = TorchHourglass(**ARCHITECTURE["options"])
    twin.load_state_dict(load_file(tmp_path / "a.safetensors"))
    weight = trained[0].stem[0].weight.data
    np.testing.assert_array_equal(twin.stem[0].weight.detach().numpy(), weight)
    assert twin.stem[1].num_batches_tracked == torch.tensor(2)


def test_a_failing_save_leaves_the_old_file_whole(tmp_path, trained, monkeypatch):
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, trained[0], ARCHITECTURE, {"step": 1})

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="cannot be written: No space left on device; .* untouched") as caught:
        save_checkpoint(path, trained[0], ARCHITECTURE, {"step": 2})
    assert caught.value.errno == errno.ENOSPC
    assert load_checkpoint(path).training == {"step": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


def test_an_average_is_kept_beside_the_weights(tmp_path, trained):
    model, _ = trained
    ema = EMA(model)
    for array in ema.arrays.values():
        array += 1
    save_checkpoint(tmp_path / "a.safetensors", model, ARCHITECTURE, ema=ema)
    loaded = load_checkpoint(tmp_path / "a.safetensors")
    assert loaded.model.keys() == loaded.average.keys()
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(loaded.model[name], tensor.data)
        np.testing.assert_array_equal(loaded.average[name], tensor.data + 1)


def test_a_network_of_the_first_format_is_still_read(tmp_path, trained):
    arrays = {name: np.array(t.data, order="C") for name, t in trained[0].state_dict().items()}
    metadata = {"format": "minipose checkpoint 1", "architecture": json.dumps(ARCHITECTURE), "training": '{"step": 2}'}
    save_file(arrays, tmp_path / "a.safetensors", metadata)
    model = load_checkpoint(tmp_path / "a.safetensors").build()
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(tensor.data, arrays[name])


@pytest.mark.parametrize("name", ["optimizer", "ema"])
def test_a_name_that_would_be_mistaken_is_refused(tmp_path, trained, name):
    setattr(trained[0], name, minipose.nn.Linear(1, 1))
    with pytest.raises(ValueError, match=f"save_checkpoint: {name}.weight of the model needs another name"):
        save_checkpoint(tmp_path / "a.safetensors", trained[0], ARCHITECTURE)


def test_a_missing_a_truncated_and_a_foreign_file(tmp_path, trained):
    with pytest.raises(FileNotFoundError, match="load_checkpoint: there is no file .*nothing"):
        load_checkpoint(tmp_path / "nothing.safetensors")
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, trained[0], ARCHITECTURE)
    whole = path.read_bytes()
    for size in (0, 5, 100, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"load_checkpoint: .*a\.safetensors is not a whole safetensors file"):
            load_checkpoint(path)
    save_file({"x": np.ones(3)}, path)
    with pytest.raises(ValueError, match="its format must be 'minipose checkpoint 2', not None"):
        load_checkpoint(path)
