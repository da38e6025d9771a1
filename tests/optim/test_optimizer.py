"""What all optimisers share: groups, options, and what a step refuses."""

import warnings

import numpy as np
import pytest

import minipose
from minipose import Tensor, nn
from minipose.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop
from tests.optim import twins

KINDS = [SGD, RMSprop, Adagrad, Adam, AdamW]
PARAMETER = nn.Parameter(np.zeros(2))
each_kind = pytest.mark.parametrize("kind", KINDS)


class Descent(Optimizer):
    required = ("sum",)

    def update(self, parameter, grad, state, options):
        total = state.setdefault("sum", np.zeros_like(parameter))
        total += grad
        parameter -= options["lr"] * total


def test_an_optimizer_writes_its_update_and_names_its_arrays():
    p = nn.Parameter(np.array([1.0, 2.0]))
    optimizer = Descent([p], {"lr": 0.5})
    for _ in range(2):
        p.grad = Tensor(np.array([1.0, -1.0]))
        optimizer.step()
    np.testing.assert_array_equal(p.data, [1 - 0.5 - 1, 2 + 0.5 + 1])
    other = Descent([p], {"lr": 0.5})
    other.load_state_dict(optimizer.state_dict())
    assert other.state[0]["sum"].tolist() == [2, -2]


def test_without_an_update_it_says_so():
    p = nn.Parameter(np.ones(2))
    p.grad = Tensor(np.ones(2))
    with pytest.raises(NotImplementedError, match="^Optimizer: update is not written"):
        Optimizer([p], {}).step()


@each_kind
def test_names_order_and_defaults_are_those_of_torch(kind, torch):
    optimizer = kind([PARAMETER])
    theirs = getattr(torch.optim, kind.__name__)([torch.zeros(2, requires_grad=True)])
    assert theirs.defaults == {**theirs.defaults, **optimizer.defaults}
    # By position, torch has its choice of implementation before `maximize`, which is by keyword here.
    places = {SGD: 5, RMSprop: 6, Adagrad: 5, Adam: 5, AdamW: 5}[kind]
    values = [0.5, (0.6, 0.7), 0.8, 0.9, True] if kind in (Adam, AdamW) else [0.5, 0.6, 0.0, 0.7, 0.8, True][:places]
    if kind is SGD:
        values[-1] = True
    ours = kind([PARAMETER], *values).defaults
    theirs = getattr(torch.optim, kind.__name__)([torch.zeros(2, requires_grad=True)], *values).defaults
    assert theirs == {**theirs, **ours}


@each_kind
def test_groups_have_options_of_their_own_and_may_be_added(kind, rng):
    a, b, c = (nn.Parameter(np.zeros(3)) for _ in range(3))
    given = {"params": b, "lr": 0.5}
    optimizer = kind([{"params": [a]}, given], lr=0.25)
    optimizer.add_param_group({"params": iter([c]), "weight_decay": 0.125})
    assert given == {"params": b, "lr": 0.5}
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.5, 0.25]
    decay = optimizer.defaults["weight_decay"]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [decay, decay, 0.125]
    assert [group["params"] for group in optimizer.state_dict()["param_groups"]] == [[0], [1], [2]]
    twins.give_gradients(rng, [c])
    optimizer.step()
    assert not a.data.any() and not b.data.any() and c.data.all()


def test_frozen_parameters_may_be_among_the_others(rng):
    net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    net[0].requires_grad_(False)
    before = net[0].weight.data.copy(), net[1].weight.data.copy()
    optimizer = SGD(net.parameters(), lr=0.1)
    net(Tensor(rng.standard_normal((4, 3)).astype("float32"))).sum().backward()
    optimizer.step()
    np.testing.assert_array_equal(net[0].weight.data, before[0])
    assert (net[1].weight.data != before[1]).all()


def test_numbers_of_numpy_become_numbers_of_python():
    optimizer = Adam([PARAMETER], lr=np.float32(0.5), weight_decay=np.int64(1), betas=(np.float64(0.5), 0.5))
    group = optimizer.param_groups[0]
    assert [type(v) for v in (group["lr"], group["weight_decay"], *group["betas"])] == [float] * 4
    assert Adam([PARAMETER], lr=1, betas=(0, 0.5)).param_groups[0]["betas"] == (0.0, 0.5)


def test_zero_grad_forgets_gradients_or_zeroes_them(rng):
    params = twins.parameters(rng)
    optimizer = SGD(params)
    twins.give_gradients(rng, params, without={1})
    optimizer.zero_grad(set_to_none=False)
    assert params[1].grad is None
    for p in (params[0], *params[2:]):
        assert p.grad.shape == p.shape and p.grad.dtype == p.dtype and not p.grad.data.any()
    optimizer.zero_grad()
    assert all(p.grad is None for p in params)
    with pytest.raises(TypeError, match="^SGD.zero_grad: set_to_none must be True or False"):
        optimizer.zero_grad("no")


