"""The benchmark times the same work on both sides, counts it rightly, and puts the ratio the right way round."""

from __future__ import annotations

import functools
import json
import math
import operator
import os

import numpy as np
import pytest

import minipose
from tests.benchmarks import command, measure, report
from tests.benchmarks.engines import LAYOUTS, Minipose, Torch, load
from tests.benchmarks.layer_work import Rows
from tests.benchmarks.layers import LAYERS
from tests.benchmarks.limits import _fma_loop, copy_of
from tests.benchmarks.machine import Others, machine
from tests.benchmarks.networks import NETWORKS
from tests.benchmarks.training import batch
from tests.benchmarks.turns import Side, Unavailable, all_of, in_turns, timed

SECONDS = {
    "minipose": (0.1, 0.2),
    "contiguous": (0.4, 0.6),
    "channels_last": (0.3, 0.5),
    "contiguous, passive": (0.5, 0.7),
    "channels_last, passive": (0.2, 0.5),
    "compile": (0.05, 0.05),
}
MIB = 2**20


def times():
    return {side: dict(zip(("min", "median"), seconds, strict=True)) for side, seconds in SECONDS.items()}


def rated(figures, compiled):
    figures = figures if compiled else {side: t for side, t in figures.items() if side != "compile"}
    rates = {"best": measure.best_torch(figures), "ratio": measure.torch_over_minipose(figures)}
    return figures | rates | ({"compile_ratio": measure.torch_over_minipose(figures, "compile")} if compiled else {})


def network_result(compiled=True):
    memory = {"minipose": {"peak": 300 * MIB, "rise": 100 * MIB}, "torch": {"peak": 500 * MIB, "rise": 150 * MIB}}
    return {"title": "A network", "batch": 8, "size": 64, "compile_missing": None if compiled else "no compiler",
            "step": rated(times(), compiled), "forward": rated(times(), compiled), "memory": memory}  # fmt: skip


def layer_result(limit, **changes):
    row = {"layer": "conv", "kind": "contraction", "measure": "forward", "amount": 1e9, "wide": True, "limit": limit}
    return row | rated(times(), compiled=False) | changes


def all_measures():
    rows = [layer_result(4e10, measure=m) for m in ("forward", "input gradient", "weight gradient")]
    return measure.with_shares([*rows, layer_result(2e10), layer_result(1e11, kind="memory", wide=False)])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_the_same_in_both_libraries(torch, name, layout):
    network = NETWORKS[name].small()
    minipose.manual_seed(0)
    ours = network.build(minipose)
    state = {key: np.array(t.data) for key, t in ours.state_dict().items()}
    engine = Torch(layout)
    theirs = load(engine, network.build(torch), state)
    images, targets = batch(network)
    with minipose.no_grad(), torch.no_grad():
        result, expected = ours(minipose.Tensor(images)).data, theirs(engine.tensor(images)).numpy()
    assert result.shape == targets.shape
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(result, expected, rtol=0, atol=2e-3 * np.abs(expected).max())


def test_weights_of_another_network_are_not_loaded():
    model = minipose.nn.Sequential(minipose.nn.Linear(2, 3))
    with pytest.raises(ValueError, match=r"1\.weight"):
        load(Minipose(), model, {"1.weight": np.zeros((3, 2)), "0.bias": np.zeros(3)})


@pytest.mark.parametrize("index", range(len(LAYERS)), ids=[layer.name for layer in LAYERS])
def test_a_layer_is_the_same_in_both_libraries(torch, index):
    ours, theirs = Rows(small=True)("row", index), Rows(small=True, layout="channels_last")("row", index)
    assert list(ours) == list(theirs) == list(LAYERS[index].amounts)
    measure.check_samples(LAYERS[index].name, ours, theirs)


@pytest.mark.parametrize("layer", LAYERS, ids=[layer.name for layer in LAYERS])
def test_the_work_of_a_layer_is_counted(torch, layer):
    from torch.utils.flop_counter import FlopCounterMode

    layer = layer.small()
    built = layer.build(torch)
    if "step" in layer.amounts:
        assert layer.amounts == {"step": 7 * 4 * sum(p.numel() for p in built.parameters())}
        return
    inputs = [torch.zeros(shape, requires_grad=True) for shape in layer.shapes]
    with FlopCounterMode(display=False) as counter:
        y = built(*inputs)
    if layer.kind == "contraction":
        assert {*layer.amounts.values()} == {counter.get_total_flops()}
    else:
        moved = 4 * (sum(x.numel() for x in inputs) + (y.numel() if y.shape else 0))
        assert layer.amounts["forward"] == moved


@pytest.mark.parametrize("lanes", [4, 8])
def test_the_multiply_adds_are_all_done(lanes):
    sums = np.zeros(2, np.float32)
    _fma_loop(lanes, 12)(sums, 3, np.float32(0.5), np.float32(1))
    np.testing.assert_allclose(sums, lanes * sum(i / 8 + 1.75 for i in range(12)))


def test_the_copy_moves_what_it_says():
    copy = copy_of(8013)
    source, target = (cell.cell_contents for cell in copy.__closure__)
    assert source.nbytes + target.nbytes == pytest.approx(8013, abs=8) and not target.any()
    copy()
    assert source.all() and (target == source).all()


def test_the_ratio_is_above_one_where_minipose_is_faster():
    assert measure.best_torch(times()) == "channels_last, passive"
    assert measure.torch_over_minipose(times()) == {"min": 2.0, "median": 2.5}
    assert measure.torch_over_minipose(times(), "compile") == {"min": 0.5, "median": 0.25}


