import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from minipose.checks import OutOfRange
from tests import oracle
from tests.oracle import Case

REDUCTIONS = ("mean", "sum", "none")
SHAPES = {"vector": (5,), "rows": (7, 5), "lines": (3, 5, 2), "images": (2, 5, 3, 7)}
WEIGHT = np.array([0.3, 2.1, 0.0, 1.7, 0.9])


def constant(F, values, like, dtype=None):
    return F.tensor(np.asarray(values)).to(dtype or like.dtype).to(like.device)


def classes(F, x, C=5):
    """Classes for x, each of them at least once where there is room, and always the same."""
    shape = tuple(x.shape[:1] + x.shape[2:]) if len(x.shape) > 1 else ()
    return F.tensor(np.asarray((np.arange(int(np.prod(shape))) * 3 + 1) % C).reshape(shape)).to(x.device)


def nll(F, x, weighted=False, **options):
    weight = constant(F, WEIGHT, x) if weighted else None
    return F.nll_loss(x, classes(F, x), weight, **options)


def ce(F, x, weighted=False, **options):
    weight = constant(F, WEIGHT, x) if weighted else None
    return F.cross_entropy(x, classes(F, x), weight, **options)


def soft(F, x, t, weighted=False, **options):
    weight = constant(F, WEIGHT, x) if weighted else None
    return F.cross_entropy(x, F.softmax(t, 0 if len(x.shape) == 1 else 1), weight, **options)


CASES = [
    Case(f"{name}_{kind}_{reduction}", lambda F, x, f=loss, r=reduction: f(F, x, reduction=r), [SHAPES[kind]])
    for name, loss, kinds in (("nll", nll, ("rows", "lines")), ("ce", ce, SHAPES))
    for kind in kinds
    for reduction in REDUCTIONS
] + [
    Case(f"{name}_{'_'.join(map(str, options))}_{reduction}",
         lambda F, x, f=loss, r=reduction, o=options: f(F, x, reduction=r, **o), [shape])
    for name, loss, options, shape in [
        ("nll", nll, {"weighted": True}, (7, 5)),
        ("nll", nll, {"ignore_index": 4}, (7, 5)),
        ("nll_lines", nll, {"ignore_index": 4, "weighted": True}, (3, 5, 7)),
        ("ce", ce, {"weighted": True}, (7, 5)),
        ("ce_lines", ce, {"ignore_index": 0, "weighted": True}, (3, 5, 7)),
        ("ce", ce, {"label_smoothing": 0.3}, (7, 5)),
        ("ce", ce, {"label_smoothing": 0.3, "weighted": True, "ignore_index": 1}, (7, 5)),
        ("ce_vector", ce, {"label_smoothing": 0.3, "weighted": True}, (5,)),
        ("ce_images", ce, {"label_smoothing": 0.3, "ignore_index": 1}, (2, 5, 3, 2)),
        ("ce_all", ce, {"label_smoothing": 1}, (7, 5)),
    ]
    for reduction in ("mean", "none")
] + [
    Case(f"soft_{kind}_{'_'.join(map(str, options))}_{reduction}",
         lambda F, x, t, r=reduction, o=options: soft(F, x, t, reduction=r, **o), [SHAPES[kind]] * 2)
    for kind, options in [
        ("vector", {}), ("rows", {}), ("lines", {}), ("images", {"weighted": True}),
        ("rows", {"weighted": True, "label_smoothing": 0.2}), ("vector", {"weighted": True}),
    ]
    for reduction in ("mean", "none")
] + [
    Case("ce_default", lambda F, x: F.cross_entropy(x, classes(F, x)), [(7, 5)]),
    Case("nll_default", lambda F, x: F.nll_loss(x, classes(F, x)), [(7, 5)]),
    Case("soft_default", lambda F, x, t: F.cross_entropy(x, t), [(7, 5)] * 2),
    Case("soft_learnt_weight", lambda F, x, t, w: F.cross_entropy(x, t, w), [(7, 5), (7, 5), (5,)]),
    Case("two_classes", lambda F, x: F.cross_entropy(x, classes(F, x, 2)), [(7, 2)]),
]  # fmt: skip


