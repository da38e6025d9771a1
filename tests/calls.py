"""A right call of every public function: what each of its arguments could be, so that tests can spoil one of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

import minipose
from minipose import Tensor, data, nn, ops, optim
from minipose.pose import RegressionCodec

IMAGES = (2, 4, 5, 6)


def numbers(*shape: int) -> Tensor:
    """Return float32 numbers from 0.1 to 0.9, the same at every call; a function of any of them has a derivative."""
    return Tensor(np.random.default_rng(7).uniform(0.1, 0.9, shape).astype(np.float32))


def classes(*shape: int, below: int = 4) -> Tensor:
    return Tensor(np.random.default_rng(7).integers(0, below, shape))


COMMON: dict[str, Callable] = {  # by the name of the argument, where a function's own table below says nothing else
    "input": lambda: numbers(*IMAGES),
    "tensor": lambda: numbers(*IMAGES),
    "other": lambda: numbers(*IMAGES),
    "target": lambda: numbers(*IMAGES),
    "tensors": lambda: [numbers(2, 3), numbers(2, 3)],
    "dim": lambda: 1,
    "dim0": lambda: 1,
    "dim1": lambda: 2,
    "kernel_size": lambda: 2,
    "output_size": lambda: 3,
    "num_features": lambda: 4,
    "in_channels": lambda: 4,
    "out_channels": lambda: 6,
}
OWN: dict[str, dict[str, Callable]] = {
    "affine_grid": {"theta": lambda: numbers(2, 2, 3), "size": lambda: IMAGES},
    "batch_norm": {"running_mean": lambda: numbers(4), "running_var": lambda: numbers(4)},
    "batch_norm_relu": {"running_mean": lambda: numbers(4), "running_var": lambda: numbers(4)},
    "broadcast_to": {"shape": lambda: (3, *IMAGES)},
    "chunk": {"chunks": lambda: 2},
    "clamp": {"min": lambda: 0.3},
    "conv1d": {"input": lambda: numbers(2, 4, 7), "weight": lambda: numbers(6, 4, 3)},
    "conv2d": {"weight": lambda: numbers(6, 4, 3, 2)},
    "conv_transpose2d": {"weight": lambda: numbers(4, 6, 3, 2)},
    "cross_entropy": {"target": lambda: classes(2, 5, 6)},
    "dropout": {"p": lambda: 0.0},
    "dropout2d": {"p": lambda: 0.0},
    "einsum": {"equation": lambda: "ij,jk->ik", "operands": lambda: (numbers(2, 3), numbers(3, 4))},
    "expand": {"sizes": lambda: (3, *IMAGES)},
    "flip": {"dims": lambda: (1, 2)},
    "fold": {"input": lambda: numbers(2, 16, 12), "output_size": lambda: (4, 5)},
    "gather": {"index": lambda: classes(2, 3, 5, 6)},
    "grid_sample": {"grid": lambda: numbers(2, 3, 4, 2)},
    "group_norm": {"num_groups": lambda: 2},
    "index_select": {"index": lambda: classes(3)},
    "interpolate": {"size": lambda: (7, 8)},
    "layer_norm": {"normalized_shape": lambda: (6,)},
    "lerp": {"end": lambda: numbers(*IMAGES), "weight": lambda: 0.3},
    "linear": {"weight": lambda: numbers(3, 6)},
    "masked_fill": {"mask": lambda: Tensor(np.arange(6) % 2 == 0), "value": lambda: 1.5},
    "matmul": {"other": lambda: numbers(6, 3)},
    "movedim": {"source": lambda: 1, "destination": lambda: 3},
    "nll_loss": {"target": lambda: classes(2, 5, 6)},
    "outer": {"input": lambda: numbers(3), "vec2": lambda: numbers(4)},
    "pad": {"pad": lambda: (1, 2)},
    "permute": {"dims": lambda: (0, 2, 3, 1)},
    "pixel_shuffle": {"upscale_factor": lambda: 2},
    "pixel_unshuffle": {"input": lambda: numbers(2, 4, 6, 8), "downscale_factor": lambda: 2},
    "pow": {"exponent": lambda: 3},
    "prelu": {"weight": lambda: numbers(4)},
    "repeat": {"repeats": lambda: (1, 2, 1, 1)},
    "reshape": {"shape": lambda: (2, -1)},
    "roll": {"shifts": lambda: 2},
    "split": {"split_size_or_sections": lambda: 1},
    "unfold": {"kernel_size": lambda: 2},
    "where": {"condition": lambda: Tensor(np.arange(6) % 2 == 0)},
    "arange": {"end": lambda: 5},
    "bernoulli": {"input": lambda: numbers(2, 3)},
    "eye": {"n": lambda: 3},
    "full": {"size": lambda: (2, 3), "fill_value": lambda: 2.5},
    "full_like": {"fill_value": lambda: 2.5},
    "linspace": {"start": lambda: 0, "end": lambda: 1, "steps": lambda: 5},
    "normal": {"mean": lambda: 1.0, "std": lambda: 2.0, "size": lambda: (2, 3)},
    **{name: {"size": lambda: (2, 3)} for name in ("ones", "zeros", "rand", "randn")},
    "randint": {"high": lambda: 5, "size": lambda: (2, 3)},
    "randperm": {"n": lambda: 5},
    "tensor": {"data": lambda: [[1.0, 2.0], [3.0, 4.0]]},
    "Fold": {"output_size": lambda: (4, 5)},
    "GroupNorm": {"num_groups": lambda: 2, "num_channels": lambda: 4},
    "Conv1d": {"kernel_size": lambda: 3},
    "LayerNorm": {"normalized_shape": lambda: 6},
    "Linear": {"in_features": lambda: 6, "out_features": lambda: 3},
    "PixelShuffle": {"upscale_factor": lambda: 2},
    "PixelUnshuffle": {"downscale_factor": lambda: 2},
    "Upsample": {"scale_factor": lambda: 2},
    "clip_grad_norm_": {"parameters": lambda: parameters(), "max_norm": lambda: 1.0},
    "clip_grad_value_": {"parameters": lambda: parameters(), "clip_value": lambda: 1.0},
    **{name: {"params": lambda: parameters()} for name in ("Adagrad", "Adam", "AdamW", "RMSprop", "SGD")},
    "SGD": {"params": lambda: parameters(), "lr": lambda: 0.1},
    **{name: {"optimizer": lambda: optimizer()} for name in ("ReduceLROnPlateau",)},
    "CosineAnnealingLR": {"optimizer": lambda: optimizer(), "T_max": lambda: 5},
    "CosineWithWarmup": {"optimizer": lambda: optimizer(), "total_steps": lambda: 9, "warmup_steps": lambda: 3},
    "ExponentialLR": {"optimizer": lambda: optimizer(), "gamma": lambda: 0.9},
    "LambdaLR": {"optimizer": lambda: optimizer(), "lr_lambda": lambda: lambda step: 0.9**step},
    "LinearLR": {"optimizer": lambda: optimizer()},
    "MultiStepLR": {"optimizer": lambda: optimizer(), "milestones": lambda: [2, 4]},
    "OneCycleLR": {"optimizer": lambda: optimizer(), "max_lr": lambda: 0.1, "total_steps": lambda: 9},
    "StepLR": {"optimizer": lambda: optimizer(), "step_size": lambda: 2},
}
INPUTS: dict[str, Callable] = {  # of layers that do not take IMAGES
    "BatchNorm1d": lambda: numbers(3, 4),
    "Conv1d": lambda: numbers(2, 4, 7),
    "Fold": lambda: numbers(2, 16, 12),
    "PixelUnshuffle": lambda: numbers(2, 4, 6, 8),
}
LOSSES = [name for name in nn.__all__ if name.endswith("Loss")]
LAYERS = [
    name
    for name in nn.__all__
    if name[0].isupper() and name not in LOSSES + ["Module", "ModuleList", "Parameter", "Sequential", "Summary"]
]
CREATION = sorted(set(minipose.creation.__all__) - {"manual_seed"})
OPTIMIZERS = ["Adagrad", "Adam", "AdamW", "RMSprop", "SGD"]
SCHEDULES = [
    name for name in optim.__all__ if name.endswith(("LR", "Plateau", "Warmup")) and name != "SequentialLR"
]  # fmt: skip
FUNCTIONS = list(ops.__all__)


def parameters() -> list[nn.Parameter]:
    """Return two parameters that have gradients."""
    result = [nn.Parameter(np.ones(3, np.float32)), nn.Parameter(np.ones((2, 2), np.float32))]
    for parameter in result:
        parameter.grad = minipose.ones_like(parameter)
    return result


def optimizer() -> optim.Optimizer:
    return optim.SGD(parameters(), lr=0.1, momentum=0.9)


def right(name: str, function: Callable) -> dict[str, Any]:
    """Return the arguments of a right call, by name: the required ones, and those of the function's own table."""
    own = next((table[name] for table in PACKAGES.values() if name in table), OWN.get(name, {}))
    arguments = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in own:
            arguments[parameter.name] = own[parameter.name]()
        elif parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD:
            arguments[parameter.name] = COMMON[parameter.name]()
    return arguments


