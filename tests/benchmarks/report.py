"""The results as tables in Markdown, as text and as plots."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

SIDES = ("minipose", "torch")
MIB = 2**20
RATIO_TICKS = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1, 1.4, 2, 3, 4, 5, 7, 10)


def geometric_mean(values: Iterable[float]) -> float:
    """Return exp of the mean of the logarithms; the mean of ratios that does not depend on which is on top."""
    logs = [math.log(v) for v in values]
    return math.exp(sum(logs) / len(logs))


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return, over rows of the layer table, geometric mean and least of the shares and of the ratios.

    The contractions are those of 32 channels and more, by measure; the memory-bound layers are all.
    """
    chosen = {f"contractions, {m}": [r for r in rows if r["wide"] and r["measure"] == m]
              for m in ("forward", "input gradient", "weight gradient")}  # fmt: skip
    chosen["memory-bound"] = [r for r in rows if r["kind"] == "memory"]
    result: dict[str, Any] = {"peak_flops": max(r["limit"] for r in rows if r["kind"] == "contraction")}
    for name, group in chosen.items():
        result[name] = {"rows": len(group), "ratio": geometric_mean(r["ratio"]["min"] for r in group)}
        for side in SIDES:
            shares = [r["share"][side] for r in group]
            result[name][side] = {"share": geometric_mean(shares), "least": min(shares)}
    return result


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown, the first column to the left and the others to the right, padded to be read as is."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]

    def padded(line: Sequence[str]) -> str:
        cells = [c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))]
        return f"| {' | '.join(cells)} |"

    rule = "|".join(("-" * (w + 2)) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths))
    return "\n".join([padded(lines[0]), f"|{rule}|", *map(padded, lines[1:])])


def _time(times: dict[str, float]) -> str:
    decimals = 1 if times["min"] >= 0.01 else 3
    return f"{1e3 * times['min']:.{decimals}f} / {1e3 * times['median']:.{decimals}f}"


def _ratio(ratio: dict[str, float]) -> str:
    return f"{ratio['min']:.2f} / {ratio['median']:.2f}"


def _network_rows(networks: dict[str, Any], work: str) -> list[list[str]]:
    rows = []
    for n in networks.values():
        times, name = n[work], f"{n['title']}, {n['batch']} x {n['size']}²"
        theirs = times[times["best"]]
        ours = [name, _time(times["minipose"]), _time(theirs), times["best"].replace("_", " "), _ratio(times["ratio"])]
        compiled = ["not available"] * 2
        if "compile" in times:
            compiled = [_time(times["compile"]), _ratio(times["compile_ratio"])]
        rows.append([*ours, *compiled, *(f"{n['batch'] / t['min']:.0f}" for t in (times["minipose"], theirs))])
    return rows


def _memory_rows(networks: dict[str, Any]) -> list[list[str]]:
    rows = []
    for n in networks.values():
        cells = []
        for side in (*SIDES, "compile"):
            m = n["memory"].get(side)
            cells.append(f"{m['rise'] / MIB:.0f} / {m['peak'] / MIB:.0f}" if m else "not available")
        rise = {side: n["memory"][side]["rise"] for side in SIDES}
        rows.append([n["title"], *cells, f"{rise['torch'] / rise['minipose']:.2f}"])
    return rows


def network_tables(networks: dict[str, Any]) -> str:
    """Return the tables of the networks."""
    times = ["network, batch x size", "minipose, ms", "PyTorch, ms", "its form", "ratio", "torch.compile, ms", "ratio",
             "images/s", "PyTorch's"]  # fmt: skip
    memory = ["network", "minipose, MiB", "PyTorch, MiB", "torch.compile, MiB", "ratio of rises"]
    pieces = [
        ("Training step", table(times, _network_rows(networks, "step"))),
        ("Forward", table(times, _network_rows(networks, "forward"))),
        ("Memory of a training step", table(memory, _memory_rows(networks))),
    ]
    text = "\n\n".join(f"### {title}\n\n{body}" for title, body in pieces)
    missing = {n["title"]: n["compile_missing"] for n in networks.values() if n["compile_missing"]}
    for title, reason in missing.items():
        text += f"\n\n`torch.compile`, {title}: not available ({reason.replace('`', '')})."
    return text + "\n"


def _layer_row(row: dict[str, Any]) -> list[str]:
    theirs, share = row[row["best"]], row["share"]
    unit = "GFLOP/s" if row["kind"] == "contraction" else "GB/s"
    return [row["layer"], row["measure"], _time(row["minipose"]), _time(theirs), _ratio(row["ratio"]),
            f"{row['limit'] / 1e9:.0f} {unit}", f"{share['minipose']:.0%}", f"{share['torch']:.0%}"]  # fmt: skip


