"""`python -m tests.benchmarks`: measure, print, and write docs/performance.

    pip install -e '.[oracle]'
    python -m tests.benchmarks

Everything takes about forty minutes, most of it PyTorch's compiler's. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from tests.benchmarks import report
from tests.benchmarks.machine import Others, machine
from tests.benchmarks.measure import Options, measure_layers, measure_network
from tests.benchmarks.networks import NETWORKS

PAGES = Path(__file__).parents[2] / "docs" / "performance"


def parts(text: str) -> list[str]:
    """Return what --only names, "networks" spelled out."""
    names = [name for part in text.split(",") for name in (NETWORKS if part == "networks" else [part])]
    unknown = [name for name in names if name not in (*NETWORKS, "layers")]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of networks, layers, {', '.join(NETWORKS)}")
    return names


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    everything = [*NETWORKS, "layers"]
    p.add_argument("--only", type=parts, default=everything, metavar="A,B",
                   help=f"of layers, networks, {', '.join(NETWORKS)}; everything without")  # fmt: skip
    p.add_argument("--rounds", type=int, default=10, help="how often each side takes its turn (default 10)")
    p.add_argument("--seconds", type=float, default=40.0,
                   help="turns end earlier, but not before three, when one work has taken this long (default 40)")
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity")
                   else os.cpu_count(), help="of each side (default: all cores)")  # fmt: skip
    p.add_argument("--no-compile", action="store_true", help="without torch.compile, which takes minutes to compile")
    p.add_argument("--quick", action="store_true", help="three rounds of small batches: does everything still run?")
    p.add_argument("--out", type=Path, help="folder to write to (default: docs/performance where everything is "
                   "measured, otherwise none)")  # fmt: skip
    return p


def main(arguments: list[str] | None = None) -> None:
    a = parser().parse_args(arguments)
    begin, others = time.perf_counter(), Others()
    options = Options(a.threads, 3 if a.quick else a.rounds, a.seconds, not a.no_compile, small=a.quick)
    results: dict[str, Any] = {"machine": machine(a.threads), "rounds": options.rounds, "networks": {}}

    def say(text: str) -> None:
        print(f"{time.perf_counter() - begin:6.0f} s  {text}", flush=True)

    for name in NETWORKS:
        if name in a.only:
            say(name)
            results["networks"][name] = measure_network(name, options)
    if "layers" in a.only:
        results["layers"] = measure_layers(options, say)
        results["summary"] = report.summary(results["layers"])
    results["machine"]["others"] = others.share()
    say("done")
    print(report.text(results))
    whole = {*a.only} == {*NETWORKS, "layers"} and not a.quick and not a.no_compile
    out = a.out or (PAGES if whole else None)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        report.write(results, out)
