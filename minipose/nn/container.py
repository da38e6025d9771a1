"""Modules made of a list of modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from minipose.nn.fusion import run
from minipose.nn.module import Module
from minipose.tensor import Tensor


class ModuleList(Module):
    """A list of modules, named "0", "1", ...; it has no forward of its own."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        if not isinstance(modules, Iterable) or isinstance(modules, Tensor):
            raise TypeError(f"{type(self).__name__}: modules must be several Modules, not {modules!r}")
        for module in modules:
            self.append(module)

    def append(self, module: Module) -> ModuleList:
        """Add a module at the end."""
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__}: expected a Module, not {type(module).__name__}")
        setattr(self, str(len(self)), module)
        return self

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __getitem__(self, index: int | slice) -> Module | ModuleList:
        modules = list(self._modules.values())
        return type(self)(modules[index]) if isinstance(index, slice) else modules[index]


class Sequential(ModuleList):
    """Modules that are applied one after the other.

    A BatchNorm2d and the ReLU after it run as one operation, unless a hook asks for what is between them.

    Parameters
    ----------
    *modules : Module
    """

    def __init__(self, *modules: Module) -> None:
        super().__init__(modules)

    def forward(self, input: Tensor) -> Tensor:
        """Return the result of the last module."""
        return run(self, input)

    def __getitem__(self, index: int | slice) -> Module | Sequential:
        modules = list(self._modules.values())
        return Sequential(*modules[index]) if isinstance(index, slice) else modules[index]