def layer_tables(rows: Sequence[dict[str, Any]], totals: dict[str, Any]) -> str:
    """Return the table of what the goals speak of, and the table of the layers."""
    head = ["", "rows", "ratio", "share, mean", "least", "PyTorch's, mean", "least"]
    lines = []
    for name, group in totals.items():
        if isinstance(group, dict):
            shares = [f"{group[side][kind]:.0%}" for side in SIDES for kind in ("share", "least")]
            lines.append([name, str(group["rows"]), f"{group['ratio']:.2f}", *shares])
    layers = ["layer", "", "minipose, ms", "PyTorch, ms", "ratio", "limit", "share", "PyTorch's"]
    means = f"### In the geometric mean\n\n{table(head, lines)}"
    return f"{means}\n\n### Layer by layer\n\n{table(layers, map(_layer_row, rows))}\n"


def machine_line(facts: dict[str, Any]) -> str:
    """Return what was measured on, as a sentence."""
    versions = ", ".join(f"{name} {facts[name]}" for name in ("python", "minipose", "numpy", "numba", "torch"))
    share = facts.get("others")
    others = "" if share is None else f" Other programs used {share:.0%} of the cores meanwhile."
    return (f"Measured on {facts['processor']} ({facts['vectors']}), {facts['threads']} threads on {facts['cores']} "
            f"cores, {facts['system']}; {versions}.{others}\n")  # fmt: skip


def text(results: dict[str, Any]) -> str:
    """Return everything that was measured."""
    pieces = [machine_line(results["machine"])]
    if results["networks"]:
        pieces.append(network_tables(results["networks"]))
    if "layers" in results:
        pieces.append(layer_tables(results["layers"], results["summary"]))
    return "\n".join(pieces)


def write(results: dict[str, Any], folder: Path) -> None:
    """Write the tables and plots of what was measured."""
    line = machine_line(results["machine"]) + "\n"
    if results["networks"]:
        (folder / "networks.md").write_text(line + network_tables(results["networks"]), encoding="utf-8")
        plot_networks(results["networks"], folder / "networks.png")
    if "layers" in results:
        (folder / "layers.md").write_text(line + layer_tables(results["layers"], results["summary"]), encoding="utf-8")
        plot_layers(results["layers"], folder / "layers.png")


def _axes(count: int, title: str) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 1.2 + 0.3 * count), layout="constrained")
    axis = figure.subplots()
    axis.axvline(1, color="black", linewidth=1)
    axis.set_xlabel(f"{title}: time of PyTorch / time of minipose (right of the line minipose is faster)")
    axis.grid(axis="x", color="0.9")
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    return figure, axis


def plot_networks(networks: dict[str, Any], path: Path) -> None:
    """Draw the ratios of every network's training step and forward as bars."""
    figure, axis = _axes(2 * len(networks), "networks")
    bars = (("step", "training step", "#1f77b4"), ("forward", "forward", "#a6cee3"))
    for i, (work, label, colour) in enumerate(bars):
        ratios = [n[work]["ratio"]["min"] for n in networks.values()]
        places = [y + 0.4 * i for y in range(len(ratios))]
        drawn = axis.barh(places, ratios, 0.38, color=colour, label=label)
        for text in axis.bar_label(drawn, fmt="%.2f", padding=3, fontsize=8):
            text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})  # the line at 1 may run through it
    axis.set_yticks([y + 0.2 for y in range(len(networks))], [n["title"] for n in networks.values()])
    axis.invert_yaxis()
    axis.margins(x=0.1)
    figure.legend(loc="outside upper right", ncols=2, frameon=False)
    figure.savefig(path, dpi=110)


def plot_layers(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw the ratio of every layer and measure as a point."""
    from matplotlib.ticker import NullLocator

    names = list(dict.fromkeys(r["layer"] for r in rows))
    styles = {"forward": ("o", "#1f77b4"), "input gradient": ("^", "#d95f02"), "weight gradient": ("s", "#1b9e77"),
              "backward": ("D", "#d95f02"), "step": ("X", "#7570b3")}  # fmt: skip
    figure, axis = _axes(len(names), "layers")
    for measure, (marker, colour) in styles.items():
        chosen = [r for r in rows if r["measure"] == measure]
        ratios, places = [r["ratio"]["min"] for r in chosen], [names.index(r["layer"]) for r in chosen]
        axis.scatter(ratios, places, s=32, c=colour, marker=marker, label=measure)
    axis.set_xscale("log")
    low, high = axis.get_xlim()
    axis.set_xticks([tick for tick in RATIO_TICKS if low <= tick <= high])
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.grid(axis="y", color="0.95")
    axis.set_ylim(len(names) - 0.5, -0.5)
    figure.legend(loc="outside upper right", ncols=5, frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)
