"""The shape of the house: imports go downward only, files and functions stay short, and import is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import minipose

ROOT = Path(minipose.__file__).parent
PROJECT = Path(__file__).parents[1]
FILES = sorted(ROOT.rglob("*.py"))
ALL_FILES = [f for f in sorted(PROJECT.rglob("*.py")) if not {".venv", "build", "_build"} & {*f.parts}]

LAYERS = [  # a part may import what stands below it, and its own files
    ["kernels"],
    ["tensor", "creation", "autograd"],
    ["ops"],
    ["nn", "optim", "pose"],
    ["data", "models"],
    ["train", "viz"],
    ["pretrained"],
    ["cli"],
    ["__main__"],
]
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}
FOR_ALL = {"checks", "files", "random"}
PACKAGE_LEVEL = LEVEL["optim"]  # minipose/__init__.py gathers what stands up to here
WITHIN_A_LEVEL = {("autograd", "tensor"), ("creation", "tensor")}


def part_of(path):
    """Return "ops" for minipose/ops/conv.py, "tensor" for minipose/tensor.py and "" for minipose/__init__.py."""
    first = path.relative_to(ROOT).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def imports(source, path):
    """Yield (line, part) for each import of a part of minipose at run time; "" stands for the package itself."""
    tree = ast.parse(source)
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.name.split(".")[0] == "minipose":
                    yield node.lineno, ".".join(name.name.split(".")[1:2])
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write the import in full"
            names = node.module.split(".")
            if names[0] == "minipose":
                for name in node.names:
                    part = names[1] if len(names) > 1 else name.name
                    yield node.lineno, part if part in LEVEL or part in FOR_ALL else ""


def forbidden(importer, imported):
    if importer in ("", imported) or imported in FOR_ALL:
        return False
    if importer in FOR_ALL or importer == "pose":
        return True
    below = PACKAGE_LEVEL if imported == "" else LEVEL[imported]
    return below >= LEVEL[importer] and (importer, imported) not in WITHIN_A_LEVEL


def wrong_imports(source, path):
    return [f"{path}:{line} imports {part or 'minipose'}" for line, part in imports(source, path)
            if forbidden(part_of(path), part)]


def test_every_part_has_its_place():
    assert {part_of(f) for f in FILES} <= {*LEVEL, *FOR_ALL, ""}


@pytest.mark.parametrize("path", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_imports_go_downward_only(path):
    assert wrong_imports(path.read_text(), path) == []


@pytest.mark.parametrize(("file", "line"), [
    ("tensor.py", "from minipose.ops import conv"),
    ("tensor.py", "def f():\n    from minipose.autograd import grad"),
    ("autograd/engine.py", "from minipose.ops import add"),
    ("ops/conv.py", "import minipose.nn.conv"),
    ("ops/conv.py", "from minipose import Tensor"),
    ("kernels/cpu/conv.py", "from minipose import tensor"),
    ("nn/conv.py", "from minipose import models"),
    ("pose/codecs/heatmap.py", "from minipose.tensor import Tensor"),
    ("data/loader.py", "import minipose.train.loop as loop"),
    ("files.py", "from minipose.kernels import Array"),
])  # fmt: skip
def test_the_check_notices_an_upward_import(file, line):
    assert len(wrong_imports(line, ROOT / file)) == 1


@pytest.mark.parametrize("path", ALL_FILES, ids=lambda f: str(f.relative_to(PROJECT)))
def test_files_and_functions_stay_short(path):
    source = path.read_text()
    assert len(source.splitlines()) <= 400
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno - node.lineno < 80, f"{node.name} has {node.end_lineno - node.lineno + 1} lines"


@pytest.mark.parametrize("path", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_public_functions_and_modules_are_documented(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree) or not tree.body, "the module has no docstring"
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"


def test_import_is_light():
    heavy = ["numba", "llvmlite", "matplotlib", "cupy", "torch", "scipy", "PIL"]
    code = f"import sys, minipose; print([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, check=True)
    assert result.stdout.strip() == "[]"


def test_float64_runs_without_the_compiler():
    code = (
        "import sys, numpy, minipose; from minipose import Tensor, ops;"
        "x = Tensor(numpy.ones((1, 1, 3, 3)), requires_grad=True);"
        "ops.relu(ops.conv2d(x, x)).sum().backward(); print('numba' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, check=True)
    assert result.stdout.strip() == "False"
