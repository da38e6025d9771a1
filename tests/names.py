"""Which operations a piece of code calls by itself, and not through another operation."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

import numpy as np

import minipose
from minipose import Tensor, ops
from minipose.ops import methods
from tests.oracle import Case, Minipose

ENGINE = str(Path(minipose.__file__).parent)
FUNCTIONS = {**vars(Tensor), **vars(ops)}
BY_CODE: dict = {}
for _name, _function in [*vars(ops).items(), *vars(Tensor).items()]:
    if hasattr(_function, "__code__") and _function.__code__.co_filename != methods.__file__:
        BY_CODE.setdefault(_function.__code__, _name.strip("_"))  # reshape, not view, which is another name for it


def called(run: Callable) -> set[str]:
    """Return the public names of `minipose.ops`, and of Tensor's other methods, that `run` calls from outside."""
    names = set()

    def watch(frame, event, argument):
        if event == "call" and frame.f_code in BY_CODE:
            caller = frame.f_back
            while caller.f_code.co_filename == methods.__file__:  # an operator's reversed form
                caller = caller.f_back
            if not caller.f_code.co_filename.startswith(ENGINE):
                names.add(BY_CODE[frame.f_code])

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        run()
    finally:
        sys.setprofile(before)
    return names


def called_by(case: Case) -> set[str]:
    """Return the names that a case calls."""
    inputs = [Tensor(a) for a in case.arrays(np.random.default_rng(0))]
    return called(lambda: case.run(Minipose, *inputs))


def cases_by_name(families: Iterable[ModuleType]) -> dict[str, list[Case]]:
    """Return the cases that call each name: those of the family that it is defined in, if there are any, else all."""
    table: dict[str, dict[bool, list[Case]]] = {}
    for family in families:
        for case in family.CASES:
            for name in called_by(case):
                home = FUNCTIONS[name if name in FUNCTIONS else f"__{name}__"].__module__.rpartition(".")[2]
                own = family.__name__.endswith(f".test_{home}")
                table.setdefault(name, {True: [], False: []})[own].append(case)
    return {name: cases[True] or cases[False] for name, cases in sorted(table.items())}
