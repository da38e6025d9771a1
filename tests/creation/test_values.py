import numpy as np
import pytest

import minipose
from minipose import Tensor

NAN, INF = float("nan"), float("inf")


def assert_as_torch(name, arguments, options, torch, exact=True):
    """Compare a call in both engines, to the last bit or to float32's precision, and the dtype."""
    ours = getattr(minipose, name)(*arguments, **options)
    theirs_options = {k: getattr(torch, v) if k == "dtype" else v for k, v in options.items()}
    theirs = getattr(torch, name)(*arguments, **theirs_options)
    assert isinstance(ours, Tensor) and ours.is_leaf and ours.device == "cpu"
    assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
    assert ours.shape == tuple(theirs.shape) and ours.requires_grad == theirs.requires_grad
    if exact:
        np.testing.assert_array_equal(ours.data, theirs.detach().numpy())
    else:
        np.testing.assert_allclose(ours.data, theirs.detach().numpy(), rtol=1e-6)


# ---- tensor ----


@pytest.mark.parametrize("data", [
    2.5, 3, True, [1.0, 2.0], [[1, 2], [3, 4]], [True, False], [1, 2.5], [], (1.0, 2.0), [[0.5, 1], [True, 2]],
], ids=str)  # fmt: skip
def test_python_data_gets_the_dtype_that_torch_gives_it(data, torch):
    ours, theirs = minipose.tensor(data), torch.tensor(data)
    assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
    np.testing.assert_array_equal(ours.data, theirs.numpy())


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool"])
def test_an_array_keeps_its_dtype_and_is_copied(dtype):
    array = np.array([[1, 0, 1], [0, 1, 1]]).astype(dtype)
    t = minipose.tensor(array)
    assert t.dtype == dtype and not np.shares_memory(t.data, array)
    assert Tensor(array).data is array


def test_tensor_copies_a_tensor(rng):
    x = Tensor(rng.standard_normal((2, 3)), requires_grad=True)
    y = minipose.tensor(x * 2)
    assert y.is_leaf and not y.requires_grad and not np.shares_memory(x.data, y.data)
    np.testing.assert_array_equal(y.data, 2 * x.data)


def test_tensor_keeps_the_memory_layout(rng):
    array = rng.standard_normal((2, 7, 5, 3)).transpose(0, 3, 1, 2)
    assert minipose.tensor(array).data.strides == array.strides


def test_dtype_device_and_requires_grad():
    x = minipose.tensor([1, 2], dtype="float64", requires_grad=True)
    assert x.dtype == minipose.float64 and x.requires_grad and x.is_leaf and x.grad is None and x.device == "cpu"
    with pytest.raises(ValueError, match="'gpu'"):
        minipose.tensor([1.0], device="gpu")


@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda: minipose.tensor("abc"), TypeError, "tensor: "),
    (lambda: minipose.tensor([[1, 2], [3]]), TypeError, "tensor: .*rectangular"),
    (lambda: minipose.tensor(None), TypeError, "tensor: "),
    (lambda: minipose.tensor(object()), TypeError, "tensor: "),
    (lambda: minipose.tensor([1j]), TypeError, "tensor: .*complex"),
    (lambda: minipose.tensor(2**70), TypeError, "tensor: "),
    (lambda: minipose.tensor([300], dtype="uint8"), TypeError, "tensor: "),
    (lambda: minipose.tensor([NAN], dtype="int64"), TypeError, "tensor: "),
    (lambda: minipose.tensor([1], requires_grad=True), TypeError, "tensor: .*int64"),
    (lambda: minipose.tensor([1.0], dtype="int64", requires_grad=True), TypeError, "tensor: .*int64"),
    (lambda: minipose.tensor([1.0], requires_grad=None), TypeError, "tensor: requires_grad"),
    (lambda: minipose.tensor([1.0], dtype="float33"), TypeError, "tensor: dtype"),
    (lambda: minipose.tensor([1.0], dtype=3), TypeError, "tensor: dtype"),
    (lambda: minipose.tensor([1.0], device=0), ValueError, "tensor: device"),
])  # fmt: skip
def test_tensor_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


# ---- one value ----


