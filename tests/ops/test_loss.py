import warnings

import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests import oracle
from tests.oracle import Case

PAIR = [(5, 7)] * 2
REDUCTIONS = ("mean", "sum", "none")


def weighted(F, x, n=35):
    """A weight of x's shape, or its last axes."""
    values = np.linspace(0.3, 2.5, n).reshape(-1, x.shape[-1]) if n > 7 else np.linspace(0.3, 2.5, n)
    return F.tensor(values).to(x.dtype).to(x.device)


def bce(F, x, t, **options):
    return F.binary_cross_entropy(F.sigmoid(x), F.sigmoid(t), **options)


def kl(F, x, t, reduction, log_target=False):
    return F.kl_div(F.log_softmax(x, 1), F.log_softmax(t, 1) if log_target else F.softmax(t, 1), reduction=reduction,
                    log_target=log_target)  # fmt: skip


FAMILY = {
    "mse": lambda F, a, b, **o: F.mse_loss(a, b, **o),
    "l1": lambda F, a, b, **o: F.l1_loss(a, b, **o),
    "smooth_l1": lambda F, a, b, **o: F.smooth_l1_loss(a, b, **o),
    "huber": lambda F, a, b, **o: F.huber_loss(a, b, **o),
    "bce": bce,
    "bce_with_logits": lambda F, x, t, **o: F.binary_cross_entropy_with_logits(x * 3, t, **o),
}
LOGITS = FAMILY["bce_with_logits"]
CASES = [  # torch_twice=False: torch adds 1e-12 to x (1 - x) in the second derivative of bce, which shows in float64
    Case(f"{name}_{reduction}", lambda F, a, b, f=loss, r=reduction: f(F, a, b, reduction=r), PAIR,
         torch_twice=name != "bce")
    for name, loss in FAMILY.items()
    for reduction in REDUCTIONS
] + [
    Case(f"{name}_weighted_{reduction}", lambda F, a, b, f=FAMILY[name], r=reduction: f(
        F, a, b, reduction=r, weight=weighted(F, a)), PAIR, torch_twice=name != "bce")
    for name in ("mse", "l1", "huber", "bce", "bce_with_logits")
    for reduction in REDUCTIONS
] + [
    Case(f"kl_{reduction}{'_log' * log}", lambda F, a, b, r=reduction, g=log: kl(F, a, b, r, g), PAIR)
    for reduction in ("batchmean", "sum", "none")
    for log in (False, True)
] + [
    Case("mse_default", lambda F, a, b: F.mse_loss(a, b), PAIR),
    Case("mse_of_images", lambda F, a, b: F.mse_loss(a, b), [(2, 3, 7, 5)] * 2),
    Case("mse_learnt_weight", lambda F, a, b, w: F.mse_loss(a, b, weight=w), [(5, 7)] * 3, positive=True),
    Case("l1_0d", lambda F, a, b: F.l1_loss(a, b), [(), ()]),
    Case("smooth_l1_small_beta", lambda F, a, b: F.smooth_l1_loss(a, b, beta=0.3), PAIR),
    Case("smooth_l1_large_beta", lambda F, a, b: F.smooth_l1_loss(a, b, beta=30), PAIR),
    Case("smooth_l1_beta_0", lambda F, a, b: F.smooth_l1_loss(a, b, beta=0), PAIR),
    Case("huber_small_delta", lambda F, a, b: F.huber_loss(a, b, delta=0.3), PAIR),
    Case("huber_large_delta", lambda F, a, b: F.huber_loss(a, b, delta=30), PAIR),
    Case("bce_weight_of_columns", lambda F, a, b: bce(F, a, b, weight=weighted(F, a, 7)), PAIR, torch_twice=False),
    Case("bce_0d", bce, [(), ()], torch_twice=False),
    Case("bce_with_logits_weight_of_columns", lambda F, a, b: LOGITS(F, a, b, weight=weighted(F, a, 7)), PAIR),
    Case("bce_with_logits_pos_weight", lambda F, a, b: LOGITS(F, a, b, pos_weight=weighted(F, a, 7)), PAIR),
    Case("huber_learnt_weight", lambda F, a, b, w: F.huber_loss(a, b, weight=w), [(5, 7)] * 3),
    Case("kl_0d", lambda F, a, b: F.kl_div(a, F.exp(b), reduction="batchmean"), [(), ()]),
]  # fmt: skip


