import sys

import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests import oracle
from tests.oracle import Case

CASES = [
    Case("matrices", lambda F, a, b: a @ b, [(7, 5), (5, 3)]),
    Case("one_column", lambda F, a, b: a @ b, [(7, 5), (5, 1)]),
    Case("one_row", lambda F, a, b: F.matmul(a, b), [(1, 5), (5, 3)]),
    Case("inner_length_1", lambda F, a, b: a @ b, [(7, 1), (1, 3)]),
    Case("large", lambda F, a, b: (a @ b)[:3, :5], [(29, 17), (17, 37)]),
    Case("transposed", lambda F, a, b: a.T @ b.T, [(5, 7), (3, 5)]),
    Case("with_itself", lambda F, a: a @ a, [(5, 5)]),
    Case("stack", lambda F, a, b: a @ b, [(2, 7, 5), (2, 5, 3)]),
    Case("stack_by_matrix", lambda F, a, b: a @ b, [(2, 7, 5), (5, 3)]),
    Case("matrix_by_stack", lambda F, a, b: a @ b, [(7, 5), (2, 5, 3)]),
    Case("broadcast", lambda F, a, b: a @ b, [(3, 1, 7, 5), (2, 5, 3)]),
    Case("vectors", lambda F, a, b: a @ b, [(5,), (5,)]),
    Case("matrix_vector", lambda F, a, b: a @ b, [(7, 5), (5,)]),
    Case("vector_matrix", lambda F, a, b: a @ b, [(5,), (5, 3)]),
    Case("stack_vector", lambda F, a, b: a @ b, [(2, 7, 5), (5,)]),
    Case("vector_stack", lambda F, a, b: a @ b, [(5,), (2, 5, 3)]),
    Case("linear", lambda F, x, w, b: F.linear(x, w, b), [(7, 5), (3, 5), (3,)]),
    Case("linear_without_bias", lambda F, x, w: F.linear(x, w), [(7, 5), (3, 5)]),
    Case("linear_of_a_stack", lambda F, x, w, b: F.linear(x, w, b), [(2, 7, 5), (3, 5), (3,)]),
    Case("linear_of_a_vector", lambda F, x, w, b: F.linear(x, w, b), [(5,), (3, 5), (3,)]),
    Case("linear_to_a_number", lambda F, x, w: F.linear(x, w), [(7, 5), (5,)]),
    Case("outer", lambda F, a, b: F.outer(a, b), [(7,), (5,)]),
] + [
    Case(f"einsum_{equation}", lambda F, *x, e=equation: F.einsum(e, *x), shapes)
    for equation, shapes in [
        ("nk,km->nm", [(7, 5), (5, 3)]),
        ("nk,mk->mn", [(7, 5), (3, 5)]),
        ("bnk,bkm", [(2, 7, 5), (2, 5, 3)]),
        ("...qd,...kd->...qk", [(2, 3, 7, 5), (3, 2, 5)]),
        ("bn,bm->bnm", [(3, 7), (3, 5)]),
        ("ij,ij->", [(7, 5), (7, 5)]),
        ("ij,ij->ij", [(7, 5), (7, 5)]),
        ("bi,i,bj,ij->b", [(2, 7), (7,), (2, 5), (7, 5)]),
        ("ijk,jl,kl", [(2, 3, 5), (3, 7), (5, 7)]),
        ("ii", [(5, 5)]),
        ("iij->ji", [(5, 5, 3)]),
        ("iji,jjk->ik", [(5, 3, 5), (3, 3, 2)]),
        ("iii->i", [(5, 5, 5)]),
        ("ba", [(7, 5)]),
        ("aB", [(7, 5)]),
        ("i...->...", [(7, 3, 5)]),
        ("...->", [(7, 5)]),
        ("ab,c->c", [(7, 5), (3,)]),
        ("ij,jk->ik", [(7, 1), (5, 3)]),
        ("...i,...i->...", [(2, 1, 5), (3, 5)]),
        (" n k , -> k n ", [(7, 5), ()]),
        ("i->i", [(7,)]),
    ]
]
LINEAR = [case for case in CASES if case.name != "with_itself"]


