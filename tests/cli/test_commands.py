"""Every command of `minipose`, as a user types it, with right and with wrong arguments."""

import json
import shutil
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image

import minipose
from minipose import cli, models, pretrained
from minipose.data import StickFigures, read_image, write_coco, write_course, write_png
from minipose.data.samples import Dataset, Sample
from minipose.pose import STICK_FIGURE
from minipose.train import Config, save_checkpoint, train
from tests.cli.command import PROJECT, command, fails, succeeds

SMALL = ("--dry-run", "--size", "32", "--width", "4", "--option", "depth=2")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a small finished run."""
    out = tmp_path_factory.mktemp("runs") / "small"
    printed = succeeds("train", *SMALL, "--out", out)
    assert "mean pose, platform" in printed and "truth through codec, plain" in printed
    return out


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_has_examples_and_the_exit_status(name):
    text = succeeds(name, "--help")
    assert f"  minipose {name}" in text and "exit status: 0 done" in text


def test_help_lists_all_commands():
    text = succeeds("--help")
    assert all(f"  {name} " in text for name in cli.COMMANDS)
    assert succeeds("--version") == f"minipose {minipose.__version__}\n"


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["warmpu"], f"minipose: error: there is no command 'warmpu'; there are: {', '.join(cli.COMMANDS)}\n"),
    (["trian", "--out", "x"], f"minipose: error: there is no command 'trian'; there are: {', '.join(cli.COMMANDS)}\n"),
    (["foo", "--help"], f"minipose: error: there is no command 'foo'; there are: {', '.join(cli.COMMANDS)}\n"),
    ([], f"which command? There are: {', '.join(cli.COMMANDS)}; see `minipose --help`\n"),
    (["warmup", "fast"], "minipose warmup: error: unrecognized arguments: fast\n"),
    (["--fast"], "minipose: error: unrecognized arguments: --fast\n"),
])  # fmt: skip
def test_a_wrong_command_is_one_sentence_and_status_2(arguments, sentence):
    assert fails(*arguments, status=2).endswith(sentence)


def test_train_writes_a_run_and_refuses_to_lose_it(finished):
    names = {p.name for p in finished.iterdir()}
    assert {"config.json", "log.csv", "best.safetensors", "metrics.json", "predictions.png", "curves.png"} <= names
    assert "holds a run already" in fails("train", *SMALL, "--out", finished)
    assert "resuming after 3 of 3 steps" in succeeds("train", "--dry-run", "--out", finished, "--resume")


@pytest.mark.parametrize(("options", "sentence", "status"), [
    (("--epochs", "0"), "argument --epochs: must be an integer from 1, not 0", 2),
    (("--set", "moon"), "argument --set: invalid choice: 'moon'", 2),
    (("--poses", "none.npy"), "none.npy", 1),
    (("--resume", "--overwrite"), "argument --overwrite: not allowed with argument --resume", 2),
    (("--batch-size", "8", "--images", "5"), "images=5 does not fill a batch: it must be at least batch_size=8", 1),
    (("--size", "50"), "the image's sides must be multiples of 2**depth", 1),
    (("--out", "/dev/null/x"), "/dev/null/x is not a folder that can be written", 1),
])  # fmt: skip
def test_wrong_training(tmp_path, options, sentence, status):
    assert sentence in fails("train", *SMALL, "--out", tmp_path / "run", *options, status=status)


def test_a_package_that_is_missing_is_one_sentence(tmp_path):
    (tmp_path / "tensorboardX.py").write_text("raise ImportError")
    said = fails("train", *SMALL, "--tensorboard", "--out", tmp_path / "run", PYTHONPATH=f"{tmp_path}:{PROJECT}")
    assert said.startswith("minipose train: error: TensorBoard: the package tensorboardX is missing; install it with")
    assert len(said.splitlines()) == 1 and not (tmp_path / "run").exists()


def test_evaluate_gives_scores_and_the_lines_to_beat(finished, tmp_path):
    written = tmp_path / "scores.json"
    printed = succeeds(
        "evaluate", "--run", finished, "--sets", "plain,shift", "--count", 8, "--joints", "--json", written
    )
    assert all(line in printed for line in ("mean pose, shift", "image centre, plain", "right_ankle"))
    scores = json.loads(written.read_text())
    assert list(scores["sets"]) == ["plain", "shift"] and scores["codec"]["plain"]["pckh50"] == 1


@pytest.mark.parametrize(("options", "sentence", "status"), [
    (("--run", "nowhere"), "there is no file nowhere", 1),
    (("--sets", "plain,moon"), "--sets: there is no set 'moon'", 1),
    (("--data", "course"), "--root FOLDER goes with --data course", 1),
    (("--root", "x"), "--root FOLDER goes with --data course", 1),
    (("--data", "coco", "--root", "x"), "--annotations FILE.json goes with --data coco", 1),
    (("--data", "course", "--root", "nowhere"), "nowhere", 1),
    (("--data", "coco", "--root", "nowhere", "--annotations", "none.json"), "none.json", 1),
    (("--decoder", "magic"), "invalid choice: 'magic'", 2),
    (("--data", "course", "--root", "x", "--count", "3"), "--count goes with --data figures", 1),
    (("--json", "nowhere/x.json"), "--json: there is no folder nowhere", 1),
])  # fmt: skip
def test_wrong_evaluation(options, sentence, status):
    assert sentence in fails("evaluate", *options, status=status)


def test_a_decoder_of_heatmaps_is_not_for_a_network_without_them(tmp_path):
    config = Config(model="resnet", head="scalar", width=4)
    network = models.create("resnet", **config.architecture["options"])
    path = tmp_path / "scalar.safetensors"
    save_checkpoint(path, network, config.architecture, training={"settings": asdict(config)})
    message = "--decoder is for heatmaps; this network's head is scalar"
    assert message in fails("evaluate", "--run", path, "--decoder", "dark", status=1)


def small_run(out, poses=None, **options):
    config = Config(size=32, width=4, options={"depth": 2}, poses=poses).dry()
    train(config, out, **options)
    return "evaluate", "--run", out, "--sets", "plain", "--count", 8


def test_evaluate_leaves_out_the_mean_pose_where_the_training_poses_are_not_to_be_had(tmp_path):
    np.save(tmp_path / "poses.npy", np.random.default_rng(0).uniform(0, 224, (20, 32)))
    evaluate = small_run(tmp_path / "run", str(tmp_path / "poses.npy"))
    assert "mean pose, plain" in succeeds(*evaluate)
    np.save(tmp_path / "poses.npy", np.random.default_rng(1).uniform(0, 224, (20, 32)))
    for said in ("has another content than when", "there is no file"):
        process = command(*evaluate)
        assert process.returncode == 0 and "mean pose" not in process.stdout and "image centre" in process.stdout
        assert process.stderr.startswith("minipose evaluate: warning: ") and f"{said} " in process.stderr
        (tmp_path / "poses.npy").unlink(missing_ok=True)


def test_evaluate_takes_no_stick_figures_for_the_training_data_of_the_caller(tmp_path):
    process = command(*small_run(tmp_path, training=StickFigures("circles", "train", 32, 24)))
    assert process.returncode == 0 and "mean pose" not in process.stdout
    assert "warning: the network was trained on a data set of its own: there is no mean pose" in process.stderr


class Swapped(Dataset):
    """Figures whose labels have x and y exchanged."""

    def __init__(self, figures):
        self.figures = figures

    def __len__(self):
        return len(self.figures)

    def __getitem__(self, index):
        s = self.figures[index]
        return Sample(s.image, s.points[:, ::-1].copy(), s.visible, s.set, s.index)


def test_evaluate_reads_the_course_format_and_names_exchanged_axes(tmp_path):
    figures = [StickFigures("plain", "test", count=12, seed=seed) for seed in range(4)]
    write_course(figures, tmp_path / "right")
    printed = succeeds("evaluate", "--data", "course", "--root", tmp_path / "right", "--json", tmp_path / "scores.json")
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert list(scores["sets"]) == ["test1", "test2", "test3", "test4"] and "mean pose, test4" in printed
    assert all(values["pckh50"] > 0.9 for values in scores["sets"].values())
    row = next(line for line in printed.splitlines() if line.startswith("this network"))
    own = [scores["sets"][name]["report_score"] for name in scores["sets"]]
    assert row.split()[2:] == [f"{value:.3f}" for value in own]
    unet = next(line for line in printed.splitlines() if line.startswith("report: U-Net, scalar"))
    assert unet.split()[-4:] == ["2.09", "2.14", "2.06", "2.13"]
    said = fails("evaluate", "--data", "course", "--root", tmp_path / "right", "--normalised")
    assert "leave out normalised=True" in said
    write_course([Swapped(f) for f in figures], tmp_path / "wrong")
    said = fails("evaluate", "--data", "course", "--root", tmp_path / "wrong")
    assert "error in test" in said and "x and y" in said and "minipose.data.course" in said


def test_evaluate_reads_coco(tmp_path):
    annotations = write_coco(StickFigures("plain", "test", count=12), tmp_path / "coco")
    content = json.loads(annotations.read_text())
    content["annotations"][0]["keypoints"][:2] = [64, 30]  # beside an image of 64 x 64
    annotations.write_text(json.dumps(content))
    options = ("--data", "coco", "--root", annotations.parent / "images", "--annotations", annotations)
    process = command("evaluate", *options)
    assert process.returncode == 0 and "mean pose, coco" in process.stdout
    assert process.stderr.startswith("minipose evaluate: warning: CocoKeypoints: 1 joints in ")
    assert len(process.stderr.splitlines()) == 1


def test_predict_finds_the_joints_in_a_picture_of_another_size(tmp_path):
    sample = StickFigures("plain", "test")[3]
    # Four times as large, with 100 black pixels to its left and 40 below.
    large = np.zeros((4 * 64 + 40, 4 * 64 + 100, 3), np.uint8)
    large[: 4 * 64, 100:] = np.asarray(Image.fromarray(sample.image).resize((256, 256), Image.Resampling.BILINEAR))
    true = 4 * sample.points + 1.5 + (100, 0)
    (tmp_path / "pictures").mkdir()
    write_png(tmp_path / "pictures" / "figure 2.png", large)
    write_png(tmp_path / "pictures" / "figure 10.png", sample.image)
    printed = succeeds("predict", "pictures", "--out", "found", cwd=tmp_path)
    assert len(printed.splitlines()) == 2
    second, tenth = json.loads((tmp_path / "found" / "predictions.json").read_text())
    assert (second["file"], second["height"], second["width"]) == ("pictures/figure 2.png", 296, 356)
    for result, points, head in ((second, true, 40), (tenth, sample.points, 10)):
        found = np.array([(result["joints"][name]["x"], result["joints"][name]["y"]) for name in STICK_FIGURE.names])
        assert np.median(np.linalg.norm(found - points, axis=1)) < head / 4
    overlay = read_image(tmp_path / "found" / "figure 2_pose.png")
    assert min(overlay.shape[:2]) > 500


def test_predict_names_what_is_no_picture_and_does_the_others(tmp_path):
    write_png(tmp_path / "a.png", StickFigures("plain")[0].image)
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:200])
    (tmp_path / "c.png").write_text("no picture")
    process = command("predict", ".", "--out", "found", cwd=tmp_path)
    assert process.returncode == 1 and len(process.stdout.splitlines()) == 1
    lines = process.stderr.splitlines()
    assert len(lines) == 2 and "b.png" in lines[0] and "c.png" in lines[1]
    assert len(json.loads((tmp_path / "found" / "predictions.json").read_text())) == 1


@pytest.mark.parametrize(("arguments", "sentence", "status"), [
    ((), "the following arguments are required: IMAGE|FOLDER", 2),
    (("nothing.png",), "nothing.png", 1),
    (("empty",), "empty", 1),
    (("a.png", "--run", "a.png"), "a.png is not a whole safetensors file", 1),
    (("a.png", "sub/a.png"), "two of the pictures are called a.png", 1),
    (("a.png", "--out", "a.png"), "--out a.png is a file; the results need a folder", 1),
    (("a.png", "--out", "a.png/x"), "a.png", 1),
    (("sub", "--out", "sub"), "--out sub is a folder of pictures", 1),
    (("a.png", "--run", "bare.safetensors"), "bare.safetensors holds a network, but not the settings of its run", 1),
])  # fmt: skip
def test_wrong_prediction(tmp_path, arguments, sentence, status):
    (tmp_path / "empty").mkdir()
    (tmp_path / "sub").mkdir()
    for path in (tmp_path / "a.png", tmp_path / "sub" / "a.png"):
        write_png(path, StickFigures("plain")[0].image)
    options = {"width": 4, "depth": 2}
    bare = models.create("hourglass", **options)
    save_checkpoint(tmp_path / "bare.safetensors", bare, {"name": "hourglass", "options": options})
    assert sentence in fails("predict", *arguments, status=status, cwd=tmp_path)


def test_render_draws_what_it_is_asked_for(tmp_path):
    succeeds("render", "--set", "crowd", "--count", 3, "--cue", "color", "--skeleton", cwd=tmp_path)
    plain = ("render", "--count", 3, "--split", "test", "--out")
    succeeds(*plain, "a.png", cwd=tmp_path)
    succeeds(*plain, "b.png", cwd=tmp_path)
    a, b, crowd = (read_image(tmp_path / f"{name}.png") for name in ("a", "b", "samples"))
    assert np.array_equal(a, b) and a.shape == crowd.shape and not np.array_equal(a, crowd)
    np.save(tmp_path / "poses.npy", StickFigures("plain", size=224, count=2).batch(range(2)).points.reshape(2, 32))
    assert "poses" in succeeds("render", "--poses", "poses.npy", "--style", "course", "--count", 2, cwd=tmp_path)


@pytest.mark.parametrize(("options", "sentence", "status"), [
    (("--count", "0"), "--count must be from 1 to 400, not 0", 1),
    (("--set", "moon"), "invalid choice: 'moon'", 2),
    (("--out", "a.gif"), "path must end in .png", 1),
    (("--out", "nowhere/a.png"), "nowhere/a.png cannot be written: there is no folder nowhere", 1),
    (("--poses", "none.npy"), "none.npy", 1),
    (("--back-p", "2"), "back_p must be a number from 0 up to 1", 1),
])  # fmt: skip
def test_wrong_rendering(tmp_path, options, sentence, status):
    assert sentence in fails("render", *options, status=status, cwd=tmp_path)
    assert not list(tmp_path.iterdir())


def test_compare_puts_runs_side_by_side_and_notices_a_copy(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "copy")
    process = command("compare", finished, "copy", "--plot", "curves.png", cwd=tmp_path)
    assert process.returncode == 0
    first, *rows, line, mean, centre, codec = process.stdout.splitlines()
    (warning,) = process.stderr.splitlines()
    assert first.split() == ["pckh50", "plain", "circles", "shapes", "platform", "parameters"] and len(rows) == 2
    assert set(line) == {"-"} and mean.startswith("mean pose ") and centre.startswith("image centre ")
    assert codec.split()[-4:] == 4 * ["1.000"]
    assert warning.startswith("warning: ") and "have the same score in every set" in warning
    assert (tmp_path / "curves.png").exists()
    scores = json.loads(succeeds("compare", finished, "--json", "--metric", "report_score"))
    assert list(scores[str(finished)]) == ["plain", "circles", "shapes", "platform"]


def test_compare_says_where_the_test_images_differ(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "other")
    config = json.loads((finished / "config.json").read_text())
    changes = {"size": 64, "cue": "shade", "style": "course", "placement": "fit", "back_p": 0.5, "width": 8}
    (tmp_path / "other" / "config.json").write_text(json.dumps({**config, **changes}))
    metrics = json.loads((finished / "metrics.json").read_text())
    for values in metrics["sets"].values():
        values.update(poses=500, pckh50=0.5)
    (tmp_path / "other" / "metrics.json").write_text(json.dumps(metrics))
    process = command("compare", finished, "other", cwd=tmp_path)
    assert process.returncode == 0
    assert process.stderr == (
        "warning: the runs have other test images, so compare with care: " + "; ".join(
            f"{name} {a} ({finished}) and {b} (other)" for name, a, b in (
                ("size", 32, 64), ("cue", "front", "shade"), ("style", "minipose", "course"),
                ("placement", "free", "fit"), ("back_p", 0.0, 0.5), ("images of each set", 16, 500),
            )
        ) + "\n"
    )  # fmt: skip
    (tmp_path / "other" / "config.json").unlink()
    assert "care: images of each set 16 (" in command("compare", finished, "other", cwd=tmp_path).stderr


def test_wrong_comparison(finished, tmp_path):
    assert "the following arguments are required: RUN" in fails("compare", status=2)
    assert f"{tmp_path} is not a finished run" in fails("compare", tmp_path)
    assert "a run is named twice" in fails("compare", finished, finished)
    of_others = ('{"crowd": {"AP": 0.5}, "codec": {"AP": 0.9}}', '{"sets": {"plain": {"network": {"pckh50": 0.5}}}}')
    for content in ('{"sets": 3}', '{"sets": {}}', *of_others):
        (tmp_path / "metrics.json").write_text(content)
        said = fails("compare", tmp_path)
        assert "does not hold the scores of a run" in said and "give folders that `minipose train` or" in said


def test_summary_lists_networks_and_layers():
    assert json.loads(succeeds("summary", "--list", "--json")) == models.names()
    assert succeeds("summary", "--list").split() == models.names()
    assert succeeds("summary", "--option", "width=8", "--option", "skip=false").splitlines()[-1].startswith("total")
    table = json.loads(succeeds("summary", "hourglass", "--size", 128, "--json"))
    assert table["parameters"] == pretrained.card()["parameters"]
    assert table["layers"][0]["shape"] == [1, 32, 128, 128]


@pytest.mark.parametrize(("arguments", "sentence"), [
    (("hourglas",), "there is no model 'hourglas'"),
    (("--option", "width"), "--option must be NAME=VALUE, as width=16, not 'width'"),
    (("--option", "height=3"), "hourglass has no option 'height'"),
    (("--option", "width=wide"), "width must be an integer"),
    (("--size", "0"), "--size must be from 1 to 4096 pixels, not 0"),
])  # fmt: skip
def test_wrong_summary(arguments, sentence):
    assert sentence in fails("summary", *arguments)


def test_doctor_finds_everything_in_order():
    *lines, last = succeeds("doctor").splitlines()
    assert all(line.startswith("ok ") for line in lines) and len(lines) == 9 and last == "everything works"


def test_doctor_says_what_is_wrong(tmp_path):
    process = command("doctor", MINIPOSE_TILE="mmx")
    failed = [line for line in process.stdout.splitlines() if line.startswith("FAILED")]
    assert process.returncode == 1 and "MINIPOSE_TILE is 'mmx'" in failed[0]
