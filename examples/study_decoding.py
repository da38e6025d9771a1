"""How should a heatmap be read? By its highest cell, by its neighbours, or by the Gaussian around it (DARK).

    python examples/study_decoding.py --jobs 2 --publish docs/experiments/decoding

The networks are trained once, with maps of a half and of a quarter of the image's side; the same maps of the same
networks are then read in three ways.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from minipose.files import write_json
from minipose.train import default_codec, evaluate, load_checkpoint, make_test_sets
from minipose.train.studies import BASE, HARDEST, Study, markdown_table, number, spread, study_main
from minipose.viz import study_pictures, study_points

ROWS = {f"stride-{stride}": replace(BASE, options={"output_stride": stride}) for stride in (2, 4)}
DECODERS = ("argmax", "quarter", "dark")
METRICS = {"pckh50": "PCKh@0.5", "pckh10": "PCKh@0.1", "epe_px": "EPE (px)"}


def decoded(study: Study, name: str, decoder: str) -> list[dict[str, Any]]:
    """Return the scores of a row's finished runs with a decoder."""
    config, scores = study.configs[name], []
    figures = make_test_sets(config, [HARDEST], study.count)[HARDEST]
    for path in study.best(name):
        model = load_checkpoint(path).build()
        scores.append(evaluate(model, figures, default_codec(model, (config.size,) * 2, config.sigma, decoder)))
    return scores


def report(study: Study, results: dict[str, Any]) -> str:
    """Score the networks once more with each decoder, and return a table; write decoders.json and pckh10.png."""
    rows = {}
    for name in study.configs:
        for decoder in DECODERS:
            scores = decoded(study, name, decoder)
            rows[f"{name}, {decoder}"] = {metric: spread([score[metric] for score in scores]) for metric in METRICS}
    results = {"rows": {row: {"sets": {HARDEST: own}} for row, own in rows.items()}}
    write_json(study.out / "decoders.json", results)
    study_points(results, "pckh10", study.out / "pckh10.png")
    lines = [[row, *(number(score) for score in own.values())] for row, own in rows.items()]
    table = markdown_table([HARDEST, *METRICS.values()], lines)
    picture = "![PCKh@0.1 with each decoder](pckh10.png)"
    numbers = "The tables before it are of DARK. The numbers: [decoders.json](decoders.json)."
    return f"## Decoders\n\n{table}\n{picture}\n\n{numbers}\n"


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/decoding", study_pictures, report=report))