def call(function: Callable, arguments: dict[str, Any], spread: str | None) -> Any:
    """Call by keywords; the argument `spread` is one that the function takes as *arguments."""
    if spread is None:
        return function(**arguments)
    several = arguments[spread]
    several = several if isinstance(several, (tuple, list)) else (several,)
    names = list(inspect.signature(function).parameters)
    before = [arguments[name] for name in names[: names.index(spread)]]
    after = {name: arguments[name] for name in names[names.index(spread) + 1 :] if name in arguments}
    return function(*before, *several, **after)


def spread_of(function: Callable) -> str | None:
    """Return the name of the function's *argument, if it has one."""
    kinds = inspect.signature(function).parameters.values()
    return next((p.name for p in kinds if p.kind is p.VAR_POSITIONAL), None)


def figure_points() -> np.ndarray:
    return np.random.default_rng(7).uniform(5, 55, (3, 16, 2))


def seen() -> np.ndarray:
    return np.full((3, 16), 2)


def flat_maps() -> np.ndarray:
    return np.ones((3, 16, 8, 8), np.float32)


def doubled(x: Tensor) -> Tensor:
    return ops.mul(x, 2)


WEIGHT = minipose.ones(3, requires_grad=True)


def loss_of_weight() -> Tensor:
    return (WEIGHT * 2).sum()


