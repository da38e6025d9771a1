"""How should a decoder double the size? By transposed convolutions of kernel 1 to 4, or by interpolation.

    python examples/study_decoders.py --jobs 2 --publish docs/experiments/decoders

A transposed convolution of stride 2 lays its kernel down at every second pixel of the result. With kernel 1 three
pixels in four get nothing, and with kernel 3 some get one tap, some two and some four: the grid that the report saw,
and the checkerboard of Odena et al. (2016). With kernel 2 each pixel gets one tap, with kernel 4 four.

"bilinear" interpolates. "maxpool" does so too, and goes down by max pooling instead of strides (the report's other
hourglass), at twice the multiply-adds: it is compared with "bilinear", as it differs from the others in both.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import minipose
from minipose.nn import functional as F
from minipose.train.studies import BASE, Study, markdown_table, study_main
from minipose.viz import study_pictures
from minipose.viz.canvas import new_figure, save_png

KERNELS = {1: (0, 1), 2: (0, 0), 3: (1, 1), 4: (1, 0)}  # kernel: padding and output_padding that double the size
ROWS = {
    **{f"transposed-{kernel}": replace(BASE, options={"kernel": kernel}) for kernel in reversed(KERNELS)},
    "bilinear": replace(BASE, options={"decoder": "bilinear"}),
    "maxpool": replace(BASE, options={"decoder": "maxpool"}),
}
COMPARED = [
    *(("transposed-4", other) for other in ("transposed-3", "transposed-2", "transposed-1", "bilinear")),
    ("bilinear", "maxpool"),
]


def taps(kernel: int, size: int = 8) -> np.ndarray:
    """Return how many taps of a transposed convolution of stride 2 each pixel (2 size, 2 size) of its result gets."""
    padding, output_padding = KERNELS[kernel]
    ones, weight = minipose.ones(1, 1, size, size), minipose.ones(1, 1, kernel, kernel)
    return F.conv_transpose2d(ones, weight, None, 2, padding, output_padding).data[0, 0]


def draw() -> Figure:
    """Draw the number of taps of each kernel as an image."""
    figure = new_figure(1280, 360, layout="constrained")
    for axes, kernel in zip(figure.subplots(1, len(KERNELS)), KERNELS, strict=True):
        image = axes.imshow(taps(kernel), vmin=0, vmax=4, cmap="viridis")
        axes.set_title(f"kernel {kernel}", fontsize=10)
        axes.axis("off")
    figure.colorbar(image, ax=figure.axes, label="taps", ticks=range(5))
    return figure


def report(study: Study, results: dict[str, Any]) -> str:
    save_png(draw(), study.out / "taps.png")
    lines = []
    for kernel in KERNELS:
        inside = taps(kernel)[2:-2, 2:-2]
        lines.append([str(kernel), f"{(inside > 0).mean():.0%}", f"{inside.min():.0f}", f"{inside.max():.0f}"])
    table = markdown_table(["kernel", "pixels reached", "fewest taps inside", "most taps inside"], lines)
    caption = "Taps of each pixel of a 16 x 16 result. With kernels 3 and 4 its border gets fewer."
    return f"## Taps\n\n{table}\n{caption}\n\n![Taps of each pixel](taps.png)\n"


if __name__ == "__main__":
    sys.exit(study_main(__doc__, ROWS, "runs/studies/decoders", study_pictures, COMPARED, report))
