import numpy as np
import pytest

import minipose
from minipose import Tensor, ops
from tests import oracle
from tests.oracle import Case

SHAPE = (2, 3, 7, 5)
GROUPS = (2, 6, 5, 3)
MEAN, VAR = np.array([0.3, -1.1, 2.0]), np.array([0.7, 1.9, 3.1])


def running(F, x):
    return tuple(F.tensor(values).to(x.dtype).to(x.device) for values in (MEAN, VAR))


CASES = [  # torch_twice=False: torch fails at the second derivative of a bias without a weight
    Case("layer_norm", lambda F, x, w, b: F.layer_norm(x, (7,), w, b), [(5, 7), (7,), (7,)]),
    Case("layer_norm_two_axes", lambda F, x, w, b: F.layer_norm(x, (3, 7), w, b), [(2, 5, 3, 7), (3, 7), (3, 7)]),
    Case("layer_norm_all_axes", lambda F, x, w: F.layer_norm(x, [5, 7], w, eps=0.2), [(5, 7), (5, 7)]),
    Case("layer_norm_bias", lambda F, x, b: F.layer_norm(x, (7,), bias=b), [(2, 5, 7), (7,)], torch_twice=False),
    Case("layer_norm_plain", lambda F, x: F.layer_norm(x, (7,), eps=0.0), [(5, 7)]),
    Case("layer_norm_of_one", lambda F, x, b: F.layer_norm(x, (1,), bias=b) * x, [(5, 1), (1,)], torch_twice=False),
    Case("layer_norm_far_off", lambda F, x, w: F.layer_norm(x + 50, (7,), w), [(5, 7), (7,)], looser=100),  # 50 + x
    Case("group_norm", lambda F, x, w, b: F.group_norm(x, 2, w, b), [GROUPS, (6,), (6,)]),
    Case("group_norm_one_group", lambda F, x, w, b: F.group_norm(x, 1, w, b, 0.3), [GROUPS, (6,), (6,)]),
    Case("group_norm_single_channels", lambda F, x, w: F.group_norm(x, 6, w), [GROUPS, (6,)]),
    Case("group_norm_vectors", lambda F, x, w, b: F.group_norm(x, 2, w, b), [(5, 6), (6,), (6,)]),
    Case("group_norm_lines", lambda F, x, w: F.group_norm(x, 3, w), [(2, 6, 5), (6,)]),
    Case("group_norm_plain", lambda F, x: F.group_norm(x, 3), [GROUPS]),
    Case("instance_norm", lambda F, x, w, b: F.instance_norm(x, weight=w, bias=b), [SHAPE, (3,), (3,)]),
    Case("instance_norm_lines", lambda F, x, w: F.instance_norm(x, weight=w, eps=0.2), [(2, 3, 5), (3,)]),
    Case("instance_norm_plain", lambda F, x: F.instance_norm(x), [SHAPE]),
    Case("instance_norm_running", lambda F, x, w, b: F.instance_norm(x, *running(F, x), w, b), [SHAPE, (3,), (3,)]),
    Case(
        "instance_norm_in_use", lambda F, x, w, b: F.instance_norm(x, *running(F, x), w, b, use_input_stats=False),
        [SHAPE, (3,), (3,)],
    ),
]


@oracle.each_dtype
def test_result_has_the_mean_of_bias_and_the_deviation_of_weight(dtype, rng):
    x = Tensor((rng.standard_normal((5, 3, 7, 11)) * 4 + 2).astype(dtype))
    weight, bias = Tensor(np.array([0.5, -2, 3], dtype)), Tensor(np.array([7, 0, -1], dtype))
    y = ops.batch_norm(x, None, None, weight, bias, training=True).data
    np.testing.assert_allclose(y.mean((0, 2, 3)), bias.data, atol=1e-5)
    np.testing.assert_allclose(y.std((0, 2, 3)), np.abs(weight.data), rtol=1e-4)


