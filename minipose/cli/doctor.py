"""Check that this installation works: versions, compiled kernels against plain NumPy, drawing, the shipped network.

One line a check. A line that begins with FAILED says what is wrong and what to do.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import platform
from collections.abc import Callable

import numpy as np

import minipose

EXAMPLES = "example:\n  minipose doctor\n"
PACKAGES = ("numpy", "numba", "matplotlib", "Pillow", "tqdm", "safetensors")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: this command has no options."""


def run(arguments: argparse.Namespace) -> int:
    """Run every check, print a line for each, and return 1 if one failed."""
    failures = 0
    for name, check in CHECKS.items():
        try:
            print(f"ok      {name:<16}{check()}", flush=True)
        except Exception as error:  # whatever it is, the other checks still run
            failures += 1
            print(f"FAILED  {name:<16}{type(error).__name__}: {error}", flush=True)
    print("everything works" if not failures else f"{failures} of {len(CHECKS)} checks failed")
    return 1 if failures else 0


def _python() -> str:
    return f"{platform.python_version()} on {platform.system()} {platform.machine()}, minipose {minipose.__version__}"


def _packages() -> str:
    for name in PACKAGES:
        importlib.import_module({"Pillow": "PIL"}.get(name, name))
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)


def _cpu() -> str:
    from minipose.kernels.cpu.tiles import host_tile

    return f"{minipose.get_num_threads()} threads, vectors for {host_tile().name}"


def _cache() -> str:
    from minipose.kernels.cpu.cache import folders

    folder = folders()[1]
    if folder is None:
        raise OSError("compiled kernels can be kept in no folder: set NUMBA_CACHE_DIR to one that can be written")
    return f"compiled kernels are kept in {folder}"


def _convolution() -> str:
    generator = np.random.default_rng(0)
    image, weight = generator.standard_normal((2, 32, 13, 11)), generator.standard_normal((48, 32, 3, 3))
    results = []
    for dtype in (np.float32, np.float64):  # the compiled kernel, and NumPy as the formula reads
        x = minipose.Tensor(image.astype(dtype), requires_grad=True)
        w = minipose.Tensor(weight.astype(dtype), requires_grad=True)
        y = minipose.ops.conv2d(x, w, padding=1)
        (y * y).sum().backward()
        results.append([t.numpy() for t in (y.detach(), x.grad, w.grad)])
    error = max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(*results, strict=True))
    if not error < 1e-5:
        raise ArithmeticError(f"the compiled convolution is off by {error:.1e}: please report this CPU as a bug")
    return f"forward and gradients agree with plain NumPy to {error:.0e}"


def _gradients() -> str:
    block = minipose.nn.ResidualBlock(2, 3, stride=2).to("float64")
    generator = np.random.default_rng(0)
    minipose.gradcheck(block, (minipose.Tensor(generator.standard_normal((2, 2, 5, 4)), requires_grad=True),))
    return "a residual block's agree with differences"


def _figures() -> str:
    from minipose.data import StickFigures
    from minipose.pose import decode_dark, encode_heatmaps, epe

    batch = StickFigures("platform", "test", count=16).batch(range(16))
    points, _ = decode_dark(encode_heatmaps(batch.points, (32, 32), 2), 2)
    error = epe(points, batch.points, batch.visible)
    if not error < 0.5:
        raise ArithmeticError(f"poses come back from their heatmaps {error:.2f} pixels off")
    return f"drawn, and found again through heatmaps to {error:.2f} pixels"


def _network() -> str:
    from minipose import pretrained
    from minipose.data import StickFigures
    from minipose.train import evaluate

    pckh = evaluate(pretrained.load(), StickFigures("plain", "test", count=64))["pckh50"]
    if not pckh > 0.9:
        raise ArithmeticError(f"the shipped network finds only {pckh:.0%} of the joints: is its file damaged?")
    return f"the shipped hourglass finds {pckh:.1%} of the joints of 64 figures"


def _gpu() -> str:
    from minipose.kernels import cupy

    try:
        device = cupy().cuda.runtime.getDeviceProperties(0)
    except RuntimeError as error:
        return f"not used: {error}"
    return f"{device['name'].decode()}, CuPy {importlib.metadata.version(_cupy_distribution())}"


def _cupy_distribution() -> str:
    return importlib.metadata.packages_distributions()["cupy"][0]


CHECKS: dict[str, Callable[[], str]] = {
    "Python": _python,
    "packages": _packages,
    "CPU": _cpu,
    "cache": _cache,
    "convolution": _convolution,
    "gradients": _gradients,
    "stick figures": _figures,
    "network": _network,
    "GPU": _gpu,
}
