"""The families of operations: every test file beside this one that lists CASES."""

import importlib
from pathlib import Path

MODULES = [importlib.import_module(f"tests.ops.{f.stem}") for f in sorted(Path(__file__).parent.glob("test_*.py"))
           if f.stem != "test_every_case"]  # fmt: skip
FAMILIES = [module for module in MODULES if hasattr(module, "CASES")]
