"""The network of the later stages of DeepPose: it looks at the surroundings of a joint's estimate, and corrects it."""

from __future__ import annotations

import numpy as np

from minipose.checks import TOO_FAR, as_array, check_integer, letters
from minipose.creation import tensor
from minipose.models.options import check_channels
from minipose.nn import BatchNorm2d, Conv2d, Linear, Module, ReLU, Sequential, init
from minipose.nn.fusion import run
from minipose.ops import cat
from minipose.ops.checks import check_image
from minipose.tensor import Tensor

LEAST_SIZE = 8  # which the three convolutions halve


class CascadeStage(Module):
    """Crops around the estimates of joints, and which joint each is of, to displacements (M, 2).

    A stage of the cascade of Toshev and Szegedy 2014, section 3.2, in which each stage and joint have an AlexNet of
    their own. Here one small network serves all joints: it is told the joint, as a one-hot vector. A linear layer makes
    of it a number for each channel of the first convolution, which is added to that channel everywhere; and it is
    joined to the features before the linear layers.

    Parameters
    ----------
    width : int
        Channels of the first of three convolutions of stride 2; the others have twice and four times as many.
        Default 24.
    hidden : int
        What the first of two linear layers gives. Default 128.
    joints, in_channels : int
    size : int
        Side of the crops in pixels, a multiple of 8. Default 32.

    Attributes
    ----------
    options : dict of str to int
        The arguments.

    Raises
    ------
    ValueError, TypeError
        If a number is too small, or an input does not fit.
    """

    def __init__(
        self, width: int = 24, hidden: int = 128, joints: int = 16, in_channels: int = 3, size: int = 32
    ) -> None:
        super().__init__()
        check_channels("CascadeStage", width=width, hidden=hidden, joints=joints, in_channels=in_channels)
        check_integer("CascadeStage", "size", size, 1, TOO_FAR)
        options = {"width": width, "hidden": hidden, "joints": joints, "in_channels": in_channels, "size": size}
        self.options = {name: int(value) for name, value in options.items()}  # NumPy's integers cannot be saved
        if size % LEAST_SIZE:
            raise ValueError(f"CascadeStage: size must be a multiple of {LEAST_SIZE}, not {size}")
        self.joints, self.size = joints, size
        self.image = Conv2d(in_channels, width, 5, 2, padding=2, bias=False)
        # The convolution of one-hot channels, constant over the crop, is this everywhere but at the edges.
        self.joint = Linear(joints, width, bias=False)
        self.features = Sequential(
            BatchNorm2d(width), ReLU(),
            Conv2d(width, 2 * width, 3, 2, padding=1, bias=False), BatchNorm2d(2 * width), ReLU(),
            Conv2d(2 * width, 4 * width, 3, 2, padding=1, bias=False), BatchNorm2d(4 * width), ReLU(),
        )  # fmt: skip
        self.linear = Sequential(
            Linear(4 * width * (size // LEAST_SIZE) ** 2 + joints, hidden), ReLU(), Linear(hidden, 2)
        )
        init.normal_(self.linear[-1].weight, std=0.001)  # begins with no displacement
        init.constant_(self.linear[-1].bias, 0)

    def forward(self, input: Tensor, joints: np.ndarray) -> Tensor:
        """Return how far the joints are from the centres of their crops.

        Parameters
        ----------
        input : Tensor (M, in_channels, size, size)
        joints : integer array (M,)
            Which joint each crop is of.

        Returns
        -------
        Tensor (M, 2)
            Displacements (x, y) in sides of the crop.
        """
        check_image("CascadeStage", input)
        if input.shape[2:] != (self.size, self.size):
            raise ValueError(
                f"CascadeStage: input must be crops of size={self.size} x {self.size}, not "
                f"{letters(input.shape, 'N C H W')}"
            )
        joints = as_array("CascadeStage", "joints", joints)
        if joints.shape != input.shape[:1] or joints.dtype.kind not in "iu":
            raise ValueError(
                f"CascadeStage: joints must be an integer for each of {len(input)} crops, got {joints.dtype} of shape "
                f"{joints.shape}"
            )
        if joints.size and not 0 <= joints.min() <= joints.max() < self.joints:
            raise ValueError(
                f"CascadeStage: joints must be from 0 to {self.joints - 1}, but go from {joints.min()} to "
                f"{joints.max()}"
            )
        one_hot = tensor(np.eye(self.joints, dtype=np.float32)[joints], dtype=input.dtype, device=input.device)
        told = self.image(input) + self.joint(one_hot).reshape(len(joints), -1, 1, 1)
        features = run(self.features, told).flatten(1)
        return self.linear(cat([features, one_hot], 1))
