"""How much each idea of the CPU kernels gains: one convolution, from plain loops to all that minipose does.

    python -m tests.benchmarks.ladder

Every step computes the same numbers, which is checked before anything is timed; the steps take turns, and the least
time of each counts. With `--out docs/performance` the table goes to `ladder.md` and the figures to `ladder.json`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from minipose import get_num_threads, set_num_threads
from minipose.kernels import reference
from minipose.kernels.cpu import minimal, winograd
from minipose.kernels.cpu.correlate import LANES, ROWS, VECTORS, Phase, correlate, pack
from minipose.kernels.cpu.layout import channels_last, empty_image
from tests.benchmarks.machine import machine
from tests.benchmarks.report import machine_line

N, C, F, H, W = 32, 32, 32, 32, 32  # a layer of the reference hourglass: 3x3, stride 1, padding 1
PLAIN = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}


@njit
def sum_of_each_output(x, w, y):
    """Arrays are N C H W and F C KH KW, as the formula reads."""
    for n in range(N):
        for f in range(F):
            for i in range(H):
                for j in range(W):
                    total = np.float32(0)
                    for c in range(C):
                        for a in range(3):
                            for b in range(3):
                                h, v = i + a - 1, j + b - 1
                                if 0 <= h < H and 0 <= v < W:
                                    total += x[n, c, h, v] * w[f, c, a, b]
                    y[n, f, i, j] = total


@njit
def all_channels_of_a_pixel(x, w, y):
    """Arrays are N H W C and KH KW C F: the innermost loop runs over memory, so the compiler makes it vectors."""
    y[:] = 0
    for n in range(N):
        for i in range(H):
            for j in range(W):
                results = y[n, i, j]
                for a in range(max(0, 1 - i), min(3, H + 1 - i)):
                    for b in range(max(0, 1 - j), min(3, W + 1 - j)):
                        for c in range(C):
                            value, weights = x[n, i + a - 1, j + b - 1, c], w[a, b, c]
                            for f in range(F):
                                results[f] += value * weights[f]


def steps(x: np.ndarray, w: np.ndarray) -> dict[str, Callable[[], np.ndarray]]:
    """Return each step by its name: a function that returns the result, N C H W."""
    first, last = np.ascontiguousarray(x), channels_last(x)
    taps = np.ascontiguousarray(w.transpose(2, 3, 1, 0))
    plain, pixels, y = np.empty((N, F, H, W), np.float32), np.empty((N, H, W, F), np.float32), empty_image(N, F, H, W)

    def plain_loops() -> np.ndarray:
        sum_of_each_output(first, w, plain)
        return plain

    def vectors() -> np.ndarray:
        all_channels_of_a_pixel(last, taps, pixels)
        return pixels.transpose(0, 3, 1, 2)

    def micro_kernel(threads: int) -> np.ndarray:
        set_num_threads(threads)
        phase = Phase(0, 0, 3, 3, 1, 1)
        correlate(last, *pack(taps, [phase]), y.transpose(0, 2, 3, 1), (1, 1), (1, 1), (1, 1), threads)
        return y

    def fewer_products(threads: int) -> np.ndarray:
        set_num_threads(threads)
        winograd.correlate(last, taps, y.transpose(0, 2, 3, 1), (1, 1), minimal.plain(4, 3))
        return y

    threads = get_num_threads()
    return {
        "loops in the order of the formula": plain_loops,
        "channels innermost, so that the compiler uses vectors": vectors,
        f"a block of {ROWS} x {VECTORS * LANES} results in registers": lambda: micro_kernel(1),
        f"{threads} threads": lambda: micro_kernel(threads),
        "a quarter of the products (Winograd)": lambda: fewer_products(threads),
    }


def measure(rounds: int) -> list[dict[str, float | str]]:
    """Return the least time of each step in seconds, and the rate of the formula's multiply-adds, as GFLOP/s."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N, H, W, C), np.float32).transpose(0, 3, 1, 2)
    w = rng.standard_normal((F, C, 3, 3), np.float32)
    expected = reference.conv2d(x, w, **PLAIN)
    ladder = steps(x, w)
    times = dict.fromkeys(ladder, float("inf"))
    for name, run in ladder.items():
        np.testing.assert_allclose(run(), expected, rtol=0, atol=1e-5 * np.abs(expected).max(), err_msg=name)
    for _ in range(rounds):
        for name, run in ladder.items():
            start = time.perf_counter()
            run()
            times[name] = min(times[name], time.perf_counter() - start)
    operations = 2 * N * H * W * F * C * 9
    return [{"step": name, "seconds": t, "gflops": operations / t / 1e9} for name, t in times.items()]


def table(rows: list[dict[str, float | str]]) -> str:
    """Return the figures as a table in Markdown; the last column is the gain over the line above."""
    lines = ["| step | time in ms | GFLOP/s | gain |", "|---|---:|---:|---:|"]
    before = None
    for row in rows:
        gain = "" if before is None else f"{before / row['seconds']:.1f}"
        lines.append(f"| {row['step']} | {1e3 * row['seconds']:.2f} | {row['gflops']:.1f} | {gain} |")
        before = row["seconds"]
    return "\n".join(lines) + "\n"


def page(results: dict[str, Any]) -> str:
    """Return what was measured on, and the table."""
    return f"{machine_line(results['machine'])}\n{table(results['rows'])}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="how often each step takes its turn (default 10)")
    parser.add_argument("--out", type=Path, help="write ladder.md and ladder.json into this folder")
    arguments = parser.parse_args()
    results = {"machine": machine(get_num_threads()), "rows": measure(arguments.rounds)}
    print(page(results), end="")
    if arguments.out:
        (arguments.out / "ladder.md").write_text(page(results), encoding="utf-8")
        (arguments.out / "ladder.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