JOINTS: dict[str, Callable] = {"weights": lambda: numbers(2, 4)}
PACKAGES: dict[str, dict[str, dict[str, Callable]]] = {  # the other packages, and what stands in minipose itself
    "minipose": {
        "Tensor": {"data": lambda: np.ones((2, 3), np.float32)},
        "adjoint_check": {"function": lambda: doubled, "input": lambda: minipose.ones(2, 3, requires_grad=True)},
        "checkpoint": {"function": lambda: doubled, "inputs": lambda: (numbers(2, 3),)},
        "grad": {"outputs": loss_of_weight, "inputs": lambda: WEIGHT},
        "gradcheck": {
            "function": lambda: doubled,
            "inputs": lambda: [minipose.ones(2, 3, dtype="float64", requires_grad=True)],
        },
        "gradgradcheck": {
            "function": lambda: minipose.square,
            "inputs": lambda: [minipose.ones(2, 3, dtype="float64", requires_grad=True)],
        },
        "get_num_threads": {},
        "manual_seed": {"seed": lambda: 3},
        "set_num_threads": {"n": lambda: 1},
    },
    "minipose.nn": {
        "Parameter": {"data": lambda: np.ones((2, 3), np.float32)},
        "ModuleList": {"modules": lambda: [nn.ReLU()]},
        "Sequential": {"modules": lambda: (nn.ReLU(),)},
        "js_divergence2d": {"centres": lambda: numbers(2, 4, 2)},
        "soft_argmax2d": {},
        "summary": {"model": lambda: nn.Linear(3, 2), "input_shape": lambda: (1, 3)},
    },
    "minipose.nn.init": {
        "calculate_fan": {},
        "calculate_gain": {"nonlinearity": lambda: "relu"},
        "constant_": {"value": lambda: 2.5},
        "kaiming_normal_": {},
        "kaiming_normal_transposed_": {"stride": lambda: (2, 2)},
        "kaiming_uniform_": {},
        "normal_": {},
        "ones_": {},
        "uniform_": {},
        "zeros_": {},
    },
    "minipose.models": {
        "CascadeStage": {"width": lambda: 4, "hidden": lambda: 4},
        "DeepPose": {"width": lambda: 4, "hidden": lambda: 4},
        "HRNet": {"width": lambda: 4},
        "Hourglass": {"width": lambda: 4},
        "Inception": {"width": lambda: 4},
        "MobileNetV2": {"width_multiplier": lambda: 0.1},
        "ResNet": {"width": lambda: 4},
        "SEResNet": {"width": lambda: 4},
        "SimpleBaseline": {"width": lambda: 4},
        "StackedHourglass": {"width": lambda: 4},
        "UNet": {"width": lambda: 4},
        "create": {"name": lambda: "hourglass"},
    },
    "minipose.pose": {
        **{name: {"image_size": lambda: (64, 48)} for name in (
            "AffinityCodec", "HeatmapCodec", "IntegralCodec", "RegressionCodec", "SimCCCodec"
        )},
        "decode_argmax": {"maps": flat_maps, "stride": lambda: 2},
        "decode_dark": {"maps": flat_maps, "stride": lambda: 2},
        "decode_quarter": {"maps": flat_maps, "stride": lambda: 2},
        "decode_soft_argmax": {"maps": flat_maps, "stride": lambda: 2},
        "encode_heatmaps": {"points": figure_points, "map_size": lambda: (8, 8), "stride": lambda: 2},
        "epe": {"predicted": figure_points, "true": figure_points, "visible": seen},
        "image_to_map": {"points": figure_points, "stride": lambda: 2},
        "map_to_image": {"points": figure_points, "stride": lambda: 2},
        "mean_pose": {"points": figure_points},
        "pckh": {"predicted": figure_points, "true": figure_points, "visible": seen},
        "report_score": {"predicted": figure_points, "true": figure_points, "image_size": lambda: 64},
    },
    "minipose.train.losses": {
        "heatmap_loss": {"outputs": lambda: numbers(*IMAGES), "targets": lambda: numbers(*IMAGES), **JOINTS},
        "integral_loss": {"outputs": lambda: numbers(*IMAGES), "targets": lambda: numbers(2, 4, 2), **JOINTS},
        "loss_of": {"codec": lambda: RegressionCodec((64, 48))},
        "regression_loss": {"outputs": lambda: numbers(2, 4, 2), "targets": lambda: numbers(2, 4, 2), **JOINTS},
        "simcc_loss": {
            "outputs": lambda: numbers(2, 4, 7), "targets": lambda: numbers(2, 4, 7), **JOINTS, "x_bins": lambda: 3
        },
    },
    "minipose.data": {
        "DataLoader": {"dataset": lambda: data.StickFigures(count=8), "batch_size": lambda: 4},
        "StickFigures": {"count": lambda: 2},
        "crop_squares": {
            "images": lambda: np.zeros((2, 8, 8, 3), np.uint8), "centres": lambda: figure_points()[:2],
            "sides": lambda: np.ones(2), "size": lambda: 4,
        },
        "to_input": {"images": lambda: np.zeros((2, 8, 8, 3), np.uint8)},
    },
}  # fmt: skip
