"""A whole study from the command line: its rows are settings with a name, its columns the seeds."""

from __future__ import annotations

import argparse
import fnmatch
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from minipose.files import atomic_path, write_json
from minipose.train.config import Config, positive
from minipose.train.loop import BEST
from minipose.train.report import TEST_COUNT
from minipose.train.studies.answers import page
from minipose.train.studies.cells import Cell, check_folders, make_cells
from minipose.train.studies.cluster import LOCAL
from minipose.train.studies.results import FINISHED, NOT_RUN, collect
from minipose.train.studies.runner import run_cells

SEEDS = 3
# What the rows of a study are made of: nearly 18,000 images through a narrow hourglass, a minute or two of one core.
BASE = Config(width=16, epochs=6, epoch_size=3000, validation=256, learning_rate=8e-3)
DRY_COUNT = 4  # images of each test set in a dry run


@dataclass(frozen=True)
class Study:
    """The rows of a study, and how they are run.

    Attributes
    ----------
    configs : dict of Config by name
        As the command line changed them; `run` gives them their seeds.
    out : Path
    seeds, jobs, count : int
    cluster : str or None
        As for `run_cells`.
    only : tuple of str
        The names of the rows to run; all rows stand in the table.
    dry : bool
        Whether this is a dry run.
    """

    configs: Mapping[str, Config]
    out: Path
    seeds: int = SEEDS
    jobs: int = 1
    count: int = TEST_COUNT
    cluster: str | None = None
    only: tuple[str, ...] = ()
    dry: bool = False

    @property
    def cells(self) -> list[Cell]:
        """All cells, also those that are not to be run now."""
        return make_cells(self.configs, range(self.seeds))

    def logs(self) -> dict[str, list[Path]]:
        """Return the log.csv of every run that has one, by its row."""
        found: dict[str, list[Path]] = {name: [] for name in self.configs}
        for cell in self.cells:
            found[cell.name] += filter(Path.is_file, [cell.folder(self.out) / "log.csv"])
        return {name: paths for name, paths in found.items() if paths}

    def best(self, name: str) -> list[Path]:
        """Return the best checkpoint of every run of a row that is finished."""
        cells = [cell for cell in self.cells if cell.name == name]
        return [cell.folder(self.out) / BEST for cell in cells if cell.metrics(self.out, self.count)]

    def run(self, say: Callable[[str], object] = print) -> dict[str, Any]:
        """Run what is not finished, and write results.json, which is returned as `collect` gives it.

        Raises
        ------
        ValueError, ImportError, OSError, KeyboardInterrupt
            As `run_cells`.
        """
        check_folders(self.cells, self.out)  # of all rows: those that are not run now stand in the same table
        chosen = [cell for cell in self.cells if cell.name in (self.only or self.configs)]
        failures = run_cells(chosen, self.out, self.jobs, self.cluster, self.count, say)
        results = collect(self.cells, self.out, self.count, failures)
        write_json(self.out / "results.json", results)
        return results