def test_value_of_the_definition(rng):
    a, b = rng.standard_normal((2, 7, 5))
    e = np.abs(a - b)
    p, t = 1 / (1 + np.exp(-a)), 1 / (1 + np.exp(-b))
    for loss, expected in [
        (ops.mse_loss(Tensor(a), Tensor(b)), e**2),
        (ops.l1_loss(Tensor(a), Tensor(b)), e),
        (ops.huber_loss(Tensor(a), Tensor(b), delta=0.7), np.where(e < 0.7, e**2 / 2, 0.7 * (e - 0.35))),
        (ops.smooth_l1_loss(Tensor(a), Tensor(b), beta=0.7), np.where(e < 0.7, e**2 / 1.4, e - 0.35)),
        (ops.binary_cross_entropy(Tensor(p), Tensor(t)), -t * np.log(p) - (1 - t) * np.log(1 - p)),
        (ops.binary_cross_entropy_with_logits(Tensor(a), Tensor(t)), -t * np.log(p) - (1 - t) * np.log(1 - p)),
        (ops.kl_div(Tensor(np.log(p)), Tensor(t)), t * np.log(t / p)),
        (ops.kl_div(Tensor(np.log(p)), Tensor(np.log(t)), log_target=True), t * np.log(t / p)),
    ]:
        np.testing.assert_allclose(loss.item(), expected.mean(), rtol=1e-12)


def in_both(torch, function, dtype, *arrays):
    """Return (value, gradients) of the sum in both engines."""
    arrays = [np.array(a, dtype) for a in arrays]
    results = []
    for F, make in [
        (ops, lambda a: Tensor(a, requires_grad=True)),
        (torch.nn.functional, lambda a: torch.tensor(a, requires_grad=True)),
    ]:
        inputs = [make(a) for a in arrays]
        value = function(F, *inputs)
        value.sum().backward()
        results.append([value.detach().numpy(), *(x.grad.data if F is ops else x.grad.numpy() for x in inputs)])
    return results


KINKS = {
    "l1_loss": {},
    "smooth_l1_loss": {"beta": 1.0},
    "huber_loss": {"delta": 1.0},
    "smooth_l1_loss of 2": {"beta": 2.0},
    "huber_loss of 2": {"delta": 2.0},
    "smooth_l1_loss of 0": {"beta": 0.0},
}


@pytest.mark.parametrize("name", KINKS)
@oracle.each_dtype
def test_kinks_and_infinities_are_torchs(name, dtype, torch):
    values = [0.0, -0.0, 1, -1, 2, -2, 0.5, np.inf, -np.inf, 1e30, np.nan]
    function = lambda F, a, b: getattr(F, name.split()[0])(a, b, reduction="none", **KINKS[name])  # noqa: E731
    ours, theirs = in_both(torch, function, dtype, values, np.zeros(len(values)))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a[:-1], b[:-1])
        assert np.isnan(a[-1])  # torch's l1_loss gives a gradient of 0 to a loss of NaN


@pytest.mark.parametrize(("name", "option"), [("smooth_l1_loss", "beta"), ("huber_loss", "delta")])
def test_second_derivatives_at_the_kinks_are_torchs(name, option, torch):
    values, second = np.array([0.0, 1, -1, 2, -2, 0.5, -3]), []
    for F, grad, x in [
        (ops, minipose.grad, Tensor(values, requires_grad=True)),
        (torch.nn.functional, torch.autograd.grad, torch.tensor(values, requires_grad=True)),
    ]:
        loss = getattr(F, name)(x, x.detach() * 0, reduction="sum", **{option: 2.0})
        first = grad(loss, [x], create_graph=True)[0]
        second.append(grad(first.sum(), [x])[0].detach().numpy())
    np.testing.assert_array_equal(*second)


@oracle.each_dtype
def test_very_large_and_very_small_thresholds(dtype, torch):
    x = np.array([-3, 0.5, 0, 4], dtype)
    for threshold in (1e300, np.inf, 1e-300, 1e-30):
        for name, option in (("smooth_l1_loss", "beta"), ("huber_loss", "delta")):
            ours = getattr(ops, name)(Tensor(x), Tensor(x * 0), **{option: threshold}).item()
            theirs = getattr(torch.nn.functional, name)(torch.tensor(x), torch.tensor(x * 0), **{option: threshold})
            np.testing.assert_allclose(ours, theirs.item(), rtol=1e-6, atol=1e-37)