@pytest.mark.parametrize("name", ["zeros", "ones"])
@pytest.mark.parametrize("size", [(2, 3), ((2, 3),), ([2, 3],), (0, 3), ((),), (5,), (np.int64(2), 3)], ids=str)
def test_zeros_and_ones(name, size, torch):
    assert_as_torch(name, size, {}, torch)
    for dtype in ("float64", "int64", "uint8", "bool"):
        assert_as_torch(name, size, {"dtype": dtype}, torch)
    assert_as_torch(name, size, {"requires_grad": True, "dtype": "float64"}, torch)


@pytest.mark.parametrize("value", [3, -2, 2.5, True, False, NAN, INF, -INF, -0.0, 10**9], ids=str)
@pytest.mark.parametrize("dtype", [None, "float32", "float64", "int64", "bool"])
def test_full(value, dtype, torch):
    if dtype == "int64" and value in (INF, -INF) or (value != value and dtype in ("int64", "bool")):
        return
    options = {} if dtype is None else {"dtype": dtype}
    for size in ((2, 3), [2], ()):
        assert_as_torch("full", (size, value), options, torch)
    assert np.signbit(minipose.full((2,), -0.0).data).all()
    assert_as_torch("full", (), {"size": (2,), "fill_value": 1.5, "requires_grad": True}, torch)


@pytest.mark.parametrize(("value", "dtype"), [
    (300, "uint8"), (-1, "uint8"), (NAN, "int64"), (INF, "uint8"), (1e300, None), (2**70, None), (1e39, "float32"),
    (10**400, "float64"), (-(2**63) - 1, "int64"),
])  # fmt: skip
def test_full_of_what_the_dtype_cannot_hold(value, dtype):
    with pytest.raises(ValueError, match="full: .* cannot hold"):
        minipose.full((2,), value, dtype=dtype)
    x = minipose.zeros(2, dtype=dtype or ("int64" if isinstance(value, int) else "float32"))
    with pytest.raises(ValueError, match="full_like: .* cannot hold"):
        minipose.full_like(x, value)


@pytest.mark.parametrize("name", ["zeros_like", "ones_like", "full_like"])
@pytest.mark.parametrize("source", ["float64", "float32", "int64", "bool"])
def test_likes(name, source, torch):
    values = np.array([[1, 0, 1], [0, 1, 1]]).astype(source)
    value = (2.75,) if name == "full_like" else ()
    for dtype in (None, "float32", "int64"):
        ours = getattr(minipose, name)(Tensor(values), *value, **({"dtype": dtype} if dtype else {}))
        theirs = getattr(torch, name)(
            torch.tensor(values), *value, **({"dtype": getattr(torch, dtype)} if dtype else {})
        )
        np.testing.assert_array_equal(ours.data, theirs.numpy())
        assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.") and not ours.requires_grad
    x = Tensor(np.ones((2, 3)), requires_grad=True)
    assert not getattr(minipose, name)(x, *value).requires_grad
    assert getattr(minipose, name)(x, *value, requires_grad=True).requires_grad


def test_likes_keep_the_memory_layout(rng):
    x = Tensor(rng.standard_normal((2, 7, 5, 3)).transpose(0, 3, 1, 2))
    for like in (minipose.zeros_like(x), minipose.ones_like(x), minipose.full_like(x, 3, dtype="float32")):
        ratio = x.dtype.itemsize // like.dtype.itemsize
        assert tuple(s * ratio for s in like.data.strides) == x.data.strides
    wide = Tensor(np.broadcast_to(rng.standard_normal((3, 1)), (3, 5)))
    like = minipose.zeros_like(wide)
    like.data[0, 0] = 1
    assert like.sum().item() == 1


# ---- steps ----


@pytest.mark.parametrize("arguments", [
    (5,), (5.0,), (2, 5), (2, 5.5), (0, 1, 0.1), (5, 0, -2), (0,), (2, 2), (2.5,), (0.5, 4), (0.5, 5.4, 1.7),
    (-3, 4, 3), (0, 2**40, 2**38), (-1.5, -9.25, -0.75), (3, 3, -1), (1, 8, 3),
    (2**53 + 1, 2**53 + 4), (-(2**63), -(2**63) + 3),
], ids=str)  # fmt: skip
def test_arange(arguments, torch):
    assert_as_torch("arange", arguments, {}, torch, exact=False)
    for dtype in ("float32", "float64", "int64")[: 2 if int(arguments[-1]) == 0 and len(arguments) == 3 else 3]:
        assert_as_torch("arange", arguments, {"dtype": dtype}, torch, exact=dtype == "int64")


