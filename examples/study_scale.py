"""What if training figures are smaller than those of the test? The mistake behind the report's scores, on purpose.

    python examples/study_scale.py --jobs 2 --publish docs/experiments/scale

"small" is trained on figures of 20 to 40 % of the image, as the report's generator drew them by accident; "full" on
those of 55 to 100 %, as the test sets have them; "augmented" on the latter, turned, scaled and recoloured at random.
All have black backgrounds in training, so "shapes" and "platform" measure something else as well. The last table has a
test set of small figures, "shift", beside "plain".
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from minipose.train import evaluate, load_checkpoint, make_test_sets
from minipose.train.studies import BASE, Study, markdown_table, number, spread, study_main
from minipose.viz import study_pictures

ROWS = {
    "full": replace(BASE, set="plain"),
    "small": replace(BASE, set="shift"),
    "augmented": replace(BASE, set="plain", augment=True),
}
COMPARED = [("full", "small", "report_score", "plain"), ("augmented", "full", "report_score", "plain")]
SETS = ("plain", "shift")
METRICS = {"pckh50": "PCKh@0.5", "report_score": "report_score"}


def report(study: Study, results: dict[str, Any]) -> str:
    lines = []
    for name, config in study.configs.items():
        models = [load_checkpoint(path).build() for path in study.best(name)]
        scores = {s: [evaluate(m, figures) for m in models]
                  for s, figures in make_test_sets(config, SETS, study.count).items()}  # fmt: skip
        lines.append([name, *(number(spread([v[metric] for v in scores[s]])) for metric in METRICS for s in SETS)])
    headings = [f"{title}, {s}" for title in METRICS.values() for s in SETS]
    table = markdown_table(["trained on", *headings], lines)
    picture = "![report_score of every row, its runs and their mean](report_score.png)"
    return f"## Figures of full size, and small ones\n\n{table}\n{picture}\n"


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/scale", study_pictures, COMPARED, report))
