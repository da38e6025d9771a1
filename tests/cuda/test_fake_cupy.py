"""The stand-in notices what it is there for."""

import numpy as np
import pytest

import minipose


@pytest.fixture
def x(fake):
    return fake.asarray(np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize("leave", [
    lambda x: x.get(), lambda x: x.item(), lambda x: x.tolist(), float, int, bool,
], ids=["get", "item", "tolist", "float", "int", "bool"])  # fmt: skip
def test_waiting_is_counted_and_can_be_forbidden(fake, leave):
    one = fake.asarray(np.ones(()))
    fake.events.clear()
    leave(one)
    assert len(fake.events) == 1
    with pytest.raises(AssertionError, match="waits for the device"), fake.no_waiting():
        leave(one)


def test_copies_to_the_device_are_counted(fake):
    fake.events.clear()
    fake.asarray(np.ones(2))
    fake.array([1, 2])
    assert fake.events == [("to_device", "asarray")] * 2


@pytest.mark.parametrize("call", [
    np.exp, np.sum, np.asarray, np.zeros_like, lambda x: np.concatenate([x, x]), lambda x: np.float32(2) * x,
])  # fmt: skip
def test_numpy_does_not_work_on_device_arrays(x, call):
    with pytest.raises(TypeError):
        call(x)


@pytest.mark.parametrize("mix", [
    lambda fake, x, h: x + h,
    lambda fake, x, h: h + x,
    lambda fake, x, h: x < h,
    lambda fake, x, h: x.__iadd__(h),
    lambda fake, x, h: h.__iadd__(x),
    lambda fake, x, h: x.__setitem__(..., h),
    lambda fake, x, h: h.__setitem__(..., x),
    lambda fake, x, h: x[np.array([0, 1])],
    lambda fake, x, h: x[[0, 1]],
    lambda fake, x, h: fake.maximum(x, h),
    lambda fake, x, h: fake.sqrt(h),
    lambda fake, x, h: fake.concatenate([x, h]),
    lambda fake, x, h: fake.matmul(x, h.T),
    lambda fake, x, h: fake.where(x > 0, x, h),
    lambda fake, x, h: fake.take(x, np.array([0]), axis=0),
    lambda fake, x, h: fake.zeros_like(h),
    lambda fake, x, h: fake.empty_like(h),
    lambda fake, x, h: fake.full_like(h, 1),
])  # fmt: skip
def test_host_and_device_never_mix(fake, x, mix):
    with pytest.raises(TypeError):
        mix(fake, x, np.ones((2, 3)))


def test_what_cupy_would_do_differently_in_silence(fake, x):
    with pytest.raises(AssertionError, match="wrap"):
        x[fake.asarray(np.array([0, 2]))]
    with pytest.raises(AssertionError, match="duplicate"):
        x[fake.asarray(np.array([1, 1]))] = 1.0
    with pytest.raises(TypeError, match="mask"):
        x[x > 2]
    assert np.isnan(fake.empty(3).get()).all()


def test_what_cupy_does_not_have(fake, x):
    with pytest.raises(AttributeError, match=r"cupy\.vander"):
        fake.vander(x)
    with pytest.raises(TypeError, match="no keyword 'where'"):
        x.sum(where=x > 0)
    with pytest.raises(TypeError, match="no keyword 'mode'"):
        fake.take(x, fake.arange(2), mode="clip")


def test_layouts_are_those_of_cupy(fake):
    """CuPy brings a host array to row or to Fortran order on the way, and a device array to row order."""
    image = np.ones((2, 7, 5, 3)).transpose(0, 3, 1, 2)
    assert fake.asarray(image)._host.flags.c_contiguous
    assert fake.asarray(np.ones((3, 2)).T)._host.flags.f_contiguous
    assert fake.asarray(np.ones((3, 2))).T.get().flags.c_contiguous


def test_a_tensor_on_the_right_takes_over(fake, x):
    assert isinstance(x + minipose.tensor(np.ones(3), device="cuda"), minipose.Tensor)
    assert isinstance(x < minipose.tensor(np.ones(3), device="cuda"), minipose.Tensor)


def doubled(fake, code="y = x + x;", inputs="T x"):
    return fake.ElementwiseKernel(inputs, "T y", code, "doubled", preamble="")


@pytest.mark.parametrize("code", ["y = x ** 2;", "y = x > 0 ? x : 0;", "y = x and x;", "y = x // 2;", "y = 0.5 * x;"])
def test_lines_that_are_not_both_languages(fake, code):
    with pytest.raises(AssertionError, match=r"is not both C\+\+ and Python"):
        doubled(fake, code)


def test_kernels_of_few_lines_take_what_cupys_take(fake, x):
    kernel = doubled(fake)
    np.testing.assert_array_equal(kernel(x).get(), 2 * x.get())
    out = fake.empty((2, 3))
    assert kernel(x, out) is out
    with pytest.raises(TypeError, match="Unsupported type"):
        kernel(np.ones((2, 3)), x)
    with pytest.raises(TypeError, match="T would be"):
        kernel(x, fake.empty((2, 3), np.float32))
    with pytest.raises(TypeError, match="n is float64, not int64"):
        doubled(fake, "y = x + T(0) * n;", "T x, int64 n")(x, x)
    with pytest.raises(ValueError, match="y is"):
        kernel(x, fake.empty((3,)))
    with pytest.raises(AssertionError, match="can only add"):
        fake.ReductionKernel("T x", "T y", "x", "max(a, b)", "y = a", "0", "largest", preamble="")
