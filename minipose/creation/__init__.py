"""Making tensors: from data, of one value, in steps, and at random.

`dtype` is a name or a NumPy type, by default float32 or what the function says; `device` is "cpu" or "cuda", by default
"cpu" or that of the input; `requires_grad` says whether `backward` shall leave a gradient in the tensor. Random numbers
come from `generator`, by default the one that `manual_seed` seeds.
"""

from minipose.creation.sampling import bernoulli, normal, rand, rand_like, randint, randn, randn_like, randperm
from minipose.creation.values import (
    arange,
    eye,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    tensor,
    zeros,
    zeros_like,
)

__all__ = [
    "arange", "bernoulli", "eye", "full", "full_like", "linspace", "normal", "ones", "ones_like", "rand", "rand_like",
    "randint", "randn", "randn_like", "randperm", "tensor", "zeros", "zeros_like",
]  # fmt: skip
