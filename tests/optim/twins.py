"""The same optimiser here and in torch, over the same parameters and gradients."""

import numpy as np

from minipose import Tensor, nn, optim

# A bias; a matrix; a convolution's weight of more than 32,768 numbers (the compiled kernel); a number; nothing.
SHAPES = [(11,), (7, 5), (67, 61, 3, 3), (), (3, 0)]

OPTIONS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.7, "dampening": 0.4, "weight_decay": 0.3}),
    ("SGD", {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.02, "maximize": True}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.3, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.03, "alpha": 0.6, "eps": 1e-3, "weight_decay": 0.3, "maximize": True}),
    ("RMSprop", {"lr": 0.03, "alpha": 0.9, "momentum": 0.7}),
    # eps: where weight decay cancels a gradient to rounding alone, the move would be the sign of that rounding.
    ("RMSprop", {"lr": 0.03, "alpha": 0.8, "eps": 1e-3, "momentum": 0.5, "centered": True, "weight_decay": 0.1}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.3, "lr_decay": 0.2, "weight_decay": 0.3, "initial_accumulator_value": 0.7, "eps": 1e-3}),
    ("Adagrad", {"lr": 0.3, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.3}),
    ("Adam", {"lr": 0.1, "betas": (0.3, 0.2), "eps": 0.1, "maximize": True}),
    ("Adam", {"lr": 0.05, "betas": (0.5, 0.6), "amsgrad": True, "weight_decay": 0.1, "maximize": True}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.3, "decoupled_weight_decay": True}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.05, "betas": (0.5, 0.6), "weight_decay": 0.7, "maximize": True}),
    ("AdamW", {"lr": 0.05, "betas": (0.5, 0.6), "weight_decay": 0.7, "amsgrad": True}),
]

# For the second of three groups; whatever else an optimiser has.
GROUP_OPTIONS = {
    "SGD": {"lr": 0.02, "momentum": 0.5},
    "RMSprop": {"lr": 0.02, "alpha": 0.5},
    "Adagrad": {"lr": 0.02, "lr_decay": 0.5},
    "Adam": {"lr": 0.02, "betas": (0.4, 0.7)},
    "AdamW": {"lr": 0.02, "betas": (0.4, 0.7)},
}


def parameters(rng, dtype="float64"):
    arrays = [np.asarray(rng.standard_normal(shape), dtype) for shape in SHAPES]
    arrays[2] = np.array(arrays[2].transpose(2, 3, 1, 0), order="C").transpose(3, 2, 0, 1)  # as convolutions keep it
    return [nn.Parameter(a) for a in arrays]


def groups(params, name):
    """Three groups, of which the second has options of its own."""
    return [{"params": params[:2]}, {"params": params[2:3], **GROUP_OPTIONS[name]}, {"params": params[3:]}]


def optimizers(torch, name, options, ours, theirs):
    """Return the optimiser here and torch's, with the same groups."""
    ours = getattr(optim, name)(groups(ours, name), **options)
    return ours, getattr(torch.optim, name)(groups(theirs, name), **options)


def copies(torch, params):
    """Return torch's float64 twins of parameters."""
    return [torch.tensor(p.data.astype("float64"), requires_grad=True) for p in params]


def give_gradients(rng, ours, theirs=(), without=()):
    """Set the same random gradients, but none where `without` says so. A drift moves every number."""
    for i, p in enumerate(ours):
        p.grad = None if i in without else Tensor(np.asarray(rng.standard_normal(p.shape) + 1, p.dtype))
    for p, q in zip(ours, theirs):  # noqa: B905  # there may be no twins
        q.grad = None if p.grad is None else q.data.new_tensor(p.grad.data.astype("float64"))