def test_a_closure_is_called_once_with_recording_on_and_its_loss_returned():
    p = nn.Parameter(np.array([3.0]))
    optimizer = SGD([p], lr=0.5)
    calls = []

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        calls.append(loss)
        return loss

    with minipose.no_grad():
        assert optimizer.step(closure) is calls[0]
    assert len(calls) == 1 and calls[0].item() == 9 and p.data[0] == 3 - 0.5 * 6
    assert optimizer.step() is None


@each_kind
def test_a_graph_that_needs_the_old_values_notices_the_step(kind):
    p, x = nn.Parameter(np.array([3.0])), Tensor(np.array([2.0]), requires_grad=True)
    loss = (p * x).sum()
    p.grad = Tensor(np.array([1.0]))
    version = p.version.count
    kind([p]).step()
    assert p.version.count > version
    with pytest.raises(RuntimeError):
        loss.backward()


WRONG_GRADIENTS = [
    (lambda p: Tensor(np.ones((2, 1))), ValueError, r"the gradient must be \(2,\) float64 on 'cpu' .*, not \(2, 1\)"),
    (lambda p: Tensor(np.ones(3)), ValueError, "the gradient must be"),
    (lambda p: Tensor(np.ones(())), ValueError, "the gradient must be"),
    (lambda p: Tensor(np.ones(2, np.float32)), ValueError, "the gradient must be .*, not .* float32"),
    (lambda p: Tensor(np.ones(2, np.int64)), ValueError, "the gradient must be .*, not .* int64"),
    (lambda p: np.ones(2), TypeError, "the gradient of a parameter must be a Tensor"),
    (lambda p: np.ones(2) * 1j, TypeError, "the gradient of a parameter must be a Tensor"),
    (lambda p: "gradient", TypeError, "the gradient of a parameter must be a Tensor"),
    (lambda p: 1.0, TypeError, "the gradient of a parameter must be a Tensor"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), WRONG_GRADIENTS)
@each_kind
def test_a_gradient_that_does_not_fit_is_refused_and_nothing_is_changed(kind, wrong, error, message):
    a, b = nn.Parameter(np.ones(2)), nn.Parameter(np.ones(2))
    optimizer = kind([a, b])
    a.grad, b.grad = Tensor(np.ones(2)), wrong(b)
    with pytest.raises(error, match=f"^{kind.__name__}.step: {message}"):
        optimizer.step()
    np.testing.assert_array_equal(a.data, 1)
    assert all(state.get("step", 0) == 0 for state in optimizer.state)


def test_a_complex_gradient_is_refused():
    p = nn.Parameter(np.ones(2))
    p.grad = Tensor(np.ones(2))
    p.grad.data = np.ones(2) * 1j
    with pytest.raises(ValueError, match="^SGD.step: the gradient must be .* not .* complex128"):
        SGD([p]).step()


@pytest.mark.parametrize("options", [{}, {"amsgrad": True}], ids=str)
def test_a_model_that_was_changed_after_the_first_step_is_refused(options):
    net = nn.Linear(3, 2)
    optimizer = Adam(net.parameters(), **options)
    for dtype in ("float32", "float64"):
        net.to(dtype)
        for p in net.parameters():
            p.grad = minipose.ones_like(p)
        if dtype == "float32":
            optimizer.step()
    with pytest.raises(ValueError, match=r"^Adam.step: exp_avg is \(2, 3\) float32 .* parameter is \(2, 3\) float64"):
        optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
    optimizer.step()
    assert optimizer.state[0]["step"] == 2 and optimizer.state[0]["exp_avg"].dtype == "float64"


def test_a_read_only_parameter_is_refused():
    array = np.ones(2)
    array.flags.writeable = False
    p = nn.Parameter(array)
    p.grad = Tensor(np.ones(2))
    with pytest.raises(ValueError, match="^SGD.step: the array of a parameter, .*, is read-only"):
        SGD([p]).step()


@pytest.mark.parametrize("closure", [1, "loss", [], object(), Tensor(np.ones(1))])
def test_something_else_than_a_closure_is_refused(closure):
    with pytest.raises(TypeError, match="^SGD.step: closure must be a function"):
        SGD([PARAMETER]).step(closure)


