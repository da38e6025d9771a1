"""Operations on whatever Hypothesis draws: shapes, broadcasts, dims, strides, paddings and dtypes, against PyTorch.

What torch computes, minipose computes, with the same gradients; what torch refuses, minipose refuses by its own name.
"""

from __future__ import annotations

import numpy as np
import pytest

hypothesis = pytest.importorskip("hypothesis", reason="needs Hypothesis: pip install -e '.[test]'")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from hypothesis.extra.numpy import basic_indices, mutually_broadcastable_shapes  # noqa: E402

from minipose import Tensor  # noqa: E402
from tests.oracle import TOLERANCES, Minipose, functions_of  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:grad and param do not obey")  # torch, on empty tensors
quick = settings(max_examples=60, deadline=None, derandomize=True, database=None)
dtypes = st.sampled_from(["float64", "float32"])
shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)
full_shapes = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)
small = st.integers(1, 3)
pairs = st.one_of(small, st.tuples(small, small))
paddings = st.one_of(st.integers(0, 2), st.tuples(st.integers(0, 2), st.integers(0, 2)))
flags = st.booleans()
REFUSED = (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError)


def check_close(actual, expected, dtype):
    """Compare, relative to the largest entry or to 1, which is about what the inputs are."""
    assert actual.shape == expected.shape
    size = max(1.0, np.abs(expected).max(initial=0, where=np.isfinite(expected)))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=10 * TOLERANCES[dtype] * size)


def agree(torch, run, shapes, dtype="float64", positive=False, whole=()):
    """Compare run(F, *tensors) in both engines, and its gradients from a random upstream.

    PyTorch computes in float64, so that the tolerance is for our rounding only.
    """
    rng = np.random.default_rng(len(shapes))
    arrays = [np.asarray(rng.uniform(0.3, 2.0, s) if positive else rng.standard_normal(s), dtype) for s in shapes]
    ours = [Tensor(a, requires_grad=True) for a in arrays] + [Tensor(a) for a in whole]
    theirs = [torch.tensor(a.astype("float64"), requires_grad=True) for a in arrays] + list(map(torch.tensor, whole))
    try:
        expected = run(functions_of(torch), *theirs)
    except REFUSED as error:
        with pytest.raises((ValueError, TypeError)):
            run(Minipose, *ours)
            pytest.fail(f"torch refuses this: {error}")
        return
    result = run(Minipose, *ours)
    single = isinstance(result, Tensor)
    for r, e in zip((result,) if single else result, (expected,) if single else expected, strict=True):
        assert str(r.dtype) == str(e.dtype).removeprefix("torch.").replace("float64", dtype if arrays else "float64")
        check_close(r.data, e.detach().numpy(), dtype)
        assert r.requires_grad == e.requires_grad
        if r.requires_grad:
            upstream = np.asarray(rng.standard_normal(r.shape), r.dtype)
            r.backward(Tensor(upstream), retain_graph=True)
            e.backward(torch.tensor(upstream.astype("float64")), retain_graph=True)
    for x, y in zip(ours, theirs, strict=True):
        assert (x.grad is None) == (y.grad is None)
        if x.grad is not None:
            check_close(x.grad.data, y.grad.numpy(), dtype)


UNARY = [
    "abs", "cos", "erf", "exp", "expm1", "log", "log1p", "neg", "reciprocal", "rsqrt", "sigmoid", "sin", "sqrt",
    "square", "tanh", "relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "hardswish", "softplus",
]  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
@given(shape=shapes, dtype=dtypes)
@quick
def test_functions_of_one_number(torch, name, shape, dtype):
    agree(torch, lambda F, x: getattr(F, name)(x), [shape], dtype, positive=True)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow", "maximum", "minimum"])
@given(drawn=mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=4, max_dims=4), dtype=dtypes)
@quick
def test_broadcasting(torch, name, drawn, dtype):
    agree(torch, lambda F, a, b: getattr(F, name)(a, b), drawn.input_shapes, dtype, positive=True)


@given(a=shapes, b=shapes)
@quick
def test_shapes_that_may_not_broadcast(torch, a, b):
    agree(torch, lambda F, x, y: F.add(x, y), [a, b])


