"""Single edits that make minipose wrong. Most of them have been shipped by an engine, and passed its tests.

Each names the tests that must notice it, as narrow as pytest can select, so that a run takes seconds.
"""

from tests.mutants.architectures import ARCHITECTURES
from tests.mutants.kernels import KERNELS
from tests.mutants.layers import LAYERS
from tests.mutants.operations import OPERATIONS
from tests.mutants.scores import SCORES
from tests.mutants.training import TRAINING
from tests.mutants.warps import WARPS

BUGS = [*OPERATIONS, *KERNELS, *LAYERS, *ARCHITECTURES, *SCORES, *TRAINING, *WARPS]