def study_main(
    description: str,
    configs: Mapping[str, Config],
    out: str,
    draw: Callable[[dict[str, Any], dict[str, list[Path]], Path], object],
    compared: Sequence[Sequence[str]] = (),
    report: Callable[[Study, dict[str, Any]], str] | None = None,
    arguments: Sequence[str] | None = None,
) -> int:
    """Run a study as its script's command line says, and write results.json, table.md and pictures into its folder.

    Parameters
    ----------
    description : str
        What --help says of the script, and the head of table.md: its docstring.
    configs : mapping from names of rows to Config
    out : str
        The default folder.
    draw : function of the results, the logs and the folder
        Draws the pictures: `minipose.viz.study_pictures`.
    compared : sequence of texts
        The rows whose difference the table is headed by, as arguments of `difference`.
    report : function of the study and its results, optional
        Returns what else belongs into table.md; it may write files, which are published if that text has a link to
        them.
    arguments : sequence of str, optional
        Default: those of the program.

    Returns
    -------
    int
        The exit status: 0 done, 1 where a run failed or something is wrong, 130 after Ctrl-C.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_study_arguments(parser, out)
    options = parser.parse_args(arguments)
    try:
        study = study_from_arguments(options, configs)
        results = study.run()
        draw(results, study.logs(), study.out)
        _write(study.out / "table.md", page(description, results, compared, report(study, results) if report else ""))
        states = {state for row in results["rows"].values() for state in row["runs"].values()}
        if options.publish and states != {FINISHED}:
            raise RuntimeError(f"--publish: a table with gaps replaces none; see {study.out / 'table.md'} for them")
        if options.publish:
            _publish(study.out, options.publish)
    except KeyboardInterrupt:
        print("interrupted; what is done is saved, and the same command goes on from there", file=sys.stderr)
        return 130
    except (ValueError, RuntimeError, OSError, ArithmeticError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"see {study.out / 'table.md'}")
    return int(not states <= {FINISHED, NOT_RUN})


def add_study_arguments(parser: argparse.ArgumentParser, out: str) -> None:
    """Add the options that all studies share; `out` is the default folder."""
    count, n = TEST_COUNT, {"type": positive(int), "metavar": "N"}
    add = parser.add_argument
    add("--out", type=Path, help=f"folder for the results; a study in it goes on (default {out}, or {out}-dry)")
    add("--seeds", **n, help=f"runs of each row, seeds 0 to N - 1 (default {SEEDS}, in a dry run 1)")
    add("--epochs", **n, help="rounds of training (default: those of each row)")
    add("--jobs", **n, default=1, help="runs at a time, which share the cores; not of a running cluster (default 1)")
    add("--cluster", nargs="?", const=LOCAL, metavar="ADDRESS", help="run on the Dask cluster at this address, whose "
        "workers see --out; without an address on a local one of --jobs workers")  # fmt: skip
    add("--count", **n, default=count, help=f"images of each test set (default {count}; dry run: at most {DRY_COUNT})")
    add("--publish", type=Path, metavar="FOLDER", help="copy the table and all it shows here, if no run is missing")
    add("--only", metavar="NAME,NAME", help="run these rows only, where * stands for any letters; the table has all")
    add("--dry-run", action="store_true", help="a few steps on a few images of every run, to see that everything works")
    parser.set_defaults(default_out=Path(out))


def study_from_arguments(arguments: argparse.Namespace, configs: Mapping[str, Config]) -> Study:
    """Return the study that the command line asks for; a dry run in no folder of its own begins anew.

    Raises
    ------
    ValueError
        If --only names no row, --epochs would make rows alike, or a dry run is to be published.
    """
    dry = arguments.dry_run
    default: Path = arguments.default_out
    if dry and arguments.publish:
        raise ValueError("--publish: the scores of a dry run are worth nothing; leave out --dry-run or --publish")
    if arguments.epochs and len({config.epochs for config in configs.values()}) > 1:
        raise ValueError("--epochs: the rows of this study differ in their epochs, so it cannot be given")
    if dry and arguments.out is None:
        shutil.rmtree(default.with_name(f"{default.name}-dry") / "cells", ignore_errors=True)
    if arguments.epochs:
        configs = {name: replace(config, epochs=arguments.epochs) for name, config in configs.items()}
    if dry:
        configs = {name: config.dry() for name, config in configs.items()}
    return Study(
        configs,
        arguments.out or (default.with_name(f"{default.name}-dry") if dry else default),
        arguments.seeds or (1 if dry else SEEDS),
        arguments.jobs,
        min(arguments.count, DRY_COUNT) if dry else arguments.count,
        arguments.cluster,
        _chosen(arguments.only, configs),
        dry,
    )


def _chosen(only: str | None, configs: Mapping[str, Config]) -> tuple[str, ...]:
    patterns = [pattern.strip() for pattern in (only or "").split(",") if pattern.strip()]
    for pattern in patterns:
        if not fnmatch.filter(configs, pattern):
            raise ValueError(f"--only: there is no row {pattern!r}; there are {', '.join(configs)}")
    return tuple(name for name in configs if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns))


def _publish(out: Path, folder: Path) -> None:
    """Copy table.md and the files that it has links to."""
    text = (out / "table.md").read_text(encoding="utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    for path in out.iterdir():
        if path.name == "table.md" or f"]({path.name})" in text:
            with atomic_path(folder / path.name) as temporary:
                shutil.copyfile(path, temporary)


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text.rstrip() + "\n", encoding="utf-8")