@given(drawn=mutually_broadcastable_shapes(num_shapes=3, min_side=0, max_side=4, max_dims=4), dtype=dtypes)
@quick
def test_three_broadcast(torch, drawn, dtype):
    agree(torch, lambda F, a, b, c: F.where(c > 0, a, b) * c, drawn.input_shapes, dtype)
    agree(torch, lambda F, a, b, c: F.lerp(a, b, c), drawn.input_shapes, dtype)


KINDS = st.sampled_from(["float64", "float32", "int64", "uint8", "bool"])


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "eq", "ne", "lt", "le", "gt", "ge"])
@given(drawn=mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=3, max_dims=3), first=KINDS, second=KINDS)
@quick
def test_dtypes(torch, name, drawn, first, second):
    arrays = [np.asarray(np.random.default_rng(1).integers(0, 3, s), kind)
              for s, kind in zip(drawn.input_shapes, (first, second), strict=True)]  # fmt: skip
    agree(torch, lambda F, a, b: getattr(F, name)(a, b + 1 if name == "div" else b), [], whole=arrays)


@st.composite
def shape_and_dims(draw):
    shape = draw(full_shapes)
    dims = draw(st.lists(st.integers(-len(shape), len(shape) - 1), min_size=1, unique_by=lambda d: d % len(shape)))
    return shape, draw(st.one_of(st.just(dims), st.just(dims[0])))


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "logsumexp", "amax", "amin", "norm"])
@given(drawn=shape_and_dims(), keepdim=flags, dtype=dtypes)
@quick
def test_reductions(torch, name, drawn, keepdim, dtype):
    shape, dims = drawn
    axes = dims if isinstance(dims, list) else [dims]
    if name in ("var", "std") and np.prod([shape[d] for d in axes]) < 2:
        return  # no spread: NaN with a warning in torch
    agree(torch, lambda F, x: getattr(F, name)(x, dim=dims, keepdim=keepdim), [shape], dtype)


@pytest.mark.parametrize("name", ["prod", "cumsum", "softmax", "log_softmax", "max", "min", "argmax", "argmin"])
@given(shape=full_shapes, dim=st.integers(-4, 3), dtype=dtypes)
@quick
def test_along_one_axis(torch, name, shape, dim, dtype):
    agree(torch, lambda F, x: getattr(F, name)(x, dim), [shape], dtype)


@given(shape=shapes, data=st.data())
@quick
def test_moving_axes(torch, shape, data):
    axes = st.integers(-len(shape) - 1, len(shape))
    a, b = data.draw(axes), data.draw(axes)
    order = data.draw(st.permutations(range(len(shape))))
    for run in (
        lambda F, x: F.transpose(x, a, b), lambda F, x: x.permute(order), lambda F, x: F.movedim(x, a, b),
        lambda F, x: F.unsqueeze(x, a), lambda F, x: F.squeeze(x, a), lambda F, x: F.squeeze(x),
        lambda F, x: F.flatten(x, a, b), lambda F, x: x.reshape(-1), lambda F, x: F.flip(x, [a]),
        lambda F, x: F.roll(x, 3), lambda F, x: x.unbind(a),
    ):  # fmt: skip
        agree(torch, run, [shape])
    if 0 not in shape:  # torch rolls what is empty along axes that it does not have
        agree(torch, lambda F, x: F.roll(x, b, a), [shape])


@given(shape=full_shapes, data=st.data(), dtype=dtypes)
@quick
def test_cutting_and_joining(torch, shape, data, dtype):
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    n, k = data.draw(st.integers(1, 5)), data.draw(st.integers(-3, 3))
    other = tuple(n if i == dim % len(shape) else m for i, m in enumerate(shape))
    agree(torch, lambda F, x, y: F.cat([x, y], dim), [shape, other], dtype)
    agree(torch, lambda F, x, y: F.stack([x, y], dim), [shape, shape], dtype)
    agree(torch, lambda F, x: F.split(x, n, dim), [shape], dtype)
    agree(torch, lambda F, x: F.chunk(x, n, dim), [shape], dtype)
    agree(torch, lambda F, x: x.repeat(n, *[2] * len(shape)), [shape], dtype)
    agree(torch, lambda F, x: x.expand(n, *shape), [shape], dtype)
    agree(torch, lambda F, x: F.tril(x, k) + F.triu(x, k), [shape], dtype)