def test_value_of_the_definition(rng):
    x, classes = rng.standard_normal((7, 5)), rng.integers(0, 5, 7)
    probabilities = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    expected = -np.log(probabilities[np.arange(7), classes])
    result = ops.cross_entropy(Tensor(x), Tensor(classes), reduction="none")
    np.testing.assert_allclose(result.data, expected, rtol=1e-12)
    np.testing.assert_allclose(ops.nll_loss(Tensor(np.log(probabilities)), Tensor(classes)).item(), expected.mean())
    one_hot = Tensor(np.eye(5)[classes])
    np.testing.assert_allclose(ops.cross_entropy(Tensor(x), one_hot).item(), expected.mean(), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["int64", "int32", "int8", "uint8", "uint64"])
def test_any_integers_name_classes(dtype, rng):
    x = Tensor(rng.standard_normal((3, 5)))
    expected = ops.cross_entropy(x, Tensor(np.array([1, 4, 0])))
    assert ops.cross_entropy(x, Tensor(np.array([1, 4, 0], dtype))).item() == expected.item()


OPTIONS = [{}, {"weight": [1.0, 2, 3]}, {"ignore_index": 0}, {"ignore_index": 0, "weight": [0.0, 2, 3]}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
def test_minus_infinity_and_nan_elsewhere_do_no_harm(name, options, torch):
    values = np.array([[0.5, -np.inf, 1], [-np.inf, 0.3, 0.2], [1, 2, 3]])
    if name == "nll_loss":
        values[1, 2] = np.nan
    if "ignore_index" in options:
        values[2, 0] = -np.inf
    targets = np.array([2, 1, 0])
    results = []
    for F, make in ((ops, Tensor), (torch.nn.functional, torch.tensor)):
        more = {k: make(np.array(v)) if k == "weight" else v for k, v in options.items()}
        x = make(values.copy()).requires_grad_()
        loss = getattr(F, name)(x, make(targets), reduction="none", **more)
        loss.sum().backward()
        results.append((loss.detach().numpy(), x.grad.detach().numpy()))
    for ours, theirs in zip(*results, strict=True):
        assert np.isfinite(theirs).all()
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_the_target_class_itself_may_be_impossible(torch):
    x, t = np.array([[-np.inf, 0.0, 1.0]]), np.array([0])
    assert ops.cross_entropy(Tensor(x), Tensor(t)).item() == np.inf
    assert torch.nn.functional.cross_entropy(torch.tensor(x), torch.tensor(t)).item() == np.inf


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
def test_all_ignored_and_none_given(name, torch):
    for shape in ((3, 5), (0, 5), (0, 5, 2), (3, 5, 0)):
        target = np.full(shape[:1] + shape[2:], 2)
        for reduction in REDUCTIONS:
            x = minipose.zeros(*shape, requires_grad=True)
            ours = getattr(ops, name)(x, Tensor(target), ignore_index=2, reduction=reduction)
            theirs = getattr(torch.nn.functional, name)(
                torch.zeros(shape), torch.tensor(target), ignore_index=2, reduction=reduction
            )
            np.testing.assert_array_equal(ours.data, theirs.numpy())
            if reduction != "mean":
                ours.sum().backward()
                np.testing.assert_array_equal(x.grad.data, np.zeros(shape))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_no_probabilities(torch):
    for shape in ((0, 5), (3, 5, 0)):
        for reduction in REDUCTIONS:
            ours = ops.cross_entropy(minipose.zeros(*shape), minipose.zeros(*shape), reduction=reduction)
            zeros = torch.zeros(shape)
            theirs = torch.nn.functional.cross_entropy(zeros, zeros, reduction=reduction)
            np.testing.assert_array_equal(ours.data, theirs.numpy())


@oracle.each_dtype
def test_confident_predictions_keep_their_gradient(dtype, torch):
    values = np.array([[50, 0, -50], [0, 200, 0], [-1e4, 1e4, 0]], dtype)
    x, y = Tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    ops.cross_entropy(x, Tensor(np.array([0, 0, 2]))).backward()
    torch.nn.functional.cross_entropy(y, torch.tensor([0, 0, 2])).backward()
    oracle.assert_close(x.grad.data, y.grad.numpy(), oracle.TOLERANCES[dtype])


X, T = minipose.ones(3, 5), Tensor(np.array([1, 4, 0]))
GRAD = minipose.ones(5, requires_grad=True)


def target(*values):
    return Tensor(np.array(values))


ERRORS = [
    (lambda f: f(X, target(1, 5, 0)), OutOfRange, r"target holds class 5, but there are C=5, 0\.\.4"),
    (lambda f: f(X, target(1, -1, 0)), OutOfRange, "target holds class -1, but there are C=5"),
    (lambda f: f(X, target(1, -100, 7), ignore_index=7), OutOfRange, "target holds class -100, but there are C=5"),
    (lambda f: f(X[0], Tensor(np.array(9))), OutOfRange, "target holds class 9"),
    (lambda f: f(X, target(1, 2)), ValueError, r"input has shape \(3, 5\) with C=5, .* \(3,\), not \(2,\)"),
    (lambda f: f(X, Tensor(np.array([[1], [4], [0]]))), ValueError, r"input .*not \(3, 1\): broadcasting would"),
    (lambda f: f(X[:, :, None], T), ValueError, r"input has shape \(3, 5, 1\).*\(3, 1\), not \(3,\)"),
    (lambda f: f(X[0], target(1)), ValueError, r"input has shape \(5,\) with C=5.* \(\), not \(1,\)"),
    (lambda f: f(minipose.ones(), Tensor(np.array(0))), ValueError, r"input must be \(C,\).*not \(\)"),
    (lambda f: f(minipose.ones(3, 0), T), ValueError, r"input must be \(C,\).*not \(3, 0\)"),
    (lambda f: f(X.data, T), TypeError, "input .*ndarray"),
    (lambda f: f(None, T), TypeError, "input .*NoneType"),
    (lambda f: f(X.to("int64"), T), TypeError, "input .*int64"),
    (lambda f: f(X, [1, 4, 0]), TypeError, "target .*list"),
    (lambda f: f(X, 1), TypeError, "target .*int"),
    (lambda f: f(X, T.to("float32")), TypeError, r"target of shape \(3,\) must hold classes as integers, not float32"),
    (lambda f: f(X, T.to("bool")), TypeError, r"target of shape \(3,\) must hold classes as integers, not bool"),
    (lambda f: f(X, T, minipose.ones(4)), ValueError, r"weight must have shape \(C,\) = \(5,\)"),
    (lambda f: f(X, T, minipose.ones(5, 1)), ValueError, r"weight must have shape \(C,\) = \(5,\)"),
    (lambda f: f(X, T, minipose.ones(5, dtype="float64")), TypeError, "weight .*float64"),
    (lambda f: f(X, T, [1.0] * 5), TypeError, "weight .*list"),
    (lambda f: f(X, T, GRAD), ValueError, "weight must not require a gradient"),
    (lambda f: f(X, T, ignore_index=2.0), TypeError, "ignore_index .*2.0"),
    (lambda f: f(X, T, ignore_index=None), TypeError, "ignore_index .*None"),
    (lambda f: f(X, T, ignore_index=True), TypeError, "ignore_index .*True"),
    (lambda f: f(X, T, reduction="batchmean"), ValueError, "reduction .*'batchmean'"),
    (lambda f: f(X, T, reduction=None), ValueError, "reduction .*None"),
]
each_name = pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])


