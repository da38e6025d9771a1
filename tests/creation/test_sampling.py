import numpy as np
import pytest

import minipose
from minipose import Tensor

NAN, INF = float("nan"), float("inf")
X = minipose.ones(2, 3)
HALF = minipose.full((50, 40), 0.5)
DRAWS = {  # 2000 entries each
    "rand": lambda **o: minipose.rand(50, 40, **o),
    "randn": lambda **o: minipose.randn(50, 40, **o),
    "rand_like": lambda **o: minipose.rand_like(HALF, **o),
    "randn_like": lambda **o: minipose.randn_like(HALF, **o),
    "randint": lambda **o: minipose.randint(3, 10, (50, 40), **o),
    "randperm": lambda **o: minipose.randperm(2000, **o),
    "bernoulli": lambda **o: minipose.bernoulli(HALF, **o),
    "bernoulli_p": lambda **o: minipose.bernoulli(HALF, 0.5, **o),
    "normal": lambda **o: minipose.normal(1.0, 2.0, (50, 40), **o),
    "normal_of_means": lambda **o: minipose.normal(HALF, 2.0, **o),
}
each_draw = pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)


@each_draw
def test_the_same_seed_draws_the_same(draw):
    minipose.manual_seed(7)
    first, second = draw(), draw()
    minipose.manual_seed(7)
    again = draw()
    np.testing.assert_array_equal(again.data, first.data)
    assert (first.data != second.data).mean() > 0.4
    mine, same = (draw(generator=np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(mine.data, same.data)
    np.testing.assert_array_equal(mine.data, first.data)


@each_draw
def test_a_generator_of_ones_own_leaves_the_default_alone(draw):
    minipose.manual_seed(7)
    draw(generator=np.random.default_rng(3))
    state = minipose.random.default_generator().bit_generator.state
    minipose.manual_seed(7)
    assert minipose.random.default_generator().bit_generator.state == state


@pytest.mark.parametrize("name", ["rand", "randn", "rand_like", "randn_like"])
def test_dtype_shape_and_requires_grad(name):
    like = name.endswith("_like")
    for size in ((2, 3), (), (0, 3)):
        shape = (minipose.zeros(size, dtype="float64"),) if like else (size,)
        result = getattr(minipose, name)(*shape)
        assert result.shape == size and result.dtype == ("float64" if like else "float32") and not result.requires_grad
        for dtype in ("float32", "float64"):
            result = getattr(minipose, name)(*shape, dtype=dtype, requires_grad=True)
            assert result.shape == size and result.dtype == dtype and result.requires_grad and result.is_leaf
    if not like:
        assert getattr(minipose, name)(2, 3).shape == (2, 3)


def test_likes_do_not_inherit_the_need_of_a_gradient():
    x = minipose.ones(2, requires_grad=True)
    assert not minipose.rand_like(x).requires_grad and not minipose.randn_like(x).requires_grad


def test_rand_is_uniform():
    for dtype in ("float32", "float64"):
        values = minipose.rand(100_000, dtype=dtype, generator=np.random.default_rng(1)).data
        assert values.min() >= 0 and values.max() < 1
        counts = np.histogram(values, 10, (0, 1))[0]
        assert np.abs(counts - 10_000).max() < 400  # four standard deviations


def test_rand_never_rounds_up_to_1():
    class Last(np.random.Generator):
        def random(self, size, dtype=np.float64):
            return np.full(size, np.nextafter(dtype.type(1), 0), dtype)

    source = Last(np.random.PCG64(0))
    assert minipose.rand(3, generator=source).data.max() < 1
    assert minipose.rand_like(X, generator=source).data.max() < 1


def test_randn_is_normal():
    values = minipose.randn(100_000, generator=np.random.default_rng(1)).data
    assert abs(values.mean()) < 0.015 and abs(values.std() - 1) < 0.01 and abs((values**4).mean() - 3) < 0.15


def test_randint_draws_each_integer_equally_often():
    values = minipose.randint(-3, 4, (70_000,), generator=np.random.default_rng(1))
    assert values.dtype == minipose.int64
    places, counts = np.unique(values.data, return_counts=True)
    np.testing.assert_array_equal(places, [-3, -2, -1, 0, 1, 2, 3])
    assert np.abs(counts - 10_000).max() < 400


def test_the_forms_of_randint():
    forms = [
        lambda g: minipose.randint(5, (2, 300), generator=g),
        lambda g: minipose.randint(0, 5, [2, 300], generator=g),
        lambda g: minipose.randint(low=0, high=5, size=(2, 300), generator=g),
        lambda g: minipose.randint(high=5, size=(2, 300), generator=g),
        lambda g: minipose.randint(5, size=(2, 300), generator=g),
        lambda g: minipose.randint(0, high=5, size=(2, 300), generator=g, dtype="float32"),
    ]
    results = [form(np.random.default_rng(3)).data for form in forms]
    assert set(results[0].ravel()) == {0, 1, 2, 3, 4}
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])
    assert results[-1].dtype == np.float32
    assert minipose.randint(4, 5, (2,)).tolist() == [4, 4] and minipose.randint(5, ()).shape == ()
    assert minipose.randint(5, (2,), dtype="float64", requires_grad=True).requires_grad


