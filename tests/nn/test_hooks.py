"""A module's hooks against torch's: what they see, when, and what their answers do."""

import numpy as np
import pytest

import minipose
from minipose import Tensor, nn


class Two(nn.Module):
    """Two inputs, two outputs."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(np.arange(1.0, 6))

    def forward(self, a, b, scale=1):
        return a * self.weight * scale, a * b


@pytest.fixture
def arrays(rng):
    return rng.standard_normal((3, 5)), rng.standard_normal((3, 5))


def torch_two(torch):
    class TorchTwo(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.arange(1.0, 6, dtype=torch.float64))

        def forward(self, a, b, scale=1):
            return a * self.weight * scale, a * b

    return TorchTwo()


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
@pytest.mark.parametrize("required", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("used", [(0, 1), (0,), (1,)])
@pytest.mark.parametrize("replace", [False, True])
def test_backward_hook_is_torchs(required, used, replace, arrays, torch):
    if required == (False, False) and 0 not in used:
        pytest.skip("nothing to differentiate")
    if required == (False, True) and used == (0,):
        pytest.skip("the outputs do not depend on the input: torch calls the hook with zeros, minipose does not")
    seen = []
    for tensor, module in ((Tensor, Two()), (torch.tensor, torch_two(torch))):
        inputs = [tensor(a, requires_grad=r) for a, r in zip(arrays, required, strict=True)]
        calls = []

        def hook(module, grad_input, grad_output, calls=calls):
            calls.append([None if g is None else np.array(g.tolist()) for g in (*grad_input, *grad_output)])
            return tuple(None if g is None else g * 2 for g in grad_input) if replace else None

        module.register_full_backward_hook(hook)
        results = module(*inputs, scale=3)
        total = sum((results[i] * results[i]).sum() for i in used)
        total.backward()
        seen.append((calls, [None if x.grad is None else np.array(x.grad.tolist()) for x in [*inputs, module.weight]]))
    (ours, our_grads), (theirs, their_grads) = seen
    assert len(ours) == len(theirs)
    for a, b in zip([*sum(ours, []), *our_grads], [*sum(theirs, []), *their_grads], strict=True):
        assert (a is None) == (b is None) or (a is None and not b.any()) or (b is None and not a.any())
        if a is not None and b is not None:
            np.testing.assert_allclose(a, b, rtol=1e-12)


def test_the_gradient_through_hooks_can_be_differentiated(arrays):
    a, b = (Tensor(v, requires_grad=True) for v in arrays)
    module, calls = Two(), []
    module.register_full_backward_hook(lambda *call: calls.append(call))
    plain = minipose.grad((Two()(a, b)[1] * a).sum(), [a, b], create_graph=True)
    hooked = minipose.grad((module(a, b)[1] * a).sum(), [a, b], create_graph=True)
    for first, second in zip(plain, hooked, strict=True):
        np.testing.assert_array_equal(first.data, second.data)
        for x, y in zip(minipose.grad(((first * first) * b).sum(), [a, b], retain_graph=True),
                        minipose.grad(((second * second) * b).sum(), [a, b], retain_graph=True), strict=True):
            np.testing.assert_allclose(x.data, y.data, rtol=1e-12)
    assert calls


def test_forward_hooks_see_and_replace(arrays):
    module, order = Two(), []
    a, b = (Tensor(v) for v in arrays)
    first = module.register_forward_pre_hook(lambda m, inputs: order.append("pre") or (inputs[0] * 2, inputs[1]))
    module.register_forward_hook(lambda m, inputs, result: order.append("post") or result[0])
    np.testing.assert_allclose(module(a, b).data, 2 * arrays[0] * np.arange(1.0, 6))
    first.remove()
    np.testing.assert_allclose(module(a, b).data, arrays[0] * np.arange(1.0, 6))
    assert order == ["pre", "post", "post"]


def test_a_pre_hook_may_return_the_only_input():
    module = nn.ReLU()
    module.register_forward_pre_hook(lambda m, inputs: -inputs[0])
    np.testing.assert_array_equal(module(minipose.tensor([-1.0, 2.0])).data, [1, 0])


def test_a_removed_backward_hook_is_not_called(arrays):
    module = Two()
    module.register_full_backward_hook(lambda *call: pytest.fail("called")).remove()
    module(Tensor(arrays[0], requires_grad=True), Tensor(arrays[1]))[0].sum().backward()


def test_a_backward_hook_that_returns_too_few(arrays):
    module = Two()
    module.register_full_backward_hook(lambda m, grad_input, grad_output: grad_input[0])
    result = module(*(Tensor(v, requires_grad=True) for v in arrays))
    with pytest.raises(ValueError, match="register_full_backward_hook: .*1 gradients, not 2"):
        result[1].sum().backward()


@pytest.mark.parametrize("kind", ["forward", "forward_pre", "full_backward"])
def test_a_hook_must_be_a_function(kind):
    with pytest.raises(TypeError, match=f"register_{kind}_hook: .*3"):
        getattr(nn.ReLU(), f"register_{kind}_hook")(3)
