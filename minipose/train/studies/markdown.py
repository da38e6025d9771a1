"""The results of a study as Markdown: a table for each metric, and below it what is missing, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minipose.train.report import TEST_SETS
from minipose.train.studies.cells import REFERENCES
from minipose.train.studies.results import FINISHED
from minipose.train.tables import COLUMNS
from minipose.train.tables import REFERENCES as LABELS

SHOWN = ("pckh50", "epe_px", "report_score")
BUDGET = {"epochs": "epochs {}", "images": "images in each {}", "batch_size": "batch size {}", "set": "set {}",
          "learning_rate": "learning rate {}", "size": "image size {}"}  # fmt: skip
BETTER = {"epe_px": "lower is better", "report_score": "lower is better"}


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown; the first column is aligned to the left, all others to the right.

    Raises
    ------
    ValueError
        If a row has another number of cells than there are headings, or an empty one.
    """
    lines = [[_escape(cell) for cell in row] for row in (headings, *rows)]
    for row in lines:
        if len(row) != len(headings) or not all(row):
            raise ValueError(f"markdown_table: each row must have {len(headings)} cells, none of them empty, not {row}")
    widths = [max(len(row[i]) for row in lines) for i in range(len(headings))]
    rule = ["-" * max(3, widths[0]), *("-" * max(2, width - 1) + ":" for width in widths[1:])]
    text = [
        "| " + " | ".join(cell.rjust(width) if i else cell.ljust(width)
                          for i, (cell, width) in enumerate(zip(row, widths, strict=True))) + " |"
        for row in (lines[0], rule, *lines[1:])
    ]  # fmt: skip
    return "\n".join(text) + "\n"


def _escape(cell: str) -> str:
    return " ".join(str(cell).split()).replace("|", r"\|")


def number(value: Mapping[str, Any] | None, decimals: int = 3) -> str:
    """Return what `spread` returned as "0.985 ± 0.003"; of one value without a spread, of none "not measured"."""
    if value is None or value["mean"] is None:
        return "not measured"
    spread = "" if value["spread"] is None else f" ± {value['spread']:.{decimals}f}"
    return f"{value['mean']:.{decimals}f}{spread}"


def score_tables(results: Mapping[str, Any], metrics: Sequence[str] = SHOWN) -> str:
    """Return the scores of a study, as `collect` returns them, with the reference lines and what is missing."""
    parts = [_introduction(results)]
    parts += [f"## {_heading(metric)}\n\n{score_table(results, metric)}" for metric in metrics]
    if len({row.get("multiply_adds") for row in results["rows"].values()}) > 1:
        parts.append(f"## Sizes\n\n{size_table(results)}")
    return "\n".join([*parts, _missing_runs(results)])


def _introduction(results: Mapping[str, Any]) -> str:
    """Return what the numbers of the tables are, and the budget of each run, as far as all rows share it."""
    rows = results["rows"].values()
    most = max(len(row["runs"]) for row in rows)
    over = f"Mean ± standard deviation over {most} seeds" if most > 1 else "One seed, so there is no spread"
    configs = [row["config"] for row in rows]
    configs = [c | {"images": c["epoch_size"] // c["batch_size"] * c["batch_size"]} for c in configs]  # whole batches
    settings = {key: {str(config[key]) for config in configs} for key in BUDGET}
    budget = ", ".join(text.format(*settings[key]) for key, text in BUDGET.items() if len(settings[key]) == 1)
    return f"{over}; {results['count']} images in each test set. Each run: {budget}.\n"


def score_table(results: Mapping[str, Any], metric: str) -> str:
    """Return one metric of all rows and test sets; below the rows what they must be compared with."""
    decimals = COLUMNS[metric][1]
    rows = [[name + _share(row), *_scores(row, "sets", metric, decimals)] for name, row in results["rows"].items()]
    for part in REFERENCES:
        groups: dict[tuple[str, ...], list[str]] = {}
        for name, row in results["rows"].items():
            if part in row:
                groups.setdefault(tuple(_scores(row, part, metric, decimals)), []).append(name)
        for cells, names in groups.items():
            rows.append([f"*{LABELS[part]}{_which(names, results) if len(groups) > 1 else ''}*", *cells])
    return markdown_table([_heading(metric), *TEST_SETS], rows)


def size_table(results: Mapping[str, Any]) -> str:
    """Return the parameters of each row's network, and its multiply-adds for one image."""
    lines = [
        [name, f"{row['parameters']:,}", f"{row['multiply_adds'] / 1e6:.1f}"]
        if "sets" in row else [name, *["no finished run"] * 2]
        for name, row in results["rows"].items()
    ]  # fmt: skip
    return markdown_table(["network", "parameters", "million multiply-adds an image"], lines)


def _missing_runs(results: Mapping[str, Any]) -> str:
    """Return a list of the runs that did not finish, and why, and of the errors found in those that did; or ""."""
    lines = [
        f"- {name}, seed {seed}: {_escape(state)}"
        for name, row in results["rows"].items()
        for seed, state in row["runs"].items()
        if state != FINISHED
    ]
    found = [f"- {_escape(message)}" for message in results["suspicious"]]
    text = "## Missing runs\n\n" + "\n".join(lines) + "\n\n" if lines else ""
    return text + ("## Suspicious scores\n\n" + "\n".join(found) + "\n" if found else "")


def _scores(row: Mapping[str, Any], part: str, metric: str, decimals: int) -> list[str]:
    if part not in row:
        return ["no finished run"] * len(TEST_SETS)
    return [number(row[part][name][metric], decimals) for name in TEST_SETS]


def _share(row: Mapping[str, Any]) -> str:
    """Tell of how many runs the mean is, where it is not of all."""
    finished = sum(state == FINISHED for state in row["runs"].values())
    return "" if finished in (0, len(row["runs"])) else f" ({finished} of {len(row['runs'])} seeds)"


def _heading(metric: str) -> str:
    better = BETTER.get(metric)
    return COLUMNS[metric][0] + (f", {better}" if better else "")


def _which(names: Sequence[str], results: Mapping[str, Any]) -> str:
    """Tell for which rows a reference line is: by a setting that has other values in all others, or by name."""
    rows = {name: row["config"] for name, row in results["rows"].items() if "sets" in row}
    configs = {name: {**config, "options": None, **(config["options"] or {})} for name, config in rows.items()}
    told = []
    for key in configs[names[0]]:
        outside = {str(config.get(key)) for name, config in configs.items() if name not in names}
        inside = list(dict.fromkeys(str(configs[name].get(key)) for name in names))
        if not outside & set(inside):
            told.append((len(inside), f"{key} {' or '.join(inside)}"))
    return ", " + min(told, default=(0, ", ".join(names)), key=lambda one: one[0])[1]
