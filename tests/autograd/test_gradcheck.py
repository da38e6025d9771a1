"""The checker itself: it passes what is right, and fails every kind of bug with the words that name it."""

import numpy as np
import pytest

import minipose
from minipose import Function, GradcheckError, Tensor, adjoint_check, gradcheck, gradgradcheck, ops
from minipose.kernels import reference

GEOMETRY = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}


def tensors(*shapes, seed=1):
    rng = np.random.default_rng(seed)
    return [Tensor(rng.standard_normal(shape), requires_grad=True) for shape in shapes]


def broken(right, change, shape, *, others=(), seed=1):
    """Check the operation `right` with `change` applied to the gradient of its first input."""

    class Broken(Function):
        def forward(self, *arrays):
            self.save_inputs(*range(len(arrays)))
            with minipose.no_grad():
                return right(*map(Tensor, arrays)).data

        def backward(self, grad, wanted):
            inputs = [Tensor(x.data, requires_grad=True) for x in self.saved_inputs]
            with minipose.enable_grad():
                result = right(*inputs)
            grads = minipose.grad(result, inputs, grad)
            return Tensor(np.array(change(grads[0].data))), *grads[1:]

    return gradcheck(Broken.apply, tensors(shape, *others, seed=seed))


# ---- what is right passes ----


@pytest.mark.parametrize("function", [
    lambda a, b: a * b,
    lambda a, b: ops.exp(a) / (b * b + 1),
    lambda a, b: (a @ b.transpose(0, 1), ops.relu(a) * b),
    lambda a, b: (a.sum(), b.argmax(), (a - b).mean(1)),
    lambda a, b: ops.sigmoid(a[1:, ::2]) * b[:2, 2:],
], ids=["product", "quotient", "two_results", "with_integers", "views"])  # fmt: skip
def test_honest_functions_pass(function):
    assert gradcheck(function, tensors((3, 5), (3, 5))) is True
    assert gradgradcheck(function, tensors((3, 5), (3, 5))) is True


def test_inputs_that_are_not_asked_for():
    x, y = tensors((3, 5), (3, 5))
    assert gradcheck(lambda a, b, k: a * b * k, (x, y.detach(), 3))
    assert gradcheck(lambda a: a * 2, x)


@pytest.mark.parametrize("layout", ["C", "F", "stepped"])
def test_any_layout(layout):
    values = np.random.default_rng(0).standard_normal((6, 5))
    values = values[::2] if layout == "stepped" else np.array(values, order=layout)
    assert gradcheck(lambda a: a * a, Tensor(values, requires_grad=True))


def test_a_large_input_is_checked_along_directions():
    (x,) = tensors((31, 37))
    assert gradcheck(lambda a: ops.exp(a) * a, x)

    def one_wrong(gradient):
        gradient = gradient.copy()
        gradient[3] *= 1.001
        return gradient

    with pytest.raises(GradcheckError, match=r"shape \(31, 37\).*along a random direction|at \["):
        broken(lambda a: ops.exp(a), one_wrong, (31, 37))


def test_a_complex_step_sees_what_a_difference_cannot():
    # The error is far below what a difference resolves.
    with pytest.raises(GradcheckError, match="is wrong"):
        broken(lambda a: ops.exp(a) * a, lambda g: g * (1 + 1e-9), (3, 5))
    assert broken(lambda a: ops.exp(a) * a, lambda g: g * (1 + 1e-13), (3, 5))


def test_a_function_that_is_not_analytic_is_checked_by_differences():
    assert gradcheck(lambda a: abs(a) * 3, tensors((3, 5)))
    assert gradcheck(lambda a: ops.relu(a) * a, tensors((3, 5)))


def test_an_empty_input():
    (x, y) = tensors((0, 3), (2, 3))
    assert gradcheck(lambda a, b: (a * 2, b * 3), (x, y))


# ---- what is wrong fails, and says why ----


def border_only(gradient):
    gradient = gradient.copy()
    gradient[..., 0] *= 0.5
    return gradient


def overwritten(gradient):
    """What = for += leaves of a convolution's input gradient, where windows overlap."""
    gradient = gradient.copy()
    gradient[..., 2:4, :] *= 0.3
    gradient[..., :, 3] *= 0.3
    return gradient


def one_channel(gradient):
    gradient = gradient.copy()
    gradient[:, 2] += 1
    return gradient