def random_equation(rng):
    """Return an equation and shapes that fit it: letters repeated, broadcast, in any order, some axes unnamed."""
    lengths = dict(zip("ijkLM", rng.permutation([2, 3, 4, 5, 1]).tolist(), strict=True))
    unnamed = rng.integers(1, 4, rng.integers(0, 3)).tolist()
    terms, shapes = [], []
    for _ in range(rng.integers(1, 4)):
        letters = "".join(rng.choice(list(lengths), rng.integers(0, 4)))
        one = {a: letters.count(a) == 1 and rng.random() < 0.1 for a in letters}  # this axis broadcasts
        axes = [1 if one[a] else lengths[a] for a in letters]
        if rng.random() < 0.5:
            place, some = rng.integers(0, len(letters) + 1), unnamed[rng.integers(0, len(unnamed) + 1) :]
            letters = letters[:place] + "..." + letters[place:]
            axes[place:place] = [1 if rng.random() < 0.2 else n for n in some]
        terms.append(letters)
        shapes.append(tuple(axes))
    equation = ",".join(terms)
    if rng.random() < 0.7:
        known = sorted(set(equation) - set(".,"))
        result = "".join(rng.permutation(known)[: rng.integers(0, len(known) + 1)])
        equation += "->" + ("..." if rng.random() < 0.7 else "") + result
    return equation, shapes


