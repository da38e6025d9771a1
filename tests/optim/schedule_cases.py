"""Schedules that run in both engines, on optimisers of two groups."""

import numpy as np

from minipose import nn, optim

KINDS = [("SGD", {"momentum": 0.9}), ("Adam", {})]


class Decay:
    """A factor that is an object with attributes, which are saved."""

    def __init__(self, base):
        self.base = base

    def __call__(self, step):
        return self.base**step


CASES = {  # L: the module of either engine; o: the optimiser, of two groups
    "step": lambda L, o: L.StepLR(o, 3),
    "step, gamma": lambda L, o: L.StepLR(o, 1, gamma=0.7),
    "steps": lambda L, o: L.MultiStepLR(o, [2, 7, 7, 11], gamma=0.3),
    "steps, none": lambda L, o: L.MultiStepLR(o, []),
    "exponential": lambda L, o: L.ExponentialLR(o, 0.83),
    "exponential, 0": lambda L, o: L.ExponentialLR(o, 0.0),
    "linear": lambda L, o: L.LinearLR(o),
    "linear, down to 0": lambda L, o: L.LinearLR(o, start_factor=0.9, end_factor=0.0, total_iters=7),
    "linear, 1": lambda L, o: L.LinearLR(o, total_iters=1),
    "cosine": lambda L, o: L.CosineAnnealingLR(o, 13),
    "cosine, up again": lambda L, o: L.CosineAnnealingLR(o, T_max=4, eta_min=0.003),
    "cosine, 1": lambda L, o: L.CosineAnnealingLR(o, 1, 0.01),
    "lambda": lambda L, o: L.LambdaLR(o, lambda step: 1 / (1 + step)),
    "lambdas": lambda L, o: L.LambdaLR(o, [lambda step: 0.9**step, Decay(0.8)]),
    "one cycle": lambda L, o: L.OneCycleLR(o, 0.4, total_steps=20),
    "one cycle, linear": lambda L, o: L.OneCycleLR(
        o, [0.4, 0.7], epochs=5, steps_per_epoch=4, pct_start=0.37, anneal_strategy="linear", div_factor=7,
        final_div_factor=13.0, base_momentum=[0.5, 0.6], max_momentum=[0.7, 0.8],
    ),
    "one cycle, three phases": lambda L, o: L.OneCycleLR(o, 0.4, 21, three_phase=True, pct_start=0.41),
    "one cycle, no momentum": lambda L, o: L.OneCycleLR(o, 0.4, 20, cycle_momentum=False),
    "one cycle, down only": lambda L, o: L.OneCycleLR(o, 0.4, 20, pct_start=0.0),
    "sequence": lambda L, o: L.SequentialLR(
        o, [L.LinearLR(o, 0.1, total_iters=4), L.CosineAnnealingLR(o, 9), L.StepLR(o, 2)], milestones=[4, 13]
    ),
    "sequence of powers": lambda L, o: L.SequentialLR(
        o, [L.ExponentialLR(o, 0.9), L.MultiStepLR(o, [2, 3]), L.ExponentialLR(o, 0.8)], [5, 11]
    ),
    "sequence that begins with its second": lambda L, o: L.SequentialLR(
        o, [L.StepLR(o, 2), L.LambdaLR(o, lambda step: 1 + step)], [0]
    ),
    "two at once": lambda L, o: Both(L.ExponentialLR(o, 0.9), L.StepLR(o, 4, 0.5)),
}  # fmt: skip


class Both:
    def __init__(self, *parts):
        self.parts = parts

    def step(self):
        for part in self.parts:
            part.step()

    def get_last_lr(self):
        return self.parts[-1].get_last_lr()

    def state_dict(self):
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, state):
        for part, one in zip(self.parts, state, strict=True):
            part.load_state_dict(one)


def ours(kind="SGD", options=KINDS[0][1]):
    parameters = [nn.Parameter(np.zeros(2)) for _ in range(2)]
    return getattr(optim, kind)([{"params": parameters[0]}, {"params": parameters[1], "lr": 0.3}], lr=0.1, **options)


def in_torch(torch, kind="SGD", options=KINDS[0][1]):
    parameters = [torch.zeros(2, requires_grad=True) for _ in range(2)]
    groups = [{"params": parameters[0]}, {"params": parameters[1], "lr": 0.3}]
    return getattr(torch.optim, kind)(groups, lr=0.1, **options)
