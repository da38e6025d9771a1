"""Which network finds the joints best? Every architecture with every head, trained under one budget.

    python examples/compare_architectures.py --jobs 2 --publish docs/experiments/architectures
    python examples/compare_architectures.py --only 'hourglass-*,resnet-scalar'
    python examples/compare_architectures.py --cluster tcp://host:8786

All runs see the same images in the same number of steps, with the same optimiser and one learning rate, which was not
sought for each network. The networks are those of `minipose train --model NAME --head HEAD`; they have 0.2 to 1 million
parameters and 27 to 120 million multiply-adds an image. It goes on where it stopped, also after Ctrl-C, and writes into
--out (default runs/architectures):

    table.md           the scores on the four test sets, as mean and spread over the seeds; the lines that they must be
                       compared with; parameters, multiply-adds and time of each network; which runs failed, and why
    results.json       the scores, with those of each seed
    costs.json         what the networks cost
    pckh50.png         the scores as a picture, as report_score.png
    curves-HEAD.png    loss and validation of all networks with this head
    cells/NAME-SEED/   the run itself, as `minipose train` writes it; what it printed is in cells/NAME-SEED.log
"""

from __future__ import annotations

import sys
from typing import Any

from minipose import models
from minipose.files import write_json
from minipose.train import Config
from minipose.train.studies import HARDEST, Study, markdown_table, measure_costs, study_main
from minipose.viz import comparison_curves, study_pictures

SAME = {"simple_baseline-scalar": "resnet-scalar"}  # without maps there is nothing to deconvolve
BUDGET = {"epochs": 14, "epoch_size": 6400, "learning_rate": 4e-3, "validation": 256}
BATCH_SIZES = (1, 32)  # images in the passes whose time is measured


def rows() -> dict[str, Config]:
    """One row for each architecture and head, such as "hourglass-scalar"; a network with two names is there once."""
    every = {
        f"{name}-{head}": Config(model=name, head=head, **BUDGET) for name in models.names() for head in models.HEADS
    }
    return {name: config for name, config in every.items() if name not in SAME}


def report(study: Study, results: dict[str, Any]) -> str:
    """Measure what the networks cost, now that nothing else runs, draw the curves, and return the table of costs."""
    finished = {name: config for name, config in study.configs.items() if "sets" in results["rows"][name]}
    costs = measure_costs(finished, BATCH_SIZES, rounds=2 if study.dry else 20)
    write_json(study.out / "costs.json", costs)
    pictures = ["report_score.png"] if finished else []
    lacking = {name.rpartition("-")[0] for name in SAME}
    logs = sorted(study.logs().items(), key=lambda item: study.configs[item[0]].model in lacking)
    for head in models.HEADS:  # a network that lacks a head comes last, so that the others keep their colours
        of_head = {name: paths for name, paths in logs if study.configs[name].head == head}
        if of_head:
            pictures.append(f"curves-{head}.png")
            comparison_curves(of_head, study.out / pictures[-1])
    same = "".join(f"{name} is the same network as {other}.\n" for name, other in SAME.items())
    shown = "".join(f"![{name.removesuffix('.png')}]({name})\n" for name in pictures)
    return "\n".join([costs_table(results, costs), same, shown])


def costs_table(results: dict[str, Any], costs: dict[str, Any]) -> str:
    """How long each network takes, and how many times smaller its report_score is than that of the mean pose."""
    headings = ["network", *(f"ms an image, batch {n}" for n in BATCH_SIZES),
                f"mean pose / network, {HARDEST}"]  # fmt: skip
    lines, unrest = [], 1.0
    for name, row in results["rows"].items():
        if name not in costs["networks"]:
            lines.append([name, *["no finished run"] * (len(headings) - 1)])
            continue
        times = [costs["networks"][name]["milliseconds"][str(n)] for n in BATCH_SIZES]
        unrest = max([unrest, *(time["median"] / time["best"] for time in times)])
        own, mean_pose = (row[part][HARDEST]["report_score"]["mean"] for part in ("sets", "mean_pose"))
        lines.append([name, *(f"{time['best']:.2f}" for time in times), f"{mean_pose / own:.1f}"])
    note = (
        f"Times: forward pass on {costs['threads']} threads of {costs['cpu']}, the networks in turns, the best of "
        f"{costs['rounds']} turns each; the median of a network is up to {unrest:.2f} times its best.\n"
    )
    table = markdown_table(headings, lines)
    return f"## Time, and the mean pose\n\n{table}\n{note}The numbers: [costs.json](costs.json).\n"


if __name__ == "__main__":
    sys.exit(study_main(__doc__, rows(), "runs/architectures", study_pictures, report=report))
