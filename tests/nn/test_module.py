import copy
import re

import numpy as np
import pytest

import minipose
from minipose import Tensor, nn
from tests.nn.twins import randomise


def build(nn):
    """Return the same network in either engine, with a shared module, a shared parameter and absent ones."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.second = nn.Linear(3, 2)
            self.first = nn.Sequential(nn.Conv2d(2, 4, 3, bias=False), nn.BatchNorm2d(4))
            self.again = self.second
            self.tied = nn.Linear(3, 2, bias=False)
            self.tied.weight = self.second.weight
            self.none = None
            self.plain = nn.BatchNorm2d(5, affine=False, track_running_stats=False)
            self.scale = nn.Parameter(self.second.weight.detach() * 2)
            self.register_buffer("count", self.second.bias.detach() * 0)

    return Net()


def values(module):
    return {name: tensor.data.copy() for name, tensor in module.state_dict().items()}


# ---- registration ----


@pytest.mark.parametrize("method", [
    "named_parameters", "named_buffers", "named_modules", "state_dict",
])  # fmt: skip
def test_names_and_their_order_are_those_of_torch(method, torch):
    ours, theirs = (dict(getattr(build(part), method)()) for part in (nn, torch.nn))
    assert list(ours) == list(theirs) and len(ours) > 1
    for name, value in ours.items():
        assert method == "named_modules" or value.shape == tuple(theirs[name].shape)


def test_repr_is_that_of_torch(torch):
    class Layer:
        def extra_repr(self):
            return "size=3"

    def nested(nn):
        layer = type("Layer", (Layer, nn.Module), {})()
        layer.part = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Linear(3, 2)))
        return nn.Sequential(layer, nn.Identity(), nn.Sequential())

    assert repr(nested(nn)) == repr(nested(torch.nn))


def test_shared_parameters_and_modules_are_listed_once():
    net = build(nn)
    ids = [id(p) for p in net.parameters()]
    assert len(ids) == len(set(ids)) == 6
    assert sum(m is net.second for m in net.modules()) == 1
    assert net.state_dict()["tied.weight"].data is net.state_dict()["second.weight"].data


def test_children_are_only_the_direct_ones():
    net = build(nn)
    assert [name for name, _ in net.named_children()] == ["second", "first", "again", "tied", "plain"]
    assert list(net.first.children()) == [net.first[0], net.first[1]]


def test_unknown_attribute_raises_with_the_nearest_name():
    net = build(nn)
    with pytest.raises(AttributeError, match=r"^Linear has no attribute 'wieght'; did you mean 'weight'\?$"):
        _ = net.second.wieght
    with pytest.raises(AttributeError, match="did you mean 'parameters'"):
        _ = net.paramters
    with pytest.raises(AttributeError, match="^Net has no attribute 'qqqq'$"):
        _ = net.qqqq
    assert not hasattr(net, "bias") and getattr(net, "bias", 3) == 3


def test_forgotten_super_init_is_named():
    class Net(nn.Module):
        def __init__(self):
            self.layer = nn.ReLU()

    class Empty(nn.Module):
        def __init__(self):
            pass

    with pytest.raises(AttributeError, match=r"^Net: call super\(\).__init__\(\) before assigning 'layer'"):
        Net()
    with pytest.raises(AttributeError, match=r"^Empty: call super\(\).__init__\(\) before"):
        list(Empty().parameters())
    with pytest.raises(AttributeError, match=r"^Empty: call super\(\).__init__\(\) before"):
        Empty().state_dict()


def test_missing_forward_is_named():
    with pytest.raises(NotImplementedError, match="^Net: forward is not written"):
        build(nn)(1)


@pytest.mark.parametrize(("name", "value", "kind"), [
    ("weight", minipose.zeros(2, 3), "Parameter"),
    ("weight", np.zeros((2, 3)), "Parameter"),
    ("count", 3, "Tensor"),
    ("part", "relu", "Module"),
])  # fmt: skip
def test_what_is_registered_is_not_replaced_by_another_kind(name, value, kind):
    net = nn.Linear(3, 2)
    net.register_buffer("count", minipose.zeros(1))
    net.part = nn.ReLU()
    before = repr(net), list(net.state_dict())
    message = f"^Linear: '{name}' is registered as a {kind}; assign a {kind} or None, not a {type(value).__name__}"
    with pytest.raises(TypeError, match=message):
        setattr(net, name, value)
    assert (repr(net), list(net.state_dict())) == before


def test_what_is_registered_may_be_replaced_or_dropped():
    net = nn.Linear(3, 2)
    net.register_buffer("count", minipose.zeros(1))
    net.weight = new = nn.Parameter(np.ones((2, 3)))
    assert next(net.parameters()) is new and list(net.state_dict()) == ["weight", "bias", "count"]
    net.bias = net.count = None
    assert net.bias is None and net.count is None and list(net.state_dict()) == ["weight"]
    net.count = minipose.ones(2)
    assert list(net.state_dict()) == ["weight", "count"]
    net.weight = nn.ReLU()
    assert not list(net.parameters()) and [name for name, _ in net.named_children()] == ["weight"]
    del net.weight, net.count
    assert not net.state_dict() and not list(net.children()) and not hasattr(net, "weight")


def test_properties_with_setters_work():
    class Net(nn.Module):
        @property
        def size(self):
            return self.side**2

        @size.setter
        def size(self, value):
            self.side = value**0.5

    net = Net()
    net.size = 9
    assert net.side == 3


def test_register_parameter_and_buffer_check_what_they_get():
    net = nn.Linear(3, 2)
    with pytest.raises(TypeError, match="^register_parameter: 'p' must be a Parameter, not Tensor"):
        net.register_parameter("p", minipose.zeros(2))
    with pytest.raises(TypeError, match="^register_buffer: 'b' must be a Tensor, not ndarray"):
        net.register_buffer("b", np.zeros(2))
    for taken in ("weight", "forward", "training", "in_features"):
        with pytest.raises(ValueError, match=f"^register_buffer: Linear has an attribute '{taken}' already"):
            net.register_buffer(taken, minipose.zeros(2))
    for register, value in ((net.register_parameter, nn.Parameter(np.zeros(2))),
                            (net.register_buffer, minipose.zeros(2)), (net.__setattr__, nn.ReLU())):  # fmt: skip
        with pytest.raises(ValueError, match="the name 'a.b' must not hold a dot"):
            register("a.b", value)
    assert list(net.state_dict()) == ["weight", "bias"]


# ---- state ----


def test_state_is_detached_and_shares_memory():
    net = build(nn)
    state = net.state_dict()
    assert not any(t.requires_grad for t in state.values())
    state["second.weight"].data[...] = 5
    assert (net.second.weight.data == 5).all()


@pytest.mark.parametrize("given", ["tensors", "arrays", "torch"])
def test_state_is_loaded_into_the_same_memory(given, rng, torch):
    source, target = build(nn), build(nn).to("float64")
    randomise(source, rng)
    convert = {"tensors": lambda t: t, "arrays": lambda t: np.array(t.data), "torch": lambda t: torch.tensor(t.data)}
    arrays = {name: t.data for name, t in target.state_dict().items()}
    layouts = {name: a.strides for name, a in arrays.items()}
    target.load_state_dict({name: convert[given](t) for name, t in source.state_dict().items()})
    for name, tensor in target.state_dict().items():
        assert tensor.data is arrays[name] and tensor.data.strides == layouts[name]
        assert tensor.dtype == ("int64" if name.endswith("tracked") else "float64")
        np.testing.assert_array_equal(tensor.data, source.state_dict()[name].data, err_msg=name)
    weights = [net.state_dict()["second.weight"].data for net in (source, target)]
    assert not np.shares_memory(*weights)


def test_all_problems_are_named_and_nothing_is_changed():
    net = build(nn)
    before = values(net)
    state = {name: value + 1 for name, value in before.items()}
    del state["scale"]
    state["second.bias"] = np.zeros((2, 1), np.float32)
    state["first.1.num_batches_tracked"] = np.array("three")
    state["heads.0.weight"] = state["head"] = np.zeros(3)
    with pytest.raises(ValueError) as error:
        net.load_state_dict(state)
    for part in (
        "load_state_dict: Net does not fit: ",
        "scale is missing",
        "heads.0.weight is not part of the model",
        "head is not part of the model",
        "second.bias has shape (2, 1) but the model's has (2,)",
        "first.1.num_batches_tracked holds <U5 instead of real numbers",
    ):
        assert part in str(error.value)
    for name, value in values(net).items():
        np.testing.assert_array_equal(value, before[name])


def test_without_strict_names_may_differ_but_not_shapes():
    net = nn.Linear(3, 2)
    bias = net.bias.data.copy()
    keys = net.load_state_dict({"weight": np.full((2, 3), 7), "more": np.zeros(2)}, strict=False)
    assert (keys.missing_keys, keys.unexpected_keys) == (["bias"], ["more"])
    assert net.load_state_dict(net.state_dict()) == ([], [])
    np.testing.assert_array_equal(net.weight.data, np.full((2, 3), 7))
    np.testing.assert_array_equal(net.bias.data, bias)
    with pytest.raises(ValueError, match=re.escape("weight has shape (3, 2) but the model's has (2, 3)")):
        net.load_state_dict({"weight": np.zeros((3, 2))}, strict=False)


def test_deep_copy_is_independent_and_keeps_the_layout(rng):
    net = build(nn)
    net.first.register_forward_hook(lambda *_: None)
    twin = copy.deepcopy(net)
    assert list(twin.state_dict()) == list(net.state_dict()) and twin.tied.weight is twin.second.weight
    for name, tensor in twin.state_dict().items():
        original = net.state_dict()[name].data
        assert not np.shares_memory(tensor.data, original) and tensor.data.strides == original.strides
    assert all(isinstance(p, nn.Parameter) and p.requires_grad for p in twin.parameters())


# ---- modes, devices, gradients ----


def test_train_and_eval_reach_every_module():
    net = build(nn)
    assert all(m.training for m in net.modules())
    assert net.eval() is net and not any(m.training for m in net.modules())
    net.first.train()
    assert net.first[0].training and not net.training
    assert minipose.is_grad_enabled()
    with pytest.raises(TypeError, match="^train: mode must be True or False, not 'eval'"):
        net.train("eval")


def test_to_converts_floats_their_gradients_and_nothing_else(rng):
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4))
    weight = net[0].weight
    net(Tensor(rng.standard_normal((2, 2, 5, 7)).astype(np.float32))).mean().backward()
    net[1].weight.grad = None
    before, strides = weight.grad.data, weight.data.strides
    assert net.to("float64") is net and net[0].weight is weight and weight.is_leaf
    assert {str(t.dtype) for t in net.parameters()} == {"float64"} and net[1].running_var.dtype == "float64"
    assert net[1].num_batches_tracked.dtype == "int64" and net[1].weight.grad is None
    assert weight.grad.dtype == "float64" and weight.data.strides == tuple(2 * s for s in strides)
    np.testing.assert_array_equal(weight.grad.data, before)
    data = weight.data
    assert net.to("cpu").to(np.float64)[0].weight.data is data


@pytest.mark.parametrize("target", ["gpu", "int64", None, 3, np.dtype("bool")])
def test_to_refuses_what_is_neither_device_nor_floating_point(target):
    net = nn.Linear(3, 2)
    with pytest.raises(TypeError, match="^to: expected 'cpu', 'cuda' or a floating-point dtype, not "):
        net.to(target)
    assert net.weight.dtype == "float32"


def test_zero_grad_and_requires_grad(rng):
    net = nn.Linear(3, 2)
    x = Tensor(rng.standard_normal((5, 3)).astype(np.float32))
    net(x).sum().backward()
    assert net.weight.grad is not None
    net.zero_grad()
    assert net.weight.grad is None and net.bias.grad is None
    assert net.requires_grad_(False) is net and not net(x).requires_grad
    assert net.requires_grad_()(x).requires_grad


def test_apply_goes_from_the_leaves_up_in_the_order_of_torch(torch):
    def names(nn):
        seen = []
        net = nn.Sequential(nn.Linear(3, 2), nn.Sequential(nn.ReLU(), nn.Sigmoid()), nn.Identity())
        assert net.apply(lambda module: seen.append(type(module).__name__)) is net
        return seen

    assert names(nn) == names(torch.nn)


# ---- hooks ----


def test_hooks_see_input_and_result_until_they_are_removed(rng):
    net, seen = nn.Linear(3, 2), []
    handle = net.register_forward_hook(lambda module, inputs, result: seen.append((module, inputs, result)))
    x = Tensor(rng.standard_normal((5, 3)).astype(np.float32))
    result = net(x)
    assert len(seen) == 1 and seen[0][0] is net and seen[0][1][0] is x and seen[0][2] is result
    handle.remove()
    net(x)
    assert len(seen) == 1


def test_hooks_run_in_order_and_may_replace_the_result():
    net = nn.Identity()
    net.register_forward_hook(lambda module, inputs, result: result + 1)
    net.register_forward_hook(lambda module, inputs, result: result * 10)
    assert net(2) == 30


def test_removing_a_hook_twice_leaves_the_others():
    net, calls = nn.Identity(), []
    net.register_forward_hook(lambda *_: calls.append("a"))
    second = net.register_forward_hook(lambda *_: calls.append("b"))
    second.remove()
    net.register_forward_hook(lambda *_: calls.append("c"))
    second.remove()
    net(0)
    assert calls == ["a", "c"]


def test_a_hook_may_remove_itself():
    net, calls = nn.Identity(), []

    def once(*_):
        calls.append(1)
        handle.remove()

    handle = net.register_forward_hook(once)
    net.register_forward_hook(lambda *_: calls.append(2))
    net(0)
    net(0)
    assert calls == [1, 2, 2]