@oracle.each_dtype
@pytest.mark.parametrize("momentum", [0.1, 0.3, 1.0])
def test_running_statistics_move_to_the_unbiased_variance(dtype, momentum, rng):
    x = rng.standard_normal(SHAPE) * 3 + 1
    mean, var = Tensor(MEAN.astype(dtype)), Tensor(VAR.astype(dtype))
    ops.batch_norm(Tensor(x.astype(dtype)), mean, var, training=True, momentum=momentum)
    expected_mean = (1 - momentum) * MEAN + momentum * x.mean((0, 2, 3))
    expected_var = (1 - momentum) * VAR + momentum * x.var((0, 2, 3), ddof=1)
    tolerance = oracle.TOLERANCES[dtype]
    oracle.assert_close(mean.data, expected_mean, tolerance)
    oracle.assert_close(var.data, expected_var, tolerance)
    assert mean.dtype == dtype and not mean.requires_grad


@pytest.mark.parametrize("shape", [SHAPE, (7, 3), (2, 3, 5), (2, 3, 1, 5, 2)], ids=str)
@pytest.mark.parametrize(("name", "option"), [("batch_norm", "training"), ("instance_norm", "use_input_stats")])
@oracle.each_dtype
def test_running_statistics_match_torch(name, option, shape, dtype, rng, torch):
    if name == "instance_norm" and len(shape) == 2:
        pytest.skip("one value per channel and sample")
    x = rng.standard_normal(shape).astype(dtype)
    ours = [Tensor(MEAN.astype(dtype)), Tensor(VAR.astype(dtype))]
    theirs = [torch.tensor(MEAN), torch.tensor(VAR)]
    for momentum in (0.1, 0.7):
        getattr(ops, name)(Tensor(x), *ours, momentum=momentum, **{option: True})
        function = getattr(torch.nn.functional, name)
        function(torch.tensor(x.astype("float64")), *theirs, momentum=momentum, **{option: True})
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == dtype
        oracle.assert_close(a.data, b.numpy(), oracle.TOLERANCES[dtype])


@pytest.mark.parametrize("shape", [(0, 4), (0, 4, 3), (2, 4, 0), (0, 4, 2, 3), (2, 4, 3, 0)], ids=str)
def test_no_entries(shape, torch):
    for normalise, theirs in [
        (lambda F, x, *more: F.batch_norm(x, *more, training=True), True),
        (lambda F, x, mean, var, *more: F.batch_norm(x, mean, var, *more), True),
        (lambda F, x, mean, var, *more: F.group_norm(x, 2, *more), False),  # torch: NaN for weights of empty groups
        (lambda F, x, mean, var, *more: F.instance_norm(x, mean, var, *more), False),  # torch: an index error
    ]:
        if len(shape) == 2 and not theirs:
            continue
        x, weight, mean, var = (minipose.ones(*s) for s in (shape, (4,), (4,), (4,)))
        x.requires_grad = weight.requires_grad = True
        y = normalise(ops, x, mean, var, weight, weight)
        y.sum().backward()
        assert y.shape == x.grad.shape == shape
        np.testing.assert_array_equal(weight.grad.data, np.zeros(4))
        np.testing.assert_array_equal([mean.data, var.data], np.ones((2, 4)))
        if theirs:
            args = torch.ones(shape), torch.ones(4), torch.ones(4), torch.ones(4), torch.ones(4)
            assert tuple(normalise(torch.nn.functional, *args).shape) == shape
    assert ops.layer_norm(minipose.ones(*shape), shape[1:]).shape == shape


@pytest.mark.parametrize("shape", [(5, 3), (5, 3, 1), (5, 3, 1, 1)], ids=str)
def test_a_group_of_one_value_is_the_bias(shape, rng, torch):
    x, bias = rng.standard_normal(shape), rng.standard_normal(3)
    y = ops.group_norm(Tensor(x), 3, bias=Tensor(bias)).data
    expected = torch.nn.functional.group_norm(torch.tensor(x), 3, bias=torch.tensor(bias))
    oracle.assert_close(y, expected.numpy(), 1e-12)
    np.testing.assert_array_equal(y, np.broadcast_to(bias.reshape(1, 3, *shape[2:]), shape))


