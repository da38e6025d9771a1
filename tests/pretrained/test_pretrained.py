import json
import shlex

import numpy as np
import pytest

import minipose
from minipose import Tensor, pretrained
from minipose.cli import main
from minipose.data import StickFigures, to_input
from minipose.pretrained.__main__ import ship
from minipose.train import Config, evaluate, load_checkpoint


def test_the_shipped_network_is_small_and_as_good_as_its_card_says():
    assert (pretrained.FOLDER / pretrained.FILE).stat().st_size < 2_000_000
    card = pretrained.card()
    scores = evaluate(pretrained.load(), StickFigures("plain", "test", card["image_size"], 100))
    assert abs(scores["pckh50"] - card["scores"]["plain"]["pckh50"]) < 0.02
    assert card["scores"]["plain"]["pckh50"] > 0.95 > 0.5 > card["mean_pose"]["plain"]["pckh50"]


def test_the_command_on_the_card_is_that_of_the_settings_in_the_file():
    """It leaves out defaults, so a default that changes makes it another command."""
    settings = Config(**pretrained.checkpoint().training["settings"])
    assert pretrained.card()["command"] == shlex.join(["minipose", "train", *settings.arguments()])


def test_the_shipped_network_gives_the_maps_that_pytorch_makes_of_its_numbers():
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[oracle]'")
    from tests.models.torch_hourglass import TorchHourglass

    saved, network = pretrained.checkpoint(), pretrained.load()
    options = {name: value for name, value in saved.architecture["options"].items() if name != "dropout"}
    twin = TorchHourglass(**options).double().eval()
    twin.load_state_dict({name: torch.tensor(array) for name, array in saved.model.items()})
    figures = StickFigures("plain", "test", 64, 2)
    images = to_input(np.stack([figures[i].image for i in range(2)]))
    with minipose.no_grad(), torch.no_grad():
        maps, expected = network(Tensor(images)).data, twin(torch.tensor(images).double()).numpy()
    assert expected.max() > 0.5
    np.testing.assert_allclose(maps, expected, atol=1e-4)


def test_a_run_is_shipped_with_half_the_bytes_and_a_card_that_tells_its_command(tmp_path, capsys):
    run, folder = tmp_path / "run", tmp_path / "shipped"
    options = ["--width", "4", "--option", "depth=2", "--size", "32", "--option", "skip=false"]
    assert main(["train", *options, "--dry-run", "--out", str(run)]) == 0
    capsys.readouterr()
    folder.mkdir()
    ship(run, folder, count=16)
    full, rounded = load_checkpoint(run / "best.safetensors"), pretrained.checkpoint(folder)
    assert rounded.training == full.training and rounded.model.keys() == full.model.keys()
    for name, array in full.model.items():
        assert rounded.model[name].dtype == array.dtype
        np.testing.assert_allclose(rounded.model[name], array, rtol=1e-3, atol=1e-7)
    assert (folder / pretrained.FILE).stat().st_size < 0.75 * (run / "best.safetensors").stat().st_size
    card = pretrained.card(folder)
    command = shlex.split(card["command"])
    assert command[:2] == ["minipose", "train"] and set(options) < set(command)
    assert card["parameters"] == sum(p.numel() for p in pretrained.load(folder).parameters())
    assert list(card["scores"]) == ["plain", "circles", "shapes", "platform", "textures", "decoys", "occluded", "shift"]
    assert json.loads((run / "config.json").read_text())["width"] == Config.load(run / "config.json").width == 4