@pytest.mark.parametrize(("low", "high", "dtype"), [(0, 256, "uint8"), (0, 2, "bool"), (-(2**63), 2**63, "int64")])
def test_randint_to_the_ends_of_a_dtype(low, high, dtype):
    result = minipose.randint(low, high, (1000,), dtype=dtype)
    assert result.dtype == dtype
    assert float(result.data.max()) - float(result.data.min()) > 0.9 * (high - low - 1)


@pytest.mark.parametrize("dtype", ["int64", "float32", "float64", "uint8"])
def test_randperm_is_a_permutation(dtype):
    for n in (0, 1, 256):
        result = minipose.randperm(n, dtype=dtype)
        assert result.shape == (n,) and result.dtype == dtype
        np.testing.assert_array_equal(np.sort(result.data), np.arange(n))
    assert minipose.randperm(3).dtype == minipose.int64


def test_every_permutation_is_as_likely():
    source = np.random.default_rng(1)
    orders = [tuple(minipose.randperm(3, generator=source).tolist()) for _ in range(6000)]
    counts = [orders.count(order) for order in set(orders)]
    assert len(counts) == 6 and max(abs(c - 1000) for c in counts) < 120


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bernoulli(dtype):
    chances = Tensor(np.repeat([0.0, 0.25, 1.0], 10_000).reshape(3, -1).astype(dtype), requires_grad=True)
    result = minipose.bernoulli(chances, generator=np.random.default_rng(1))
    assert result.dtype == dtype and result.shape == chances.shape and not result.requires_grad
    assert set(np.unique(result.data)) == {0, 1}
    means = result.data.mean(1)
    assert means[0] == 0 and abs(means[1] - 0.25) < 0.02 and means[2] == 1
    same = minipose.bernoulli(chances, 0.75, generator=np.random.default_rng(1))
    assert same.dtype == dtype and np.abs(same.data.mean(1) - 0.75).max() < 0.02


def test_bernoulli_of_whole_numbers_and_of_nothing():
    x = minipose.zeros(1000, dtype="int64")
    assert minipose.bernoulli(x, 1).sum().item() == 1000 and minipose.bernoulli(x, p=0.0).dtype == minipose.int64
    assert minipose.bernoulli(minipose.zeros(0, 3)).shape == (0, 3)
    assert minipose.bernoulli(minipose.tensor(1.0)).item() == 1 and minipose.bernoulli(X, 1).dtype == minipose.float32


def test_no_chance_is_none_whatever_is_drawn():
    class Zeros(np.random.Generator):
        def random(self, size):
            return np.zeros(size)

    assert minipose.bernoulli(minipose.zeros(3), generator=Zeros(np.random.PCG64(0))).sum().item() == 0