@pytest.mark.parametrize(("right", "change", "shape", "text"), [
    (ops.exp, lambda g: g * 0, (3, 5), "it is zero everywhere"),
    (ops.exp, lambda g: -g, (3, 5), "wrong sign"),
    (ops.exp, lambda g: 2 * g, (3, 5), "2 times what it should be: counted twice"),
    (ops.exp, lambda g: g / 2, (3, 5), "0.5 times what it should be"),
    (ops.exp, lambda g: 1.25 * g, (3, 5), "every entry is 1.25 times"),
    (lambda a: a.mean(0), lambda g: g * 7, (7, 5), "7 times .* the length of axis 0: a sum for a mean"),
    (lambda a: (a * a).mean(), lambda g: g * 35, (7, 5), "35 times .* axis 0, 1: a sum for a mean"),
    (lambda a: (a * a).sum(1), lambda g: g / 5, (7, 5), "0.2 times .* axis 1"),
    (ops.exp, lambda g: g.T, (5, 5), "transposed: axes 0 and 1"),
    (ops.exp, lambda g: g[..., ::-1, ::-1], (2, 3, 3, 5), "flipped along axis 2, 3: a kernel flipped"),
    (ops.exp, lambda g: g[::-1], (3, 5), "flipped along axis 0"),
    (ops.exp, lambda g: g.reshape(5, 3).T, (3, 5), "a reshape where a transpose was meant"),
    (ops.exp, lambda g: g + 0.25, (3, 5), "off by the same 0.25: is a mean taken for a constant"),
    (ops.exp, border_only, (2, 3, 7, 5), "only entries at the border are wrong: look at the padding"),
    (ops.exp, overwritten, (2, 3, 7, 5), r"where windows overlap: a = where \+= was meant"),
    (ops.exp, one_channel, (2, 3, 7, 5), "only entries with index 2 on axis 1 are wrong"),
    (ops.exp, lambda g: g * np.nan, (3, 5), "not finite"),
], ids=lambda v: v[:30] if isinstance(v, str) else "")  # fmt: skip
def test_diagnosis(right, change, shape, text):
    with pytest.raises(GradcheckError, match=rf"gradcheck: the gradient of input 0 .*Diagnosis: .*{text}"):
        broken(right, change, shape)


def test_the_report_names_input_entry_and_both_numbers():
    class WrongAtOne(Function):
        def forward(self, a, b):
            self.save_inputs(0)
            return a * b

        def backward(self, grad, wanted):
            right = grad * self.saved_inputs[0]
            wrong = np.zeros(right.shape)
            wrong[2, 1] = 10
            return None, right + Tensor(wrong)

    a, b = tensors((3, 5), (3, 5))
    upstream = np.random.default_rng(0).standard_normal((3, 5))[2, 1]
    expected = upstream * a.data[2, 1]
    with pytest.raises(GradcheckError) as caught:
        gradcheck(WrongAtOne.apply, (a.detach(), b))
    text = str(caught.value)
    assert "gradient of input 1 (shape (3, 5)) is wrong: at [2, 1]" in text and "1 of 15 entries" in text
    assert f"{expected + 10:.8g}" in text and f"{expected:.8g}" in text


@pytest.mark.parametrize("function", [
    lambda a: a * 0,
    lambda a: ops.relu(a - 100) * a,
    lambda a: (a - a) + 3,
], ids=["times_zero", "dead_relu", "difference_of_itself"])  # fmt: skip
def test_a_check_of_nothing_fails(function):
    with pytest.raises(GradcheckError, match="proves nothing"):
        gradcheck(function, tensors((3, 5)))
    with pytest.raises(GradcheckError, match="proves nothing"):
        gradgradcheck(function, tensors((3, 5)))


def test_one_input_of_two_without_influence_fails():
    with pytest.raises(GradcheckError, match="gradient of input 1 is about zero .*proves nothing"):
        gradcheck(lambda a, b: a * a + b * 0, tensors((3, 5), (3, 5)))
    with pytest.raises(GradcheckError, match="no output depends"):
        gradcheck(lambda a: a.detach() * 2, tensors((3, 5)))


@pytest.mark.parametrize("at_kink", [0.0, 4e-7])
def test_a_kink_is_named(at_kink):
    values = np.array([1.0, -2.0, at_kink])
    with pytest.raises(GradcheckError, match=r"at \[2\].*kink or a jump there.*move the input"):
        gradcheck(ops.relu, Tensor(values, requires_grad=True))


def test_a_bug_beside_no_kink_is_no_kink():
    for function in (ops.exp, lambda a: a * a * a * 50, lambda a: ops.sigmoid(a * 20)):
        with pytest.raises(GradcheckError) as caught:
            broken(function, lambda g: g * 1.01, (3, 5))
        assert "kink" not in str(caught.value)


def test_a_function_that_writes_into_its_input():
    def write(a):
        a.data[0] *= 2
        return a * 3

    with pytest.raises(GradcheckError, match=r"writes into an input of shape \(3, 5\)"):
        gradcheck(write, tensors((3, 5)))


def test_a_backward_that_writes_into_upstream():
    class Greedy(Function):
        def forward(self, x):
            return x * 3

        def backward(self, grad, wanted):
            grad.data *= 3
            return (Tensor(grad.data.copy()),)

    with pytest.raises(GradcheckError, match="writes into an input"):
        gradcheck(Greedy.apply, tensors((3, 5)))


