import json
import subprocess
import sys
from pathlib import Path

import pytest

from minipose.train import load_checkpoint

EXAMPLE = Path(__file__).parents[2] / "examples" / "train_hourglass.py"
SMALL = ("--dry-run", "--size", "32", "--width", "4", "--option", "depth=2")
FILES = {"metrics.json", "log.csv", "log.jsonl", "curves.png", "predictions.png", "heatmaps.png", "best.safetensors",
         "last.safetensors", "config.json", ".lock"}  # fmt: skip


def run(*options):
    return subprocess.run([sys.executable, EXAMPLE, *map(str, options)], capture_output=True, text=True)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished dry run: its folder and what it printed."""
    out = tmp_path_factory.mktemp("runs") / "new" / "folder"
    process = run(*SMALL, "--out", out)
    assert process.returncode == 0, process.stderr
    return out, process.stdout


def test_a_dry_run_writes_everything(finished):
    out, printed = finished
    assert {p.name for p in out.iterdir()} == FILES
    metrics = json.loads((out / "metrics.json").read_text())
    references = ["mean_pose", "image_centre", "codec"]
    assert list(metrics) == ["sets", *references, "findings", "seconds", "parameters", "images_per_second"]
    for part in ("sets", *references):
        assert list(metrics[part]) == ["plain", "circles", "shapes", "platform"]
        assert all({"pckh50", "pckh10", "epe_px", "report_score", "per_joint"} < set(v) for v in metrics[part].values())
    assert all(row["pckh50"] == 1 for row in metrics["codec"].values())
    assert metrics["parameters"] == sum(
        p.numel() for p in load_checkpoint(out / "best.safetensors").build().parameters()
    )
    assert "mean pose, platform" in printed and "truth through codec, plain" in printed and "parameters" in printed


def test_a_finished_run_can_be_resumed(finished):
    out, _ = finished
    process = run("--dry-run", "--out", out, "--resume")  # the other options are those of the run
    assert process.returncode == 0 and "resuming after 3 of 3 steps" in process.stdout
    assert json.loads((out / "config.json").read_text())["width"] == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--size", "50"), "error: Hourglass: the image's sides must be multiples of 2**depth = 4"),
        (("--size", "16"), "error: StickFigures: size must be at least 32"),
        (("--width", "0"), "argument --width: must be an integer from 1, not 0"),
        (("--set", "moon"), "argument --set: invalid choice: 'moon'"),
        (("--out", "/dev/null/x"), "error: /dev/null/x is not a folder that can be written"),
        ((), "holds a run already: go on with it by --resume, begin anew in its place by --overwrite, or choose"),
        (("--resume", "--width", "8"), "error: --resume needs the options that the run began with: width was 4, now 8"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(finished, options, message):
    out, _ = finished
    before = {p: p.read_bytes() for p in out.iterdir() if p.name != ".lock"}
    process = run(*SMALL, "--out", out, *options)
    assert process.returncode != 0
    assert message in process.stderr and "Traceback" not in process.stderr
    assert before == {p: p.read_bytes() for p in out.iterdir() if p.name != ".lock"}


def test_there_is_nothing_to_resume(tmp_path):
    process = run(*SMALL, "--out", tmp_path, "--resume")
    assert process.returncode == 1 and "error: there is no run in" in process.stderr
    assert not list(tmp_path.iterdir())