@given(shape=full_shapes, data=st.data())
@quick
def test_indexing(torch, shape, data):
    index = data.draw(basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    parts = index if isinstance(index, tuple) else (index,)
    if not any(isinstance(p, slice) and p.step is not None and p.step < 1 for p in parts):
        agree(torch, lambda F, x: x[index] * 2, [shape])
    rows = data.draw(st.lists(st.integers(-shape[0], shape[0] - 1), min_size=1, max_size=5))
    agree(torch, lambda F, x: x[rows] * 2, [shape])
    places = np.array(rows) % shape[0]
    agree(torch, lambda F, x, i: F.index_select(x, 0, i), [shape], whole=[places])
    agree(torch, lambda F, x: x[x > 0] * 2, [shape])
    agree(torch, lambda F, x: F.masked_fill(x, x > 0, 1.5) * x, [shape])


@given(n=small, m=small, k=small, left=st.lists(small, max_size=2), right=st.lists(small, max_size=2), dtype=dtypes)
@quick
def test_matrix_products(torch, n, m, k, left, right, dtype):
    agree(torch, lambda F, a, b: F.matmul(a, b), [(*left, n, k), (*right, k, m)], dtype)
    agree(torch, lambda F, a, b: F.matmul(a, b), [(*left, n, k), (k,)], dtype)
    agree(torch, lambda F, a, b: F.matmul(a, b), [(k,), (*right, k, m)], dtype)
    agree(torch, lambda F, a, w, b: F.linear(a, w, b), [(*left, k), (m, k), (m,)], dtype)
    agree(torch, lambda F, a, b: F.einsum("...ik,...kj->...ji", a, b), [(*left, n, k), (*left, k, m)], dtype)
    agree(torch, lambda F, a, b: F.outer(a, b), [(n,), (m,)], dtype)


geometry = st.fixed_dictionaries({"stride": pairs, "padding": paddings, "dilation": pairs})


@given(
    N=st.integers(1, 2), C=small, F=small, groups=small, size=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    kernel=st.tuples(small, small), options=geometry, bias=flags, dtype=dtypes,
)  # fmt: skip
@quick
def test_convolutions(torch, N, C, F, groups, size, kernel, options, bias, dtype):
    line = {key: value if isinstance(value, int) else value[0] for key, value in options.items()}
    biases = [(F * groups,)] if bias else []
    shapes = [(N, C * groups, *size), (F * groups, C, *kernel), *biases]
    agree(torch, lambda G, x, w, *b: G.conv2d(x, w, *b, groups=groups, **options), shapes, dtype)
    shapes = [(N, C * groups, size[0]), (F * groups, C, kernel[0]), *biases]
    agree(torch, lambda G, x, w, *b: G.conv1d(x, w, *b, groups=groups, **line), shapes, dtype)
    shapes = [(N, C * groups, *size), (C * groups, F, *kernel), *biases]
    options["padding"] = 0  # a result without pixels is refused here
    for more in (0, 1):
        transposed = {**options, "groups": groups, "output_padding": more}
        agree(torch, lambda G, x, w, *b, o=transposed: G.conv_transpose2d(x, w, *b, **o), shapes, dtype)
    shapes = [(N, C, *size)]
    agree(torch, lambda G, x: G.unfold(x, kernel, **options), shapes, dtype)
    agree(torch, lambda G, x: G.fold(G.unfold(x, kernel, **options), size, kernel, **options), shapes, dtype)


@given(
    size=st.tuples(st.integers(1, 8), st.integers(1, 8)), kernel=pairs, stride=pairs, padding=paddings, dilation=pairs,
    ceil_mode=flags, counts=flags, target=pairs, dtype=dtypes,
)  # fmt: skip
@quick
def test_pooling(torch, size, kernel, stride, padding, dilation, ceil_mode, counts, target, dtype):
    shape = [(2, 3, *size)]
    if dilation == 1 or padding == 0:  # else a window may lie in the padding alone: -inf in torch, refused here
        agree(torch, lambda G, x: G.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode), shape, dtype)
    agree(torch, lambda G, x: G.avg_pool2d(x, kernel, stride, padding, ceil_mode, counts), shape, dtype)
    agree(torch, lambda G, x: G.adaptive_avg_pool2d(x, target), shape, dtype)
    agree(torch, lambda G, x: G.adaptive_max_pool2d(x, target), shape, dtype)


