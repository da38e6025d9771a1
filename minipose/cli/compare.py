"""Put the scores of several finished runs side by side, and their training curves into one picture.

A run is a folder that `minipose train` wrote: its scores are in metrics.json, its curves in log.csv.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

EXAMPLES = """examples:
  minipose compare runs/narrow runs/wide
  minipose compare runs/* --metric report_score --plot curves.png
"""
METRICS = ("pckh50", "epe_px", "report_score")
OF_THE_TEST = ("size", "cue", "style", "placement", "back_p")  # settings that say what the test images look like


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders of finished runs")
    parser.add_argument("--metric", choices=METRICS, default="pckh50", help="which score (default pckh50)")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="also draw loss and validation of all runs")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(arguments: argparse.Namespace) -> int:
    """Print the table, and draw the picture where one is asked for."""
    metrics = {str(folder): _metrics(folder) for folder in arguments.runs}
    if len(metrics) < len(arguments.runs):
        raise ValueError("compare: a run is named twice")
    if arguments.plot:
        from minipose.viz import comparison_curves

        comparison_curves({name: Path(name) / "log.csv" for name in metrics}, arguments.plot)
    scores = {name: {s: v[arguments.metric] for s, v in m["sets"].items()} for name, m in metrics.items()}
    if arguments.json:
        print(json.dumps(scores, indent=2))
    else:
        print(_table(arguments.metric, scores, metrics))
    for first, second in _equal(scores):
        print(
            f"warning: {first} and {second} have the same score in every set: is one a copy of the other?",
            file=sys.stderr,
        )
    if differing := _differing(metrics):
        print(f"warning: the runs have other test images, so compare with care: {differing}", file=sys.stderr)
    return 0


def _metrics(folder: Path) -> dict[str, Any]:
    path = folder / "metrics.json"
    if not path.is_file():
        raise FileNotFoundError(f"compare: {folder} is not a finished run: there is no {path}")
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
        sets = metrics["sets"].values()
        if sets and all(isinstance(values[m], float) for values in sets for m in METRICS):
            return metrics
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise ValueError(
        f"compare: {path} does not hold the scores of a run of `minipose train`, but something else, perhaps of "
        "another program; give folders that `minipose train` or examples/train_hourglass.py wrote"
    )


def _table(metric: str, scores: dict[str, dict[str, float]], metrics: dict[str, dict[str, Any]]) -> str:
    """The runs' scores, and under a line those that they must be compared with."""
    sets = list(dict.fromkeys(name for values in scores.values() for name in values))
    below = _references(metric, metrics)
    width = max(len(name) for name in [metric, *scores, *below]) + 2
    heading = f"{metric:<{width}}" + "".join(f"{name:>{len(name) + 8}}" for name in sets) + f"{'parameters':>14}"
    rows = [_row(name, width, sets, values) + f"{metrics[name].get('parameters', '-'):>14}"
            for name, values in scores.items()]  # fmt: skip
    return "\n".join(
        [heading, *rows, "-" * len(heading), *(_row(name, width, sets, values) for name, values in below.items())]
    )


def _row(name: str, width: int, sets: list[str], values: dict[str, float]) -> str:
    cells = ((s, f"{values[s]:.3f}" if s in values else "-") for s in sets)
    return f"{name:<{width}}" + "".join(f"{cell:>{len(s) + 8}}" for s, cell in cells)


def _references(metric: str, metrics: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """The reference lines of all runs; those that are equal stand once."""
    from minipose.train import REFERENCES

    lines: dict[str, dict[str, float]] = {}
    for key, label in REFERENCES.items():
        of_runs = {run: {s: v[metric] for s, v in m.get(key, {}).items()} for run, m in metrics.items() if m.get(key)}
        if len({json.dumps(values) for values in of_runs.values()}) == 1:
            of_runs = {"": next(iter(of_runs.values()))}
        lines |= {label + (f", {run}" if run else ""): values for run, values in of_runs.items()}
    return lines


def _differing(metrics: dict[str, dict[str, Any]]) -> str:
    """In what the test images of the runs differ, "size 64 (a, b) and 96 (c)"; "" where they are alike."""
    from minipose.train import Config

    runs: dict[str, dict[str, Any]] = {}
    for name, of_run in metrics.items():
        path = Path(name) / "config.json"
        config = vars(Config.load(path)) if path.is_file() else {}  # scores may have been copied without it
        counts = {values["poses"] for values in of_run["sets"].values() if "poses" in values}
        runs[name] = {s: config[s] for s in OF_THE_TEST if s in config}
        runs[name]["images of each set"] = ", ".join(map(str, sorted(counts))) or None
    texts = []
    for setting in (*OF_THE_TEST, "images of each set"):
        by_value: dict[Any, list[str]] = {}
        for name, values in runs.items():
            if values.get(setting) is not None:
                by_value.setdefault(values[setting], []).append(name)
        if len(by_value) > 1:
            texts.append(f"{setting} " + " and ".join(f"{v} ({', '.join(names)})" for v, names in by_value.items()))
    return "; ".join(texts)


def _equal(scores: dict[str, dict[str, float]]) -> list[tuple[str, str]]:
    names = list(scores)
    return [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if scores[a] == scores[b]]
