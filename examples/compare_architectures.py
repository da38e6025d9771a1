"""Train every architecture with every head under one budget, and put them into one table.

    python examples/compare_architectures.py --dry-run
    python examples/compare_architectures.py --jobs 2
    python examples/compare_architectures.py --only 'hourglass-*,resnet-scalar'
    python examples/compare_architectures.py --cluster tcp://host:8786

All runs see the same images in the same number of steps, with the same optimiser; the networks are those of
`minipose train --model NAME --head HEAD`, whose default sizes are alike. It goes on where it stopped, also after
Ctrl-C, and writes into --out (default runs/architectures):

    table.md           parameters, multiply-adds and time of each network; its scores on the four test sets, as mean and
                       spread over the seeds; the lines that it must be compared with; which runs failed, and why
    results.json       the scores, with those of each seed          costs.json     what the networks cost
    pckh50.png         the scores as a picture                      report_score.png
    curves-HEAD.png    loss and validation of all networks with this head
    cells/NAME-SEED/   the run itself, as `minipose train` writes it; what it printed is in cells/NAME-SEED.log
"""

from __future__ import annotations

import json
import sys
from typing import Any

from minipose import models
from minipose.files import write_json
from minipose.train import Config
from minipose.train.studies import (
    Study,
    introduction,
    markdown_table,
    measure_costs,
    missing_runs,
    score_table,
    study_main,
)
from minipose.viz import comparison_curves, study_pictures

HARDEST = "platform"  # the test set on which the gain over the mean pose is told
SAME = {"simple_baseline-scalar": "resnet-scalar"}  # without maps there is nothing to deconvolve
BUDGET = {"epochs": 12, "epoch_size": 6400, "learning_rate": 8e-3, "validation": 256}
BATCH_SIZES = (1, 32)  # images in the passes whose time is measured


def rows() -> dict[str, Config]:
    """One row for each architecture and head, such as "hourglass-scalar"; a network with two names is there once."""
    every = {
        f"{name}-{head}": Config(model=name, head=head, **BUDGET) for name in models.names() for head in models.HEADS
    }
    return {name: config for name, config in every.items() if name not in SAME}


def report(study: Study, results: dict[str, Any]) -> str:
    """Measure what the networks cost, now that nothing else runs, draw the pictures, and return the table."""
    finished = {name: config for name, config in study.configs.items() if "sets" in results["rows"][name]}
    write_json(study.out / "costs.json", measure_costs(finished, BATCH_SIZES, rounds=2 if study.dry else 20))
    costs = json.loads((study.out / "costs.json").read_text(encoding="utf-8"))
    logs = study.logs()
    study_pictures(results, logs, study.out)
    for head in models.HEADS:
        of_head = {name: paths for name, paths in logs.items() if study.configs[name].head == head}
        if of_head:
            comparison_curves(of_head, study.out / f"curves-{head}.png")
    scores = [f"### {title}\n\n{score_table(results, metric)}" for metric, title in
              (("pckh50", "PCKh@0.5"), ("report_score", "report_score"), ("epe_px", "EPE"))]  # fmt: skip
    same = "".join(f"{name} is the same network as {other}.\n" for name, other in SAME.items())
    return "\n".join([introduction(results), costs_table(results, costs), same, *scores, missing_runs(results)])


def costs_table(results: dict[str, Any], costs: dict[str, Any]) -> str:
    """What each network costs, and how many times smaller its report_score is than that of the mean pose."""
    headings = ["network", "parameters", "million multiply-adds", *(f"ms an image, batch {n}" for n in BATCH_SIZES),
                f"mean pose / network, {HARDEST}"]  # fmt: skip
    lines, unrest = [], 1.0
    for name, row in results["rows"].items():
        if name not in costs["networks"]:
            lines.append([name, *["no finished run"] * (len(headings) - 1)])
            continue
        cost = costs["networks"][name]
        times = [cost["milliseconds"][str(n)] for n in BATCH_SIZES]
        unrest = max([unrest, *(time["median"] / time["best"] for time in times)])
        own, mean_pose = (row[part][HARDEST]["report_score"]["mean"] for part in ("sets", "mean_pose"))
        lines.append([name, f"{cost['parameters']:,}", f"{cost['multiply_adds'] / 1e6:.1f}",
                      *(f"{time['best']:.2f}" for time in times), f"{mean_pose / own:.1f}"])  # fmt: skip
    note = (
        f"Times: forward pass on {costs['threads']} threads of {costs['cpu']}, the networks in turns, the best of "
        f"{costs['rounds']} turns each; the median of a network is up to {unrest:.2f} times its best.\n"
    )
    return f"### Networks\n\n{markdown_table(headings, lines)}\n{note}"


if __name__ == "__main__":
    sys.exit(study_main(__doc__, rows(), "runs/architectures", report))
