"""Normalisation."""

from __future__ import annotations

from minipose.autograd import Function, is_grad_enabled
from minipose.kernels import Array, array_module, kernels_of
from minipose.ops.checks import check_image, check_per_channel, letters
from minipose.tensor import Tensor


class BatchNorm(Function):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, where mean and var are those of x over N, H and W.

    With x' = (x - mean) r, r = 1 / sqrt(var + eps) and m = N H W: a change of one x moves mean by 1/m and var by
    2 (x - mean) / m, hence

        grad_x = weight r (grad - mean(grad) - x' mean(grad x')),  grad_weight = sum(grad x'),  grad_bias = sum(grad)

    (Ioffe & Szegedy 2015, section 3). Where the backward is itself to be differentiated, it is this formula in
    Tensors, with mean and r as functions of x; else one kernel computes the same.
    """

    name = "batch_norm"

    def forward(self, x: Array, weight: Array, bias: Array, mean: Array, var: Array, eps: float) -> Array:
        self.eps = eps
        self.save_inputs(0, 1)
        self.save(mean, var)
        return kernels_of(x).batch_norm(x, mean, var, weight, bias, eps)

    def backward(self, grad: Tensor, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        x, weight = self.saved_inputs
        if not is_grad_enabled():
            mean, var = self.saved
            grads = kernels_of(x.data).batch_norm_grad(grad.data, x.data, mean, var, weight.data, self.eps)
            return tuple(Tensor(g) for g in grads)
        axes = (0, 2, 3)
        deviation = x - x.mean(axes, keepdim=True)
        rstd = ((deviation * deviation).mean(axes, keepdim=True) + self.eps) ** -0.5
        normalised = deviation * rstd
        centred = grad - grad.mean(axes, keepdim=True) - normalised * (grad * normalised).mean(axes, keepdim=True)
        return centred * rstd * weight.reshape(1, -1, 1, 1), (grad * normalised).sum(axes), grad.sum(axes)


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel, as `torch.nn.functional.batch_norm`.

    In training the statistics are the batch's own, over N, H and W, with the biased variance; the running ones are
    moved by `momentum` towards them, the running variance towards the unbiased one (divided by N H W - 1), which is
    torch's convention. Otherwise the running statistics are used.

    Parameters
    ----------
    input : (N, C, H, W)
    running_mean, running_var : (C,), changed in place in training; may be None in training
    weight, bias : (C,), optional
    training : bool
    momentum : float
    eps : float

    Raises
    ------
    ValueError, TypeError
        If shapes do not fit, statistics are missing, or a channel has a single value in training.
    """
    name = "batch_norm"
    check_image(name, input)
    C = input.shape[1]
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for argument, value in given.items():
        if value is not None:
            check_per_channel(name, argument, value, C, input, "C")
    module = array_module(input.data)
    weight = Tensor(module.ones(C, input.dtype)) if weight is None else weight
    bias = Tensor(module.zeros(C, input.dtype)) if bias is None else bias
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError(f"{name}: running_mean and running_var are needed when training=False")
        # Copies, because a later training step moves the running statistics while backward may still need these.
        mean, var = (Tensor(module.array(t.data)) for t in (running_mean, running_var))
        scale = weight * (var + eps) ** -0.5
        shift = bias - mean * scale
        return input * scale.reshape(1, -1, 1, 1) + shift.reshape(1, -1, 1, 1)
    count = input.numel() // C if C else 0
    if count < 2:
        raise ValueError(f"{name}: training needs more than one value per channel ({letters(input.shape, 'N C H W')})")
    mean, var = kernels_of(input.data).batch_statistics(input.data)
    if running_mean is not None:
        running_mean.data += momentum * (mean - running_mean.data)
    if running_var is not None:
        running_var.data += momentum * (var * (count / (count - 1)) - running_var.data)
    return BatchNorm.apply(input, weight, bias, mean=mean, var=var, eps=eps)