def test_arange_by_name(torch):
    for options in ({"end": 3}, {"start": 1, "end": 4}, {"start": 1, "end": 9, "step": 3},
                    {"end": 300, "dtype": "uint8"}):  # fmt: skip
        assert_as_torch("arange", (), options, torch)
    assert_as_torch("arange", (1,), {"end": 3.0, "requires_grad": True}, torch)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("steps", [0, 1, 2, 3, 4, 5, 8, 11])
@pytest.mark.parametrize(("start", "end"), [(0, 1), (3, 1), (0, 10), (-7, 5), (0.25, 0.75), (2, 2), (-2.5, 13.75),
                                            (-1, 0.7)])  # fmt: skip
def test_linspace(start, end, steps, dtype, torch):
    if dtype == "int64":
        if steps < 4:  # from there on torch cuts fractions off twice, in groups as wide as the processor's registers
            assert_as_torch("linspace", (start, end, steps), {"dtype": dtype}, torch)
    else:
        ours = minipose.linspace(start, end, steps, dtype=dtype)
        theirs = torch.linspace(start, end, steps, dtype=getattr(torch, dtype)).numpy()
        np.testing.assert_allclose(ours.data, theirs, rtol=1e-6, atol=2e-15 if dtype == "float64" else 1e-6)
        if steps > 1:
            assert ours.data[0] == ours.dtype.type(start) and ours.data[-1] == ours.dtype.type(end)
        assert ours.dtype == dtype


def test_linspace_of_integers_cuts_fractions_off():
    np.testing.assert_array_equal(minipose.linspace(0, 97, 5, dtype="int64").data, [0, 24, 48, 72, 97])
    np.testing.assert_array_equal(minipose.linspace(-7, 5, 6, dtype="int64").data, [-7, -4, -2, 0, 2, 5])


def test_linspace_is_float32(torch):
    assert_as_torch("linspace", (), {"start": 0, "end": 2, "steps": 5, "requires_grad": True}, torch)


@pytest.mark.parametrize("arguments", [(3,), (2, 3), (3, 2), (0,), (0, 3), (np.int64(2),)], ids=str)
def test_eye(arguments, torch):
    assert_as_torch("eye", arguments, {}, torch)
    for dtype in ("float64", "int64", "bool"):
        assert_as_torch("eye", arguments, {"dtype": dtype}, torch)
    assert_as_torch("eye", (), {"n": 2, "m": 1, "requires_grad": True}, torch)


# ---- errors ----

X = minipose.ones(2, 3)
MAKERS = {
    "zeros": lambda **o: minipose.zeros(2, 3, **o),
    "ones": lambda **o: minipose.ones((2, 3), **o),
    "full": lambda **o: minipose.full((2, 3), 1.0, **o),
    "zeros_like": lambda **o: minipose.zeros_like(X, **o),
    "ones_like": lambda **o: minipose.ones_like(X, **o),
    "full_like": lambda **o: minipose.full_like(X, 1.0, **o),
    "arange": lambda **o: minipose.arange(3.0, **o),
    "linspace": lambda **o: minipose.linspace(0, 1, 3, **o),
    "eye": lambda **o: minipose.eye(3, **o),
}


@pytest.mark.parametrize(("options", "text"), [
    ({"dtype": "float33"}, "dtype must be"),
    ({"dtype": 3}, "dtype must be"),
    ({"dtype": X}, "dtype must be"),
    ({"dtype": object}, "dtype must be"),
    ({"dtype": "complex64"}, "dtype must be"),
    ({"device": "gpu"}, "device must be"),
    ({"device": 0}, "device must be"),
    ({"device": X}, "device must be"),
    ({"requires_grad": None}, "requires_grad must be"),
    ({"requires_grad": 1}, "requires_grad must be"),
    ({"requires_grad": True, "dtype": "int64"}, "only floating-point .* int64"),
], ids=str)  # fmt: skip
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_errors_of_options(make, options, text, request):
    name = request.node.callspec.id.split("-")[0]
    with pytest.raises((TypeError, ValueError), match=f"^{name}: {text}"):
        make(**options)