@each_name
@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:40] for _, _, text in ERRORS])
def test_errors_name_operation_and_shape(name, call, error, text):
    with pytest.raises(error, match=f"^{name}: {text}"):
        call(getattr(ops, name))


@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda: ops.cross_entropy(X, X.to("int64")), TypeError, "target has the input's shape, so .*not int64"),
    (lambda: ops.cross_entropy(X, X, ignore_index=2), ValueError, "ignore_index=2 is for a target of classes"),
    (lambda: ops.cross_entropy(X, T, label_smoothing=1.1), ValueError, "label_smoothing .*1.1"),
    (lambda: ops.cross_entropy(X, T, label_smoothing=-0.1), ValueError, "label_smoothing .*-0.1"),
    (lambda: ops.cross_entropy(X, T, label_smoothing=float("nan")), ValueError, "label_smoothing .*nan"),
    (lambda: ops.cross_entropy(X, T, label_smoothing=None), TypeError, "label_smoothing .*None"),
    (lambda: ops.cross_entropy(X, minipose.ones(5)), ValueError, r"input has shape \(3, 5\).*not \(5,\)"),
])  # fmt: skip
def test_errors_of_cross_entropy(call, error, text):
    with pytest.raises(error, match=f"^cross_entropy: {text}"):
        call()


def test_nll_loss_wants_classes():
    with pytest.raises(ValueError, match=r"^nll_loss: input has shape \(3, 5\).*not \(3, 5\)"):
        ops.nll_loss(X, X)
