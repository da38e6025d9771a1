"""Find the joints of one figure in each of your own pictures.

Writes, for each picture, a PNG with the pose drawn over it, and predictions.json with all joints. Without --run, the
network that comes with minipose is used; it knows stick figures like those of `minipose render`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from minipose.files import write_json

EXAMPLES = """examples:
  minipose predict picture.png
  minipose predict pictures/ --run runs/hourglass --out poses
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    add = parser.add_argument
    add("pictures", nargs="+", type=Path, metavar="IMAGE|FOLDER", help="pictures, or folders of them")
    add("--run", type=Path, help="a trained network: the folder of its run, or a .safetensors file (default: shipped)")
    add("--out", type=Path, default=Path("predictions"), help="folder for the results (default predictions)")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="cuda needs an NVIDIA GPU and CuPy (default cpu)")


def run(arguments: argparse.Namespace) -> int:
    """Write the pictures and predictions.json; leave out, and name, what cannot be read as a picture."""
    from minipose.cli.runs import open_run
    from minipose.data.images import image_files, read_image
    from minipose.train.pictures import predict_pictures
    from minipose.viz import pose_sheet

    if any(path.is_dir() and path.resolve() == arguments.out.resolve() for path in arguments.pictures):
        raise ValueError(
            f"--out {arguments.out} is a folder of pictures to look at, among which the results would be taken for "
            "pictures the next time; choose another one"
        )
    if arguments.out.exists() and not arguments.out.is_dir():
        raise ValueError(f"--out {arguments.out} is a file; the results need a folder")
    files = [f for path in arguments.pictures for f in (image_files(path) if path.is_dir() else [path])]
    trained = open_run(arguments.run)
    model = trained.model.to(arguments.device)
    arguments.out.mkdir(parents=True, exist_ok=True)
    results, failures = [], 0
    for file, overlay in zip(files, _overlays(files, arguments.out), strict=True):
        try:
            image = read_image(file)
        except (OSError, ValueError) as error:
            print(f"minipose predict: error: {error}", file=sys.stderr)
            failures += 1
            continue
        points, scores = predict_pictures(model, [image], trained.size, trained.codec)
        pose_sheet([image], [points], overlay, panel=768)
        results.append(_result(file, image.shape[:2], points[0], scores[0]))
        print(f"{file}: mean peak {scores.mean():.2f}, see {overlay}")
    if results:
        write_json(arguments.out / "predictions.json", results)
    return 1 if failures else 0


def _overlays(files: list[Path], folder: Path) -> list[Path]:
    """One file for each picture: a.png gives a_pose.png, and where there is an a.jpg too, a.jpg_pose.png."""
    stems = [file.stem for file in files]
    names = [f.stem if stems.count(f.stem) == 1 else f.name for f in files]
    if len(set(names)) < len(names):
        double = next(f for f, name in zip(files, names, strict=True) if names.count(name) > 1)
        raise ValueError(f"two of the pictures are called {double.name}; give their folders one after the other")
    return [folder / f"{name}_pose.png" for name in names]


def _result(file: Path, size: tuple[int, int], points: Any, scores: Any) -> dict[str, Any]:
    from minipose.pose import STICK_FIGURE

    joints = {
        name: {"x": round(float(x), 2), "y": round(float(y), 2), "score": round(float(score), 4)}
        for name, (x, y), score in zip(STICK_FIGURE.names, points, scores, strict=True)
    }
    return {"file": str(file), "height": size[0], "width": size[1], "joints": joints}