def test_the_tables_have_the_ratios_and_the_speeds():
    lines = report.network_tables({"a": network_result()}).splitlines()
    step, _, memory = (line.split("|") for line in lines if "A network" in line)
    assert [cell.strip() for cell in step[1:-1]] == [
        "A network, 8 x 64²", "100.0 / 200.0", "200.0 / 500.0", "channels last, passive", "2.00 / 2.50",
        "50.0 / 50.0", "0.50 / 0.25", "80", "40"]  # fmt: skip
    assert [cell.strip() for cell in memory[1:-1]] == ["A network", "100 / 300", "150 / 500", "not available", "1.50"]


def test_a_compiler_that_fails_is_named():
    text = report.network_tables({"a": network_result(compiled=False)})
    assert text.count("not available |") >= 2 and "not available (no compiler)" in text


def test_why_compiled_code_is_missing_is_kept():
    class Failing:
        closed = False

        def answer(self):
            raise Unavailable("Traceback\nInvalidCxxCompiler: No working C++ compiler found")

        def close(self):
            self.closed = True

    class Answering:
        def ask(self, request, work):
            return [1.0]

    failing, sides = Failing(), {form: Answering() for form in measure.TORCH}
    reason = measure._add_compiled(sides, (1.0, [1.0]), lambda **arguments: failing)
    assert reason == "InvalidCxxCompiler: No working C++ compiler found"
    assert failing.closed and "compile" not in sides


@pytest.mark.parametrize("theirs", [(1.002, [3.0, 4.0]), (1.0, [3.0, 4.1]), (1.0, [3.0])])
def test_two_different_networks_are_not_compared(theirs):
    measure.check_training("torch", (1.0005, [3.001, 4.0]), (1.0, [3.0, 4.0]))
    with pytest.raises((RuntimeError, ValueError)):
        measure.check_training("torch", (1.0, [3.0, 4.0]), theirs)


def test_two_different_layers_are_not_compared():
    ours = {"forward": [np.array([1.0, 2.0, -3.0])]}
    measure.check_samples("conv", ours, {"forward": [np.array([1.001, 2.0, -3.0])]})
    for wrong in ([-1.0, 2.0, -3.0], [2.0, 1.0, -3.0], [1.0, 2.0]):
        with pytest.raises(RuntimeError, match="conv, forward"):
            measure.check_samples("conv", ours, {"forward": [np.array(wrong)]})


def test_shares_are_of_the_highest_rate_seen():
    rows = all_measures()
    assert [row["share"]["minipose"] for row in rows] == pytest.approx([0.25, 0.25, 0.25, 0.25, 0.1])
    assert rows[0]["share"]["torch"] == pytest.approx(0.125)
    totals = report.summary([*rows, rows[0] | {"wide": False, "share": {"minipose": 0.01, "torch": 0.01}}])
    assert totals["peak_flops"] == 4e10 and totals["contractions, forward"]["rows"] == 2
    assert totals["contractions, forward"]["minipose"] == pytest.approx({"share": 0.25, "least": 0.25})
    assert report.geometric_mean([1, 4]) == pytest.approx(2)


def test_what_is_written(tmp_path):
    rows = all_measures()
    results = {"machine": machine(2) | {"others": 0.25}, "networks": {"a": network_result()},
               "layers": rows, "summary": report.summary(rows)}  # fmt: skip
    report.write(results, tmp_path)
    assert {f.name for f in tmp_path.iterdir()} == {"networks.md", "networks.png", "layers.md", "layers.png"}
    assert "Other programs used 25% of the cores" in (tmp_path / "layers.md").read_text()
    json.dumps(results)


def test_sides_answer_in_processes_of_their_own():
    with all_of({"a": Side(functools.partial(operator.itemgetter, 1), threads=1)}) as sides:
        assert sides["a"].answer() == "ready"
        assert sides["a"].ask("xyz") == "y"
        with pytest.raises(Unavailable, match="IndexError"):
            sides["a"].ask("x")
        assert sides["a"].ask([3, 4]) == 4
    assert sides["a"].process.exitcode == 0
    with all_of({"a": Side(functools.partial(int, "x"), threads=1)}) as sides:
        with pytest.raises(Unavailable, match="invalid literal"):
            sides["a"].answer()


def test_turns_alternate_and_end():
    order = []

    def turn(name):
        return lambda: order.append(name) or [1.0]

    assert in_turns({"a": turn("a"), "b": turn("b")}, 4, math.inf) == {"a": [1.0] * 4, "b": [1.0] * 4}
    assert order == ["a", "b"] * 4
    assert len(in_turns({"a": turn("a")}, 9, 0)["a"]) == 3
    assert len(timed(lambda: None)) == 1 and sum(timed(lambda: None, 1e-4)) >= 1e-4


def test_the_share_of_other_programs(monkeypatch):
    readings = iter([(10.0, 100.0), (14.0, 103.0), (14.0, 99.0)])  # seconds, and those that others have used
    monkeypatch.setattr(Others, "_now", lambda self: next(readings))
    others = Others()
    assert others.share() == 3 / 4 / os.cpu_count()
    assert others.share() == 0  # the two clocks do not tick together


def test_the_choice_of_parts():
    assert command.parts("unet,layers") == ["unet", "layers"]
    assert command.parts("networks") == list(NETWORKS)
    with pytest.raises(SystemExit):
        command.parser().parse_args(["--only", "resnet50"])