@oracle.each_dtype
def test_bce_at_0_and_1_is_torchs(dtype, torch):
    x, t = [0, 0, 1, 1, 0, 1, 0.3, 1e-13, 1e-30], [0, 1, 0, 1, 0.3, 0.3, 0.4, 1, 1]
    constant = lambda F, a: (minipose if F is ops else torch).tensor(np.array(t, dtype))  # noqa: E731
    ours, theirs = in_both(
        torch, lambda F, a: F.binary_cross_entropy(a, constant(F, a), reduction="none"), dtype, x
    )
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12 if dtype == "float64" else 1e-6)


@oracle.each_dtype
def test_bce_with_logits_of_any_size_is_torchs(dtype, torch):
    x, t = [0, 0, 1e3, -1e3, 1e3, -1e3, 30, -30, 1e30], [0, 1, 0, 0, 1, 1, 1, 0, 0.5]
    for weight in (None, 3.0):
        def function(F, a, b, w=weight):
            make = minipose.tensor if F is ops else torch.tensor
            w = None if w is None else make(np.array(w, dtype))
            return F.binary_cross_entropy_with_logits(a, b, reduction="none", pos_weight=w)

        ours, theirs = in_both(torch, function, dtype, x, t)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7 if dtype == "float32" else 1e-13)


def test_kl_div_with_probabilities_of_0(torch):
    x, t = np.log([0.2, 0.5, 0.3]), [0, 0.4, 0.6]
    ours, theirs = in_both(torch, lambda F, a, b: F.kl_div(a, b, reduction="none"), "float64", x, t)
    for a, b in zip(ours[:2], theirs[:2], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    np.testing.assert_allclose(ours[2][1:], theirs[2][1:], rtol=1e-12)
    assert ours[2][0] == -x[0] and np.isnan(theirs[2][0])


@pytest.mark.parametrize("log_target", [False, True])
def test_kl_div_mean(log_target, rng, torch):
    x, t = -np.abs(rng.standard_normal((2, 5, 7)))
    t = t if log_target else -t
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch means to change it some day
        expected = torch.nn.functional.kl_div(torch.tensor(x), torch.tensor(t), log_target=log_target)
    np.testing.assert_allclose(ops.kl_div(Tensor(x), Tensor(t), log_target=log_target).item(), expected, rtol=1e-12)


NAMES = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
         "binary_cross_entropy_with_logits", "kl_div")  # fmt: skip
each_loss = pytest.mark.parametrize("name", NAMES)


@each_loss
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
def test_no_entries(name, torch):
    for shape in ((0,), (0, 3), (3, 0)):
        for reduction in REDUCTIONS:
            x = minipose.ones(*shape, requires_grad=True)
            value = getattr(ops, name)(x, minipose.ones(*shape), reduction=reduction)
            expected = getattr(torch.nn.functional, name)(torch.ones(shape), torch.ones(shape), reduction=reduction)
            np.testing.assert_array_equal(value.data, expected.numpy())
            value.sum().backward()
            assert x.grad.shape == shape


def test_mixed_floats_give_float64(rng):
    a, b = (Tensor(rng.random(5).astype(dtype)) for dtype in ("float32", "float64"))
    for name in NAMES:
        if name != "binary_cross_entropy":
            assert getattr(ops, name)(a, b).dtype == "float64"


ONES = minipose.ones(5, 7)
ERRORS = [
    (lambda f: f(minipose.ones(7, 1), minipose.ones(7)), ValueError, r"input has shape \(7, 1\) but target has \(7,\)"),
    (lambda f: f(ONES, minipose.ones(7)), ValueError, r"input has shape \(5, 7\) but target has \(7,\).*broadcasting"),
    (lambda f: f(ONES, minipose.ones()), ValueError, r"input has shape \(5, 7\) but target has \(\)"),
    (lambda f: f(ONES, ONES, reduction="average"), ValueError, "reduction .*'average'"),
    (lambda f: f(ONES, ONES, reduction=None), ValueError, "reduction .*None"),
    (lambda f: f(ONES, ONES, reduction=True), ValueError, "reduction .*True"),
    (lambda f: f(ONES, ONES, reduction=["sum"]), ValueError, "reduction .*'sum'"),
    (lambda f: f(ONES.data, ONES), TypeError, "input .*ndarray"),
    (lambda f: f(None, ONES), TypeError, "input .*NoneType"),
    (lambda f: f(ONES, 1.0), TypeError, "target .*float"),
    (lambda f: f(ONES, [[1.0]]), TypeError, "target .*list"),
    (lambda f: f(ONES.to("int64"), ONES), TypeError, "input .*int64"),
    (lambda f: f(ONES, ONES.to("int64")), TypeError, "target .*int64"),
]


