"""A figure laid out in screen pixels, and its way into a PNG file.

Figures are made without pyplot, which keeps them alive in a global list and looks for a display.
"""

from __future__ import annotations

import os
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from minipose.files import atomic_path

DOTS_PER_INCH = 128  # a power of two, so that inches give whole pixels back exactly


def new_figure(width: int, height: int, **options: object) -> Figure:
    """Make a white figure of `width` x `height` screen pixels; `options` go to matplotlib's Figure."""
    size = width / DOTS_PER_INCH, height / DOTS_PER_INCH
    figure = Figure(figsize=size, dpi=DOTS_PER_INCH, facecolor="white", **options)
    FigureCanvasAgg(figure)
    return figure


def add_panel(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes at a place in screen pixels, counted from the figure's top left corner."""
    figure_width, figure_height = figure.get_size_inches() * DOTS_PER_INCH
    bottom = figure_height - top - height
    return figure.add_axes((left / figure_width, bottom / figure_height, width / figure_width, height / figure_height))


def add_text(figure: Figure, left: float, baseline: float, text: str, **options: object) -> None:
    """Write one line from a place in screen pixels on; `options` go to matplotlib's Text."""
    figure_width, figure_height = figure.get_size_inches() * DOTS_PER_INCH
    # A "$" in a title is a dollar, not the beginning of a formula.
    style = {"fontsize": 8, "color": "black", "parse_math": False} | options
    figure.text(left / figure_width, 1 - baseline / figure_height, text, **style)


def check_png(path: str | os.PathLike, caller: str) -> None:
    """Raise ValueError, before any work is done, if the name does not end in .png."""
    if Path(path).suffix.lower() != ".png":
        raise ValueError(f"{caller}: path must end in .png, got {os.fspath(path)!r}")


def save_png(figure: Figure, path: str | os.PathLike) -> None:
    """Write the figure; the same figure gives the same bytes."""
    with atomic_path(path) as temporary:
        figure.canvas.print_png(temporary, metadata={"Software": None})