@pytest.mark.parametrize("size", [
    -1, 2.5, 2.0, "3", None, True, NAN, X, object(), (2, -1), (2, None), ((2,), 3), 10**30, (2**40, 2**40),
], ids=str)  # fmt: skip
@pytest.mark.parametrize("name", ["zeros", "ones", "full"])
def test_errors_of_sizes(name, size):
    with pytest.raises((TypeError, ValueError), match=f"^{name}: "):
        getattr(minipose, name)(size, *[1.0] * (name == "full"))


@pytest.mark.parametrize(("call", "text"), [
    (lambda: minipose.full(2, 3), "full: size must be a sequence"),
    (lambda: minipose.full((2,), "3"), "full: fill_value must be a number"),
    (lambda: minipose.full((2,), None), "full: fill_value must be a number"),
    (lambda: minipose.full((2,), X), "full: fill_value must be a number"),
    (lambda: minipose.full((2,), 1j, dtype="float32"), "full: fill_value must be a number"),
    (lambda: minipose.full_like([1.0], 2), "full_like: input must be a Tensor"),
    (lambda: minipose.zeros_like(None), "zeros_like: input must be a Tensor"),
    (lambda: minipose.ones_like(np.ones(2)), "ones_like: input must be a Tensor"),
    (lambda: minipose.full_like(X, None), "full_like: fill_value must be a number"),
    (lambda: minipose.arange(), "arange: end must be a number"),
    (lambda: minipose.arange("3"), "arange: end must be a number"),
    (lambda: minipose.arange(True), "arange: end must be a number"),
    (lambda: minipose.arange(X), "arange: end must be a number"),
    (lambda: minipose.arange(0, 3, None), "arange: step must be a number"),
    (lambda: minipose.arange(NAN), "arange: end must be a finite number"),
    (lambda: minipose.arange(0, INF), "arange: end must be a finite number"),
    (lambda: minipose.arange(5, 0), "arange: steps of 1 do not lead"),
    (lambda: minipose.arange(-3), "arange: steps of 1 do not lead"),
    (lambda: minipose.arange(0, 5, -1), "arange: steps of -1 do not lead"),
    (lambda: minipose.arange(0, 5, 0), "arange: steps of 0 do not lead"),
    (lambda: minipose.arange(0, 5, 0.5, dtype="int64"), "arange: steps of 0 do not lead"),
    (lambda: minipose.arange(1e20), "arange: steps of 1.0 do not lead"),
    (lambda: minipose.arange(-1e308, 1e308, 1e-308), "arange: steps of 1e-308 do not lead"),
    (lambda: minipose.arange(2**70), "arange: int64 cannot hold"),
    (lambda: minipose.arange(10**400), "arange: end must be a finite number"),
    (lambda: minipose.arange(2**52), "arange: .* memory"),
    (lambda: minipose.arange(3, dtype="bool"), "arange: dtype .*bool"),
    (lambda: minipose.linspace("0", 1, 3), "linspace: start must be a number"),
    (lambda: minipose.linspace(0, None, 3), "linspace: end must be a number"),
    (lambda: minipose.linspace(0, NAN, 3), "linspace: end must be a finite number"),
    (lambda: minipose.linspace(0, 1, 2.5), "linspace: steps must be an integer"),
    (lambda: minipose.linspace(0, 1, True), "linspace: steps must be an integer"),
    (lambda: minipose.linspace(0, 1, -1), "linspace: steps must not be negative"),
    (lambda: minipose.linspace(0, 1, 10**30), "linspace: .* memory"),
    (lambda: minipose.linspace(-1e308, 1e308, 2), "linspace: .*further"),
    (lambda: minipose.linspace(0, 300, 2, dtype="uint8"), "linspace: uint8 cannot hold"),
    (lambda: minipose.linspace(0, 1, 3, dtype="bool"), "linspace: dtype .*bool"),
    (lambda: minipose.eye(-1), "eye: n must not be negative"),
    (lambda: minipose.eye(2, -1), "eye: m must not be negative"),
    (lambda: minipose.eye(2.0), "eye: n must be an integer"),
    (lambda: minipose.eye(True), "eye: n must be an integer"),
    (lambda: minipose.eye(None), "eye: n must be an integer"),
    (lambda: minipose.eye(10**12), "eye: .* memory"),
])  # fmt: skip
def test_more_errors(call, text):
    with pytest.raises((TypeError, ValueError), match=f"^{text}"):
        call()
