"""Packaging of minipose: `pip install -e .`, with extras as the README lists them."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent


def read_version() -> str:
    """Return `__version__` without importing minipose, whose dependencies may not be installed yet."""
    text = (HERE / "minipose" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE).group(1)


def read_readme() -> str:
    path = HERE / "README.md"
    return path.read_text(encoding="utf-8") if path.exists() else ""


setup(
    name="minipose",
    version=read_version(),
    description="A deep-learning engine to learn backpropagation with, and the pose networks built on it",
    long_description=read_readme(),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    author="The minipose authors",
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["minipose", "minipose.*"]),
    entry_points={"console_scripts": ["minipose = minipose.cli:main"]},
    package_data={"minipose": ["py.typed", "pretrained/*.safetensors", "pretrained/*.json"]},
    install_requires=[
        "numpy>=2.1",
        "numba>=0.61",
        "matplotlib>=3.9",
        "Pillow>=10.3",
        "tqdm>=4.66",
        "safetensors>=0.4.3",
    ],
    extras_require={
        # For a driver of CUDA 12 install 'cupy-cuda12x[ctk]' instead of this extra; never both in one environment.
        "gpu": ["cupy-cuda13x[ctk]>=14"],
        "tensorboard": ["tensorboardX>=2.6.2"],
        "cluster": ["distributed>=2024.8"],
        "test": ["pytest>=8", "hypothesis>=6.100"],
        "oracle": ["torch==2.13.0", "scipy>=1.15", "pycocotools>=2.0.8"],
        "docs": ["sphinx>=8.1", "myst-nb>=1.3", "numpydoc>=1.8", "furo>=2024.8.6"],
        "lint": ["ruff>=0.9"],
    },
)