@pytest.mark.parametrize("seed", range(100))
def test_einsum_of_any_equation(seed, torch):
    rng = np.random.default_rng(seed)
    equation, shapes = random_equation(rng)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    ours = [Tensor(a, requires_grad=True) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    y, expected = ops.einsum(equation, *ours), torch.einsum(equation, *theirs)
    oracle.assert_close(y.data, expected.detach().numpy(), 1e-12, equation)
    upstream = rng.standard_normal(y.shape)
    (y * 1).backward(Tensor(upstream))
    (expected * 1).backward(torch.tensor(upstream))
    for x, t in zip(ours, theirs, strict=True):
        oracle.assert_close(x.grad.data, t.grad.numpy(), 1e-12, equation)


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
@pytest.mark.parametrize(("equation", "shapes"), [
    ("ij->i", [(2, 3)]), ("ij->ji", [(2, 3)]), ("ij,ij->ij", [(2, 3), (2, 3)]), ("ij,jk", [(2, 3), (3, 5)]),
    ("ij,k->k", [(2, 3), (5,)]), ("ij,jk->", [(2, 3), (3, 5)]),
], ids=str)  # fmt: skip
def test_einsum_of_whole_numbers(equation, shapes, dtype, rng, torch):
    arrays = [rng.integers(0, 3, shape).astype(dtype) for shape in shapes]
    if dtype == "bool" and equation == "ij,jk":
        with pytest.raises(TypeError, match="einsum: .*booleans"):
            ops.einsum(equation, *map(Tensor, arrays))
        return
    result, expected = ops.einsum(equation, *map(Tensor, arrays)), torch.einsum(equation, *map(torch.tensor, arrays))
    np.testing.assert_array_equal(result.data, expected.numpy())
    assert str(result.dtype) == str(expected.dtype).removeprefix("torch.")


def test_einsum_sums_bytes_without_wrapping_around():
    x, y = Tensor(np.full((2, 300), 255, np.uint8)), Tensor(np.full((2, 3), 2, np.uint8))
    result = ops.einsum("ij,ik->k", x, y)
    assert result.dtype == minipose.int64 and result.tolist() == [2 * 300 * 255 * 2] * 3


def test_einsum_takes_a_list_and_multiplies_pairs_in_one_matmul(monkeypatch):
    a, b, c = ones(7, 5), ones(5, 3), ones(3, 2)
    module = sys.modules["minipose.ops.matmul"]
    calls = []
    monkeypatch.setattr(module, "matmul", lambda x, y: calls.append((x.shape, y.shape)) or ops.matmul(x, y))
    np.testing.assert_array_equal(ops.einsum("nk,km,ml->nl", [a, b, c]).data, np.full((7, 2), 15))
    assert calls == [((7, 5), (5, 3)), ((7, 3), (3, 2))]
    ops.einsum("bij,bjk->bik", ones(2, 3, 5), ones(2, 5, 7))
    assert calls[2:] == [((2, 3, 5), (2, 5, 7))]


@pytest.mark.parametrize(("equation", "shapes"), [("ij,jk", [(2, 0), (0, 3)]), ("ij,jk", [(0, 2), (2, 3)]),
                                                  ("ii->i", [(0, 0)]), ("i,j", [(0,), (3,)])], ids=str)  # fmt: skip
def test_einsum_of_nothing(equation, shapes, torch):
    result = ops.einsum(equation, *(ones(*shape) for shape in shapes))
    np.testing.assert_array_equal(result.data, torch.einsum(equation, *map(torch.ones, shapes)).numpy())


@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float32", "int64"), ("bool", "bool"), ("uint8", "int64")])
def test_outer_promotes_as_multiplication_does(dtypes, torch):
    a, b = np.array([1, 0, 2]).astype(dtypes[0]), np.array([3, 1]).astype(dtypes[1])
    result, expected = ops.outer(Tensor(a), Tensor(b)), torch.outer(torch.tensor(a), torch.tensor(b))
    np.testing.assert_array_equal(result.data, expected.numpy())
    assert str(result.dtype) == str(expected.dtype).removeprefix("torch.")


@pytest.mark.parametrize("shapes", [((0,), (3,)), ((3,), (0,)), ((0,), (0,))])
def test_outer_of_nothing(shapes):
    assert ops.outer(*(ones(*shape) for shape in shapes)).shape == shapes[0] + shapes[1]


@pytest.mark.parametrize("shapes", [((0, 5), (5, 3)), ((7, 0), (0, 3)), ((7, 5), (5, 0)), ((0, 7, 5), (5, 3))])
@oracle.each_dtype
def test_empty_products(shapes, dtype):
    a, b = (Tensor(np.ones(shape, dtype), requires_grad=True) for shape in shapes)
    y = a @ b
    np.testing.assert_array_equal(y.data, np.matmul(a.data, b.data))
    y.sum().backward()
    assert a.grad.shape == a.shape and b.grad.shape == b.shape


@oracle.each_dtype
def test_linear_of_an_empty_batch(dtype):
    x, w = Tensor(np.ones((0, 5), dtype), requires_grad=True), Tensor(np.ones((3, 5), dtype), requires_grad=True)
    y = ops.linear(x, w, Tensor(np.ones(3, dtype)))
    assert y.shape == (0, 3)
    y.sum().backward()
    np.testing.assert_array_equal(w.grad.data, np.zeros((3, 5)))


def ones(*shape):
    return minipose.ones(*shape)


ERRORS = [
    (lambda: ones(7, 5) @ ones(3, 5), ValueError, r"matmul: .*\(7, 5\).*\(3, 5\)"),
    (lambda: ones(5) @ ones(3), ValueError, r"matmul: .*\(5,\).*\(3,\)"),
    (lambda: ones(2, 7, 5) @ ones(3, 5, 7), ValueError, r"matmul: leading axes.*\(2, 7, 5\).*\(3, 5, 7\)"),
    (lambda: ones(7, 5) @ minipose.tensor(2.0), ValueError, r"matmul: .*\(7, 5\).*\(\)"),
    (lambda: ones(7, 5) @ ones(5, 3).to("float64"), TypeError, "matmul: .*float32.*float64"),
    (lambda: ops.matmul(ones(7, 5), [[1.0]]), TypeError, "matmul: .*list"),
    (lambda: ops.linear(ones(7, 5), ones(3, 4)), ValueError, r"linear: .*\(7, 5\).*C=4.*\(3, 4\)"),
    (lambda: ops.linear(minipose.tensor(1.0), ones(3, 4)), ValueError, r"linear: .*\(\)"),
    (lambda: ops.linear(ones(7, 5), ones(2, 3, 5)), ValueError, r"linear: weight .*\(2, 3, 5\)"),
    (lambda: ops.linear(ones(7, 5), ones(3, 5), ones(5)), ValueError, r"linear: bias .*\(3,\).*\(5,\)"),
    (lambda: ops.linear(ones(7, 5), ones(3, 5), ones(3).to("float64")), TypeError, "linear: .*bias.*float64"),
    (lambda: ops.linear(ones(7, 5), ones(3, 5).to("float64")), TypeError, "linear: .*float32.*float64"),
    (lambda: ops.linear(np.ones((7, 5)), ones(3, 5)), TypeError, "linear: input.*ndarray"),
    (lambda: ones(7, 5).to("bool") @ ones(5, 3).to("bool"), TypeError, "matmul: .*booleans"),
    (lambda: ops.outer(ones(7, 5), ones(3)), ValueError, r"outer: input .*\(7, 5\)"),
    (lambda: ops.outer(ones(7), minipose.tensor(2.0)), ValueError, r"outer: vec2 .*\(\)"),
    (lambda: ops.outer(ones(7), [1.0]), TypeError, "outer: vec2 .*list"),
    (lambda: ops.outer(None, ones(7)), TypeError, "outer: input .*NoneType"),
    (lambda: ops.einsum(None, ones(3)), TypeError, "einsum: equation .*None"),
    (lambda: ops.einsum(ones(3), [0]), TypeError, "einsum: equation "),
    (lambda: ops.einsum("i"), ValueError, "einsum: there is no operand"),
    (lambda: ops.einsum("i", []), ValueError, "einsum: there is no operand"),
    (lambda: ops.einsum("i", 3), TypeError, "einsum: operand 0 .*int"),
    (lambda: ops.einsum("i,i", ones(3), None), TypeError, "einsum: operand 1 .*NoneType"),
    (lambda: ops.einsum("i", np.ones(3)), TypeError, "einsum: operand 0 .*ndarray"),
    (lambda: ops.einsum("i,i", ones(3), ones(3).to("float64")), TypeError, "einsum: operand 1 is float64"),
    (lambda: ops.einsum("i", ones(3), ones(3)), ValueError, "einsum: .*1 operands.* 2"),
    (lambda: ops.einsum("i,j->i", ones(3)), ValueError, "einsum: .*2 operands.* 1"),
    (lambda: ops.einsum("ij", ones(3)), ValueError, "einsum: 'ij' names 2 axes, but operand 0 has 1"),
    (lambda: ops.einsum("", ones(3)), ValueError, "einsum: '' names 0 axes"),
    (lambda: ops.einsum("ij...", ones(3)), ValueError, "einsum: 'ij...' names 2 axes"),
    (lambda: ops.einsum("ii", ones(2, 3)), ValueError, r"einsum: 'i' has length 3 .*\(2, 3\)"),
    (lambda: ops.einsum("ii", ones(1, 3)), ValueError, r"einsum: 'i' has length 3 .*\(1, 3\)"),
    (lambda: ops.einsum("ij,jk", ones(2, 3), ones(5, 2)), ValueError, r"einsum: 'j' has length 5 in operand 1"),
    (lambda: ops.einsum("...,...", ones(2), ones(3)), ValueError, r"einsum: axis -1 of '...' has length 3"),
    (lambda: ops.einsum("i->ii", ones(3)), ValueError, "einsum: the result .*'i' once"),
    (lambda: ops.einsum("i->j", ones(3)), ValueError, "einsum: the result .*'j' once"),
] + [
    (lambda e=equation: ops.einsum(e, *[ones(2, 3)] * (1 + e.count(","))), ValueError, "einsum: ")
    for equation in ("i1", "i.j", "i..j", "......ij", "i...j...", "ij-", "ij>i", "ij->i->j", "ij->i.", "ij->i,", "i\tj",
                     "i\nj", "éa", ",ij", "ij\n")
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=range(len(ERRORS)))
def test_errors_name_operation_and_shape(call, error, text):
    with pytest.raises(error, match=text):
        call()