WRONG_PARAMETERS = [
    ([], ValueError, "there are no parameters; was a generator used up"),
    (PARAMETER, TypeError, "params must be a list of Tensors or of dicts, not a Parameter"),
    ({"params": [PARAMETER]}, TypeError, "params must be a list of Tensors or of dicts, not a dict"),
    ({PARAMETER}, TypeError, "params must be a list of Tensors or of dicts, not a set"),
    (None, TypeError, "params must be a list"),
    ("weights", TypeError, "params must be a list"),
    (1.5, TypeError, "params must be a list"),
    (True, TypeError, "params must be a list"),
    (object(), TypeError, "params must be a list"),
    (nn.ReLU(), TypeError, "params must be a list"),
    ([PARAMETER, PARAMETER], ValueError, r"a parameter of shape \(2,\) is listed twice"),
    ([PARAMETER * 2], TypeError, "parameters must be leaf Tensors of floating-point numbers, not tensor"),
    ([minipose.tensor([1, 2])], TypeError, "parameters must be leaf Tensors of floating-point numbers"),
    ([nn.ReLU()], TypeError, "parameters must be leaf Tensors"),
    ([None], TypeError, "parameters must be leaf Tensors"),
    ([np.ones(2)], TypeError, "parameters must be leaf Tensors"),
    ([[PARAMETER]], TypeError, "parameters must be leaf Tensors"),
    ([PARAMETER, {"params": PARAMETER}], TypeError, "parameters must be leaf Tensors"),
    ([{"params": PARAMETER}, PARAMETER], TypeError, "a group must be a dict, not a Parameter"),
    ([{"params": PARAMETER}, {"params": [PARAMETER]}], ValueError, "a parameter .* is listed twice"),
    ([{"params": PARAMETER, "typo": 0.9}], ValueError, "unknown option 'typo'; there are lr, "),
    ([{"params": PARAMETER, 7: 0.9}], ValueError, "unknown option '7'"),
    ([{"lr": 0.1}], ValueError, "a group has no 'params'"),
    ([{"params": None}], TypeError, "params of a group must be Tensors in an order, not a NoneType"),
    ([{"params": {PARAMETER}}], TypeError, "params of a group must be Tensors in an order, not a set"),
    ([{"params": {"weight": PARAMETER}}], TypeError, "params of a group must be Tensors in an order, not a dict"),
    ([{"params": "weight"}], TypeError, "params of a group must be Tensors in an order, not a str"),
    ([{"params": PARAMETER, "lr": -1}], ValueError, "lr must be a number from 0 up to .*, not -1"),
]


@pytest.mark.parametrize(("parameters", "error", "message"), WRONG_PARAMETERS)
@each_kind
def test_wrong_parameters_are_named(kind, parameters, error, message):
    with pytest.raises(error, match=f"^{kind.__name__}: {message}"):
        kind(parameters)


@pytest.mark.parametrize("group", [g for g, *_ in WRONG_PARAMETERS if not isinstance(g, list)] + [
    {"params": PARAMETER * 2}, {"params": PARAMETER, "lr": "0.1"}, {"params": PARAMETER}, {"params": PARAMETER, "a": 1},
], ids=str)  # fmt: skip
def test_a_wrong_group_is_not_added(group):
    optimizer = SGD([PARAMETER])
    with pytest.raises((ValueError, TypeError), match="^SGD: "):
        optimizer.add_param_group(group)
    assert len(optimizer.param_groups) == len(optimizer.state) == 1


NOT_NUMBERS = [None, "0.1", True, [0.1], (0.1,), {}, object(), np.ones(1), minipose.ones(1), 1j, np.array([1, 2])]
OUT_OF_RANGE = [-1, -1e-8, float("nan"), float("inf"), -float("inf"), 10**400, np.float32("nan")]


@pytest.mark.parametrize(("kind", "option"), [
    (kind, option) for kind in KINDS for option, value in kind([PARAMETER]).defaults.items()
    if isinstance(value, float)
])  # fmt: skip
def test_wrong_numbers_are_named(kind, option):
    for value in NOT_NUMBERS:
        with pytest.raises(TypeError, match=f"^{kind.__name__}: {option} must be a number"):
            kind([PARAMETER], **{option: value})
    for value in OUT_OF_RANGE:
        if option != "dampening" or not value < 0 or value == -float("inf"):
            with pytest.raises(ValueError, match=f"^{kind.__name__}: {option} must be a number from "):
                kind([PARAMETER], **{option: value})
    kind([PARAMETER], **{option: 1})


@pytest.mark.parametrize(("kind", "option"), [
    (kind, option) for kind in KINDS for option, value in kind([PARAMETER]).defaults.items()
    if isinstance(value, bool) and (kind, option) != (AdamW, "decoupled_weight_decay")
])  # fmt: skip
def test_wrong_flags_are_named(kind, option):
    for value in (None, "True", 1, 0.0, [], object()):
        with pytest.raises(TypeError, match=f"^{kind.__name__}: {option} must be True or False"):
            kind([PARAMETER], **{option: value})


@pytest.mark.parametrize("options", [{}, {"momentum": 0.0}, {"momentum": 0.9, "dampening": 0.1}], ids=str)
def test_nesterov_needs_momentum_without_dampening(options):
    with pytest.raises(ValueError, match="^SGD: nesterov needs a momentum above 0 and no dampening"):
        SGD([PARAMETER], nesterov=True, **options)


def test_alpha_is_at_most_one():
    RMSprop([PARAMETER], alpha=1)
    with pytest.raises(ValueError, match="^RMSprop: alpha must be a number from 0 up to 1, not 1.5"):
        RMSprop([PARAMETER], alpha=1.5)


@each_kind
def test_huge_integers_are_numbers_too(kind, rng):
    p = nn.Parameter(np.ones(2, np.float32))
    optimizer = kind([p], lr=10**300)
    twins.give_gradients(rng, [p])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # it overflows, as it must
        optimizer.step()
    assert not np.isfinite(p.data).any()