def test_random_functions():
    with pytest.raises(GradcheckError, match="another result"):
        gradcheck(lambda a: a * minipose.randn(3, 5, dtype="float64"), tensors((3, 5)))

    class RandomBackward(Function):
        def forward(self, x):
            return x * 3

        def backward(self, grad, wanted):
            return (grad * minipose.randn(3, 5, dtype="float64"),)

    with pytest.raises(GradcheckError, match="another gradient"):
        gradcheck(RandomBackward.apply, tensors((3, 5)))


def test_upstream_is_never_ones():
    """Softmax with a backward of zero passes every check that starts from ones."""

    class LazySoftmax(Function):
        def forward(self, x):
            e = np.exp(x - x.max(-1, keepdims=True))
            return e / e.sum(-1, keepdims=True)

        def backward(self, grad, wanted):
            return (grad * 0,)

    (x,) = tensors((3, 5))
    LazySoftmax.apply(x).backward(minipose.ones(3, 5))
    assert np.abs(x.grad.data).max() == 0  # and the true gradient from ones is zero too
    with pytest.raises(GradcheckError, match="zero everywhere"):
        gradcheck(LazySoftmax.apply, x)


def test_a_first_derivative_that_is_right_and_a_second_that_is_not():
    class Square(Function):
        def forward(self, x):
            self.save_inputs(0)
            return x * x

        def backward(self, grad, wanted):
            return (grad * self.saved_inputs[0].detach() * 2,)  # right once, constant afterwards

    (x,) = tensors((3, 5))
    assert gradcheck(Square.apply, x)
    with pytest.raises(GradcheckError, match="gradgradcheck: the gradient of input 0 .*zero everywhere"):
        gradgradcheck(Square.apply, x)


def test_returning_instead_of_raising():
    assert gradcheck(lambda a: a * 0, tensors((3, 5)), raise_exception=False) is False
    assert gradgradcheck(lambda a: a * 0, tensors((3, 5)), raise_exception=False) is False


# ---- the adjoint check ----


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_adjoint_of_linear_functions(dtype):
    rng = np.random.default_rng(0)
    x, w, b = (Tensor(rng.standard_normal(s).astype(dtype)) for s in ((2, 3, 7, 5), (5, 3, 3, 2), (5,)))
    assert adjoint_check(lambda x: ops.conv2d(x, w, b, stride=(2, 1), padding=1), x)
    assert adjoint_check(lambda x: x[:, 1:, ::2], x)


def test_adjoint_of_a_wrong_backward():
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 3, 7, 5)), rng.standard_normal((5, 3, 3, 2))

    class Flipped(Function):
        def forward(self, x):
            return reference.conv2d(x, w, **GEOMETRY)

        def backward(self, grad, wanted):
            return (Tensor(reference.conv2d_input_grad(grad.data, w[:, :, ::-1, ::-1], (7, 5), **GEOMETRY)),)

    with pytest.raises(GradcheckError, match="adjoint_check: <A x, y> = .* but <x, A\\* y> = "):
        adjoint_check(Flipped.apply, Tensor(x))
    assert adjoint_check(Flipped.apply, Tensor(x), raise_exception=False) is False


def test_adjoint_of_what_is_not_linear_or_nothing():
    (x,) = tensors((3, 5))
    with pytest.raises(GradcheckError, match="not linear"):
        adjoint_check(lambda a: a * a, x)
    with pytest.raises(GradcheckError, match="proves nothing"):
        adjoint_check(lambda a: a * 0, x)


# ---- wrong arguments ----


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda c, x: c(3, x), TypeError, "function must be callable"),
    (lambda c, x: c(ops.exp, 3), TypeError, "inputs must be"),
    (lambda c, x: c(ops.exp, x.detach()), ValueError, "no input .* requires a gradient"),
    (lambda c, x: c(ops.exp, x.detach().to("float32").requires_grad_()), ValueError, "input 0 is float32"),
    (lambda c, x: c(lambda a: a.data, x), TypeError, "the function must return a Tensor or several, not ndarray"),
    (lambda c, x: c(lambda a: (), x), TypeError, "the function must return a Tensor or several, not nothing"),
    (lambda c, x: c(ops.exp, x, eps=0), ValueError, "eps must be larger than 0"),
    (lambda c, x: c(ops.exp, x, rtol=-1), ValueError, "rtol must be a small number"),
    (lambda c, x: c(ops.exp, x, atol="a"), ValueError, "atol must be a small number"),
    (lambda c, x: c(ops.exp, x, generator=3), TypeError, "generator must be"),
], ids=lambda v: v[:20] if isinstance(v, str) else "")  # fmt: skip
def test_wrong_arguments(check, call, error, text):
    with pytest.raises(error, match=f"{check.__name__}: {text}"):
        call(check, tensors((3, 5))[0])


def test_wrong_arguments_of_the_adjoint_check():
    with pytest.raises(TypeError, match="adjoint_check: input .*3"):
        adjoint_check(ops.exp, 3)
    with pytest.raises(ValueError, match="adjoint_check: rtol"):
        adjoint_check(ops.exp, tensors((3, 5))[0], rtol=0)