def test_normal_has_the_mean_and_deviation_asked_for():
    source = np.random.default_rng(1)
    values = minipose.normal(3, 2.5, (100_000,), generator=source, dtype="float64")
    assert values.dtype == minipose.float64
    assert abs(values.data.mean() - 3) < 0.03 and abs(values.data.std() - 2.5) < 0.03
    assert minipose.normal(0.0, 1.0, [2, 3]).dtype == minipose.float32
    assert minipose.normal(size=(2,), requires_grad=True).requires_grad
    np.testing.assert_array_equal(minipose.normal(3.0, 0.0, (2,)).data, [3, 3])


def test_normal_of_tensors():
    mean, std = Tensor(np.array([0.0, 100.0, -100.0])), Tensor(np.array([[0.0], [1.0]]), requires_grad=True)
    both = minipose.normal(mean, std, generator=np.random.default_rng(1))
    assert both.shape == (2, 3) and both.dtype == minipose.float64 and not both.requires_grad
    np.testing.assert_array_equal(both.data[0], mean.data)
    assert 0 < np.abs(both.data[1] - mean.data).min() and np.abs(both.data[1] - mean.data).max() < 5
    assert minipose.normal(mean).shape == minipose.normal(mean, 2).shape == (3,)
    assert minipose.normal(1.0, std).shape == minipose.normal(std=std).shape == (2, 1)
    np.testing.assert_array_equal(minipose.normal(7.0, std * 0).data, [[7], [7]])
    narrow = mean.to("float32")
    assert minipose.normal(narrow, std).dtype == minipose.float32
    assert minipose.normal(mean, narrow * 0).dtype == minipose.float64


# ---- errors ----


@pytest.mark.parametrize(("options", "text"), [
    ({"dtype": "float33"}, "dtype must be"),
    ({"dtype": X}, "dtype must be"),
    ({"dtype": 3}, "dtype must be"),
    ({"device": "gpu"}, "device must be"),
    ({"device": 0}, "device must be"),
    ({"requires_grad": None}, "requires_grad must be"),
    ({"generator": 3}, "generator must be"),
    ({"generator": "abc"}, "generator must be"),
    ({"generator": np.random.RandomState(0)}, "generator must be"),
], ids=str)  # fmt: skip
@pytest.mark.parametrize("name", ["rand", "randn", "rand_like", "randn_like", "randint", "randperm", "normal"])
def test_errors_of_options(name, options, text):
    with pytest.raises((TypeError, ValueError), match=f"^{name}: {text}"):
        DRAWS[name](**options)


@pytest.mark.parametrize("name", ["rand", "randn", "rand_like", "randn_like", "normal"])
@pytest.mark.parametrize("dtype", ["int64", "bool", "uint8", "float16"])
def test_what_only_floats_hold(name, dtype):
    with pytest.raises(TypeError, match=f"^{name}: dtype must be float32 or float64"):
        DRAWS[name](dtype=dtype)


@pytest.mark.parametrize("size", [-1, 2.5, "3", None, True, NAN, X, object(), (2, -1), (2, None), 10**30], ids=str)
@pytest.mark.parametrize("name", ["rand", "randn", "randint", "normal"])
def test_errors_of_sizes(name, size):
    arguments = {"randint": (0, 5), "normal": (0.0, 1.0)}.get(name, ())
    with pytest.raises((TypeError, ValueError), match=f"^{name}: "):
        getattr(minipose, name)(*arguments, size)