def test_checkpoint_moves_running_statistics_once(rng):
    for operation in (ops.batch_norm, ops.instance_norm):
        option = {"training": True} if operation is ops.batch_norm else {}
        mean, var = Tensor(MEAN.copy()), Tensor(VAR.copy())
        x = Tensor(rng.standard_normal(SHAPE), requires_grad=True)
        y = minipose.checkpoint(lambda t, f=operation, m=mean, v=var, o=option: f(t, m, v, **o), x)
        moved = mean.data.copy(), var.data.copy()
        y.backward(Tensor(rng.standard_normal(SHAPE)))
        assert (moved[0] != MEAN).all()
        np.testing.assert_array_equal([mean.data, var.data], moved)


def test_evaluation_leaves_the_running_statistics_alone(rng):
    mean, var = Tensor(MEAN.copy()), Tensor(VAR.copy())
    ops.batch_norm(Tensor(rng.standard_normal(SHAPE)), mean, var, momentum=0.9)
    np.testing.assert_array_equal(mean.data, MEAN)
    np.testing.assert_array_equal(var.data, VAR)


@oracle.each_dtype
def test_evaluation_of_an_empty_batch_and_of_one_value(dtype):
    mean, var = Tensor(MEAN.astype(dtype)), Tensor(VAR.astype(dtype))
    assert ops.batch_norm(Tensor(np.zeros((0, 3, 7, 5), dtype)), mean, var).shape == (0, 3, 7, 5)
    y = ops.batch_norm(Tensor(np.zeros((1, 3, 1, 1), dtype)), mean, var, eps=0.0)
    np.testing.assert_allclose(y.data.ravel(), -MEAN / np.sqrt(VAR), rtol=1e-6)


@pytest.mark.parametrize("with_bias", [False, True])
def test_evaluation_is_differentiated_with_the_statistics_it_used(with_bias, rng):
    x, mean, var = Tensor(rng.standard_normal(SHAPE)), Tensor(MEAN.copy()), Tensor(VAR.copy())
    weight, upstream = minipose.ones(3, dtype="float64", requires_grad=True), rng.standard_normal(SHAPE)
    y = ops.batch_norm(x, mean, var, weight, weight if with_bias else None, eps=0.0)
    ops.batch_norm(x, mean, var, training=True, momentum=0.5)  # moves the running statistics in place
    y.backward(Tensor(upstream))
    normalised = (x.data - MEAN.reshape(3, 1, 1)) / np.sqrt(VAR).reshape(3, 1, 1) + with_bias
    np.testing.assert_allclose(weight.grad.data, (upstream * normalised).sum((0, 2, 3)), rtol=1e-10)


def third_order(grad, make, x, y):
    for _ in range(3):
        upstream = make(np.random.default_rng(1).standard_normal(tuple(y.shape)))
        (y,) = grad(y, [x], upstream, create_graph=True)
        y = y * y
    return y


@pytest.mark.parametrize(("dims", "normalise"), [
    ((2,), lambda x: ops.layer_norm(x, (5,))),
    ((2,), lambda x: ops.instance_norm(x)),
    ((0, 2), lambda x: ops.batch_norm(x, None, None, training=True)),
], ids=["layer_norm", "instance_norm", "batch_norm"])  # fmt: skip
def test_third_derivatives_are_those_of_the_formula(dims, normalise, rng, torch):
    values = rng.standard_normal((3, 7, 5))  # torch's own third derivatives take the deviation for a constant
    x, y = Tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    formula = (y - y.mean(dims, keepdim=True)) / (y.var(dims, correction=0, keepdim=True) + 1e-5).sqrt()
    ours = third_order(minipose.grad, Tensor, x, normalise(x))
    theirs = third_order(torch.autograd.grad, torch.tensor, y, formula)
    oracle.assert_close(ours.data, theirs.detach().numpy(), 1e-12)