@each_loss
@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:30] for _, _, text in ERRORS])
def test_errors_of_every_loss(name, call, error, text):
    with pytest.raises(error, match=f"^{name}: {text}"):
        call(getattr(ops, name))


BCE, WITH_LOGITS = ops.binary_cross_entropy, ops.binary_cross_entropy_with_logits
NAN, GRAD = float("nan"), minipose.ones(7, requires_grad=True)
ERRORS_OF_ONE = [
    (lambda: ops.kl_div(ONES, ONES, log_target=1), TypeError, "kl_div: log_target .*1"),
    (lambda: ops.mse_loss(ONES, ONES, reduction="batchmean"), ValueError, "mse_loss: reduction .*'batchmean'"),
    (lambda: ops.smooth_l1_loss(ONES, ONES, beta=-0.1), ValueError, "smooth_l1_loss: beta .*-0.1"),
    (lambda: ops.smooth_l1_loss(ONES, ONES, beta=NAN), ValueError, "smooth_l1_loss: beta .*nan"),
    (lambda: ops.smooth_l1_loss(ONES, ONES, beta=None), TypeError, "smooth_l1_loss: beta .*None"),
    (lambda: ops.smooth_l1_loss(ONES, ONES, beta=True), TypeError, "smooth_l1_loss: beta .*True"),
    (lambda: ops.huber_loss(ONES, ONES, delta=0.0), ValueError, "huber_loss: delta must be positive, not 0"),
    (lambda: ops.huber_loss(ONES, ONES, delta=-1), ValueError, "huber_loss: delta .*-1"),
    (lambda: ops.huber_loss(ONES, ONES, delta="1"), TypeError, "huber_loss: delta .*'1'"),
    (lambda: ops.mse_loss(ONES, ONES, weight=minipose.ones(7)), ValueError, r"mse_loss: .*\(5, 7\).*weight has \(7,\)"),
    (lambda: ops.l1_loss(ONES, ONES, weight=2.0), TypeError, "l1_loss: weight .*float"),
    (lambda: ops.huber_loss(ONES, ONES, weight=ONES.to("float64")), TypeError, "huber_loss: weight is float64"),
    (lambda: BCE(ONES * 1.01, ONES), ValueError, "binary_cross_entropy: every entry of input must be from 0 to 1"),
    (lambda: BCE(ONES * -0.01, ONES), ValueError, "binary_cross_entropy: every entry of input must be from 0 to 1"),
    (lambda: BCE(ONES * NAN, ONES), ValueError, "binary_cross_entropy: every entry of input must be from 0 to 1"),
    (lambda: BCE(ONES, ONES * 7), ValueError, "binary_cross_entropy: every entry of target must be from 0 to 1"),
    (lambda: BCE(ONES, ONES.to("float64")), TypeError, "binary_cross_entropy: input is float32 but target float64"),
    (lambda: BCE(ONES, ONES, minipose.ones(5)), ValueError, r"binary_cross_entropy: .*weight has \(5,\).*broadcast"),
    (lambda: BCE(ONES, ONES, minipose.ones(1, 5, 7)), ValueError, r"binary_cross_entropy: .*weight has \(1, 5, 7\)"),
    (lambda: BCE(minipose.ones(1, 7), minipose.ones(1, 7), ONES), ValueError, r"binary_cross_entropy: .*weight has"),
    (lambda: BCE(ONES, ONES, GRAD), ValueError, "binary_cross_entropy: weight must not require a gradient"),
    (lambda: BCE(ONES, ONES, 2), TypeError, "binary_cross_entropy: weight .*int"),
    (
        lambda: WITH_LOGITS(ONES, ONES, pos_weight=minipose.ones(5)), ValueError,
        r"binary_cross_entropy_with_logits: .*pos_weight has \(5,\)",
    ),
    (lambda: WITH_LOGITS(ONES, ONES, pos_weight=3.0), TypeError, "binary_cross_entropy_with_logits: pos_weight "),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), ERRORS_OF_ONE, ids=[text[:40] for _, _, text in ERRORS_OF_ONE])
def test_errors_of_one_loss(call, error, text):
    with pytest.raises(error, match=f"^{text}"):
        call()