@given(size=st.tuples(small, small), target=st.tuples(st.integers(1, 9), st.integers(1, 9)), corners=flags,
       scale=st.sampled_from([0.5, 1, 1.5, 2, 3.3]), mode=st.sampled_from(["zeros", "border", "reflection"]),
       dtype=dtypes)  # fmt: skip
@quick
def test_resizing(torch, size, target, corners, scale, mode, dtype):
    shape = (2, 3, *size)
    agree(torch, lambda G, x: G.interpolate(x, target, mode="bilinear", align_corners=corners), [shape], dtype)
    agree(torch, lambda G, x: G.interpolate(x, target), [shape], dtype)
    agree(torch, lambda G, x: G.interpolate(x, scale_factor=scale, mode="bilinear"), [shape], dtype)
    agree(torch, lambda G, x, g: G.grid_sample(x, g, padding_mode=mode, align_corners=corners), [shape, (2, 3, 4, 2)])


@given(left=st.integers(-1, 3), right=st.integers(-1, 3), top=st.integers(0, 3), length=st.integers(1, 5),
       mode=st.sampled_from(["constant", "reflect", "replicate", "circular"]))  # fmt: skip
@quick
def test_padding(torch, left, right, top, length, mode):
    agree(torch, lambda F, x: F.pad(x, (left, right, top, 1), mode), [(2, 3, length, 4)])


@given(N=st.integers(1, 3), C=st.sampled_from([2, 4, 6]), size=st.tuples(st.integers(2, 4), small), dtype=dtypes)
@quick
def test_normalisation(torch, N, C, size, dtype):
    tail = [(C,), (C,)]
    agree(torch, lambda F, x, w, b: F.batch_norm(x, None, None, w, b, True), [(N + 1, C, *size), *tail], dtype)
    agree(torch, lambda F, x, w, b: F.group_norm(x, 2, w, b), [(N, C, 2, *size), *tail], dtype)
    agree(torch, lambda F, x, w, b: F.layer_norm(x, (C,), w, b), [(N, *size, C), *tail], dtype)
    agree(torch, lambda F, x, w, b: F.instance_norm(x, None, None, w, b), [(N, C, 2, *size), *tail], dtype)


@given(shape=full_shapes, reduction=st.sampled_from(["mean", "sum", "none"]), number=st.floats(0.1, 2), dtype=dtypes)
@quick
def test_losses(torch, shape, reduction, number, dtype):
    both = [shape, shape]
    agree(torch, lambda F, x, y: F.mse_loss(x, y, reduction=reduction), both, dtype)
    agree(torch, lambda F, x, y: F.l1_loss(x, y, reduction=reduction), both, dtype)
    agree(torch, lambda F, x, y: F.smooth_l1_loss(x, y, reduction=reduction, beta=number), both, dtype)
    agree(torch, lambda F, x, y: F.huber_loss(x, y, reduction=reduction, delta=number), both, dtype)
    agree(torch, lambda F, x, y: F.binary_cross_entropy_with_logits(x, y, reduction=reduction), both, dtype)
    agree(torch, lambda F, x, y: F.binary_cross_entropy(F.sigmoid(x), F.sigmoid(y), reduction=reduction), both, dtype)
    if len(shape) > 1:
        target = np.random.default_rng(1).integers(0, shape[1], (shape[0], *shape[2:]))
        agree(torch, lambda F, x, t: F.cross_entropy(x, t, reduction=reduction), [shape], dtype, whole=[target])