X, C3, C2 = minipose.ones(2, 3, 7, 5), minipose.ones(3), minipose.ones(2)
GRAD, NAN = minipose.ones(3, requires_grad=True), float("nan")
ERRORS = [
    (lambda: ops.batch_norm(X.data, None, None, training=True), TypeError, "batch_norm: input .*ndarray"),
    (lambda: ops.batch_norm(X[0, 0, 0], None, None, training=True), ValueError, r"batch_norm: input .*\(5,\)"),
    (lambda: ops.batch_norm(X.to("int64"), None, None, training=True), TypeError, "batch_norm: input .*int64"),
    (lambda: ops.batch_norm(X, C2, C3), ValueError, r"batch_norm: running_mean .*\(3,\).*\(2,\)"),
    (lambda: ops.batch_norm(X, C3, C2), ValueError, r"batch_norm: running_var .*\(3,\).*\(2,\)"),
    (lambda: ops.batch_norm(X, C3, C3, C2), ValueError, r"batch_norm: weight .*\(3,\).*\(2,\)"),
    (lambda: ops.batch_norm(X, C3, C3, C3, C2), ValueError, r"batch_norm: bias .*\(3,\).*\(2,\)"),
    (lambda: ops.batch_norm(X, C3, C3, C3.data), (TypeError, ValueError), "batch_norm: weight "),
    (lambda: ops.batch_norm(X, C3, C3, C3.to("float64"), training=True), TypeError, "batch_norm: .*weight.*float64"),
    (lambda: ops.batch_norm(X, None, None), ValueError, "batch_norm: running_mean and running_var .*training=False"),
    (
        lambda: ops.batch_norm(minipose.ones(1, 3, 1, 1), C3, C3, training=True), ValueError,
        "batch_norm: .*more than one value.*N=1 C=3 H=1 W=1",
    ),
    (
        lambda: ops.batch_norm(minipose.ones(1, 3), C3, C3, training=True), ValueError,
        r"batch_norm: .*more than one value.*\(1, 3\)",
    ),
    (lambda: ops.batch_norm(X, C3, None, training=True), ValueError, "batch_norm: running_var is missing"),
    (lambda: ops.batch_norm(X, None, C3, training=True), ValueError, "batch_norm: running_mean is missing"),
    (lambda: ops.batch_norm(X, C3, None), ValueError, "batch_norm: running_mean and running_var .*training=False"),
    (lambda: ops.batch_norm(X, GRAD, C3), ValueError, "batch_norm: running_mean must not require"),
    (lambda: ops.batch_norm(X, C3, C3, training=1), TypeError, "batch_norm: training must be True or False"),
    (lambda: ops.batch_norm(X, C3, C3, training=True, momentum=None), TypeError, "batch_norm: momentum .*None"),
    (lambda: ops.batch_norm(X, C3, C3, training=True, momentum=1.5), ValueError, "batch_norm: momentum .*1.5"),
    (lambda: ops.batch_norm(X, C3, C3, momentum=NAN), ValueError, "batch_norm: momentum .*nan"),
    (lambda: ops.batch_norm(X, C3, C3, eps=-1e-5), ValueError, "batch_norm: eps .*-1e-05"),
    (lambda: ops.batch_norm(X, C3, C3, eps=0.0, training=True), ValueError, "batch_norm: eps must be positive"),
    (lambda: ops.batch_norm(X, C3, C3, eps="small"), TypeError, "batch_norm: eps .*'small'"),
    (lambda: ops.layer_norm(X.data, (5,)), TypeError, "layer_norm: input .*ndarray"),
    (lambda: ops.layer_norm(X.to("uint8"), (5,)), TypeError, "layer_norm: input .*uint8"),
    (lambda: ops.layer_norm(X, 5), TypeError, "layer_norm: normalized_shape .*5"),
    (lambda: ops.layer_norm(X, None), TypeError, "layer_norm: normalized_shape .*None"),
    (lambda: ops.layer_norm(X, (5.0,)), TypeError, r"layer_norm: normalized_shape .*5\.0"),
    (lambda: ops.layer_norm(X, ()), ValueError, r"layer_norm: input \(2, 3, 7, 5\) must end in normalized_shape"),
    (lambda: ops.layer_norm(minipose.ones(), ()), ValueError, r"layer_norm: input \(\) must end in"),
    (lambda: ops.layer_norm(X, (7,)), ValueError, r"layer_norm: input \(2, 3, 7, 5\) .*normalized_shape=\(7,\)"),
    (lambda: ops.layer_norm(X, (-1,)), ValueError, r"layer_norm: input .*normalized_shape=\(-1,\)"),
    (lambda: ops.layer_norm(X, (1, 2, 3, 7, 5)), ValueError, "layer_norm: input .*normalized_shape="),
    (lambda: ops.layer_norm(X, (7, 5), minipose.ones(5)), ValueError, r"layer_norm: weight .*\(5,\).*\(7, 5\)"),
    (lambda: ops.layer_norm(X, (5,), bias=C3), ValueError, r"layer_norm: bias .*\(3,\).*\(5,\)"),
    (lambda: ops.layer_norm(X, (5,), 1.0), TypeError, "layer_norm: weight .*float"),
    (lambda: ops.layer_norm(X, (5,), minipose.ones(5).to("float64")), TypeError, "layer_norm: weight .*float64"),
    (lambda: ops.layer_norm(X, (5,), eps=-1.0), ValueError, "layer_norm: eps .*-1.0"),
    (lambda: ops.layer_norm(X, (5,), eps=None), TypeError, "layer_norm: eps .*None"),
    (lambda: ops.group_norm(X, 2), ValueError, "group_norm: num_groups=2 does not divide the 3 channels.*N=2 C=3"),
    (lambda: ops.group_norm(X, 0), ValueError, "group_norm: num_groups must be at least 1, not 0"),
    (lambda: ops.group_norm(X, -3), ValueError, "group_norm: num_groups must be at least 1, not -3"),
    (lambda: ops.group_norm(X, 3.0), TypeError, "group_norm: num_groups .*3.0"),
    (lambda: ops.group_norm(X, True), TypeError, "group_norm: num_groups .*True"),
    (lambda: ops.group_norm(C3, 3), ValueError, r"group_norm: input .*\(3,\)"),
    (lambda: ops.group_norm(X.data, 3), TypeError, "group_norm: input .*ndarray"),
    (lambda: ops.group_norm(minipose.ones(1, 6, 1), 6), ValueError, r"group_norm: .*more than one.*\(1, 6, 1\)"),
    (lambda: ops.group_norm(X, 3, C2), ValueError, r"group_norm: weight .*\(3,\).*\(2,\)"),
    (lambda: ops.group_norm(X, 3, eps=NAN), ValueError, "group_norm: eps .*nan"),
    (lambda: ops.instance_norm(X[0, 0]), ValueError, r"instance_norm: .*more than one value.*\(7, 5\)"),
    (lambda: ops.instance_norm(X[:, :, :1, :1]), ValueError, "instance_norm: .*more than one value.*N=2 C=3 H=1 W=1"),
    (lambda: ops.instance_norm(C3), ValueError, r"instance_norm: input .*\(3,\)"),
    (lambda: ops.instance_norm(X, C3), ValueError, "instance_norm: running_var is missing"),
    (lambda: ops.instance_norm(X, use_input_stats=False), ValueError, "instance_norm: .*use_input_stats=False"),
    (lambda: ops.instance_norm(X, use_input_stats=None), TypeError, "instance_norm: use_input_stats .*None"),
    (lambda: ops.instance_norm(X, C2, C2), ValueError, r"instance_norm: running_mean .*\(3,\).*\(2,\)"),
    (lambda: ops.instance_norm(X, C3, GRAD), ValueError, "instance_norm: running_var must not require"),
    (lambda: ops.instance_norm(X, momentum="a"), TypeError, "instance_norm: momentum .*'a'"),
    (lambda: ops.instance_norm(X, eps=-1), ValueError, "instance_norm: eps .*-1"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:40] for _, _, text in ERRORS])
def test_errors_name_operation_and_shape(call, error, text):
    with pytest.raises(error, match=f"^{text}"):
        call()
