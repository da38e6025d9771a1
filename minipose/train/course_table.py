"""The report's table, and what can be had on the course's test sets without looking at them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minipose.data import COURSE_SETS

# report_score on test1 to test4, lower is better. The report left ResNet heatmap, SE-Net heatmap and Inception scalar
# empty; its rows of Inception heatmap and Hourglass scalar are the same to the last digit.
REPORT_ROWS = {
    "SE-Net, scalar": (1.27, 1.20, 1.24, 1.25),
    "MobileNetV2, heatmap": (1.38, 1.34, 1.33, 1.30),
    "ResNet, scalar": (1.51, 1.47, 1.44, 1.43),
    "MobileNetV2, scalar": (1.50, 1.51, 1.48, 1.51),
    "U-Net, heatmap": (1.54, 1.52, 1.52, 1.51),
    "Inception, heatmap": (1.57, 1.63, 1.63, 1.59),
    "Hourglass, scalar": (1.57, 1.63, 1.63, 1.59),
    "Hourglass, heatmap": (1.77, 1.52, 1.48, 1.62),
    "U-Net, scalar": (2.09, 2.14, 2.06, 2.13),
}
# Computed of the course's poses: 3,519 of the test file in four parts, and the mean of its training poses.
COURSE_LINES = {
    "perfect, but right is image left": (0.439, 0.394, 0.433, 0.583),
    "mean pose of the course": (1.235, 1.227, 1.247, 1.244),
    "perfect, but x and y exchanged": (2.295, 2.284, 2.317, 2.327),
}


def course_table(report: Mapping[str, Any], name: str = "this network") -> str:
    """Return the report_score of a network on the course's sets as text, beside the report's rows.

    Parameters
    ----------
    report : dict
        As `evaluate_sets` returns it for some of `COURSE_SETS`.
    name : str
        What the network's row is called.
    """
    own = {name: report["sets"], "mean pose of its training figures": report.get("mean_pose", {})}
    blocks = [
        {row: [sets.get(s, {}).get("report_score") for s in COURSE_SETS] for row, sets in own.items() if sets},
        COURSE_LINES,
        {f"report: {row}": values for row, values in REPORT_ROWS.items()},
    ]
    width = max(len(row) for block in blocks for row in block) + 2
    heading = f"{'report_score':<{width}}" + "".join(f"{s:>9}" for s in COURSE_SETS)
    lines = [heading]
    for block, decimals in zip(blocks, (3, 3, 2), strict=True):
        lines += ["-" * len(heading)] if block is not blocks[0] else []
        lines += [f"{row:<{width}}" + "".join(_cell(v, decimals) for v in values) for row, values in block.items()]
    return "\n".join(lines)


def _cell(value: float | None, decimals: int) -> str:
    return f"{'-' if value is None else format(value, f'.{decimals}f'):>9}"