@pytest.mark.parametrize(("call", "text"), [
    (lambda: minipose.rand_like([1.0]), "rand_like: input must be a Tensor"),
    (lambda: minipose.randn_like(None), "randn_like: input must be a Tensor"),
    (lambda: minipose.rand_like(X.to("int64")), "rand_like: dtype must be"),
    (lambda: minipose.randint(5, 5, (2,)), "randint: low=5 must be smaller than high=5"),
    (lambda: minipose.randint(0, (2,)), "randint: low=0 must be smaller"),
    (lambda: minipose.randint(5, 2), "randint: size must be a sequence"),
    (lambda: minipose.randint(5.0, (2,)), "randint: high must be an integer"),
    (lambda: minipose.randint(True, (2,)), "randint: high must be an integer"),
    (lambda: minipose.randint("0", 3, (2,)), "randint: low must be an integer"),
    (lambda: minipose.randint(300, (2,), dtype="uint8"), "randint: uint8 cannot hold 299"),
    (lambda: minipose.randint(-1, 4, (2,), dtype="uint8"), "randint: uint8 cannot hold -1"),
    (lambda: minipose.randint(5, (2,), dtype="bool"), "randint: 4 is beyond bool"),
    (lambda: minipose.randint(2**64, (2,)), "randint: .* is beyond int64"),
    (lambda: minipose.randint(2**64, (2,), dtype="float32"), "randint: .* is beyond"),
    (lambda: minipose.randint(5, (2,), requires_grad=True), "randint: only floating-point"),
    (lambda: minipose.randint(5, (2**40, 2**40)), "randint: .* memory"),
    (lambda: minipose.randperm(-1), "randperm: n must not be negative"),
    (lambda: minipose.randperm(5.0), "randperm: n must be an integer"),
    (lambda: minipose.randperm(None), "randperm: n must be an integer"),
    (lambda: minipose.randperm(300, dtype="uint8"), "randperm: uint8 cannot hold 299"),
    (lambda: minipose.randperm(2, dtype="bool"), "randperm: dtype .*bool"),
    (lambda: minipose.randperm(10**30), "randperm: "),
    (lambda: minipose.bernoulli(0.5), "bernoulli: input must be a Tensor"),
    (lambda: minipose.bernoulli(np.ones(2)), "bernoulli: input must be a Tensor"),
    (lambda: minipose.bernoulli(minipose.tensor([0.0, 1.5])), "bernoulli: probabilities"),
    (lambda: minipose.bernoulli(minipose.tensor([-0.1, 0.5])), "bernoulli: probabilities"),
    (lambda: minipose.bernoulli(minipose.tensor([NAN])), "bernoulli: probabilities"),
    (lambda: minipose.bernoulli(minipose.tensor([0, 1])), "bernoulli: input must hold floating-point"),
    (lambda: minipose.bernoulli(X, 2), "bernoulli: probabilities"),
    (lambda: minipose.bernoulli(X, NAN), "bernoulli: p must be a finite number"),
    (lambda: minipose.bernoulli(X, "1"), "bernoulli: p must be a number"),
    (lambda: minipose.bernoulli(X, True), "bernoulli: p must be a number"),
    (lambda: minipose.bernoulli(X, generator=3), "bernoulli: generator must be"),
    (lambda: minipose.normal(0.0, 1.0), "normal: size must be a sequence"),
    (lambda: minipose.normal(0.0, 1.0, 2), "normal: size must be a sequence"),
    (lambda: minipose.normal(0.0, -1.0, (2,)), "normal: std must not be negative"),
    (lambda: minipose.normal(0.0, minipose.tensor([1.0, -1.0])), "normal: std must not be negative"),
    (lambda: minipose.normal(0.0, minipose.tensor([NAN])), "normal: std must not be negative"),
    (lambda: minipose.normal(NAN, 1.0, (2,)), "normal: mean must be a finite number"),
    (lambda: minipose.normal(0.0, INF, (2,)), "normal: std must be a finite number"),
    (lambda: minipose.normal(None, 1.0, (2,)), "normal: mean must be a number"),
    (lambda: minipose.normal([0.0], 1.0), "normal: mean must be a number"),
    (lambda: minipose.normal(X, 1.0, (2, 3)), "normal: a Tensor, mean or std, tells the size"),
    (lambda: minipose.normal(X, dtype="float64"), "normal: a Tensor, mean or std, tells the size"),
    (lambda: minipose.normal(X, requires_grad=True), "normal: a Tensor, mean or std, tells the size"),
    (lambda: minipose.normal(X, minipose.ones(2, 2)), r"normal: shapes \(2, 3\) and \(2, 2\) do not broadcast"),
    (lambda: minipose.normal(X.to("int64")), "normal: dtype must be float32 or float64"),
])  # fmt: skip
def test_more_errors(call, text):
    with pytest.raises((TypeError, ValueError), match=f"^{text}"):
        call()
