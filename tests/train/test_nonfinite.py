"""A run that goes bad stops, says what went bad first, and keeps what was good."""

import numpy as np
import pytest

from minipose.data import StickFigures
from minipose.pose import HeatmapCodec
from minipose.train import Callback, load_checkpoint
from tests.train.test_loop import trainer


class Spoil(Callback):
    """Does something to the trainer after a step."""

    def __init__(self, step, what):
        self.step, self.what = step, what

    def on_step_end(self, trainer):
        if trainer.step == self.step:
            self.what(trainer)


def message(tmp_path, what, step=3, **more):
    run = trainer(tmp_path, more={"callbacks": [Spoil(step, what)], **more})
    with pytest.raises(FloatingPointError) as caught:
        run.fit()
    assert load_checkpoint(tmp_path / "last.safetensors").training["step"] == 2
    assert load_checkpoint(tmp_path / "best.safetensors").training["step"] == 2
    return str(caught.value)


def test_a_parameter(tmp_path):
    def spoil(trainer):
        trainer.model.heads[0].bias.data[3] = np.nan
        trainer.model.stem[0].weight.data[0] = np.inf

    said = message(tmp_path, spoil)
    assert said.startswith("the loss is nan at step 4: infinity is in stem.0.weight and in 1 more of 38 parameters. ")
    assert said.endswith(
        "Begin anew with a learning rate of 0.00067 instead of 0.002, or with a clip_norm of 1; "
        "last.safetensors is whole, from before"
    )


def test_the_gradient_that_began_it(tmp_path):
    def spoil(trainer):
        trainer.model.heads[0].weight.grad.data[0] = np.inf
        trainer.model.stem[0].weight.grad.data[:] = np.nan
        trainer.model.stem[0].weight.data[:] = np.nan

    said = message(tmp_path, spoil)
    assert "; the last update began it, with infinity in the gradient of heads.0.weight. Begin" in said


def test_the_output_of_a_module(tmp_path):
    def spoil(trainer):
        block = trainer.model.hourglasses[0].bottleneck
        block.register_forward_hook(lambda module, inputs, result: result * 1e38 * 1e38)

    said = message(tmp_path, spoil)
    assert "is first in the output of hourglasses.0.bottleneck (ResidualBlock)" in said


def test_the_batch(tmp_path):
    class Codec(HeatmapCodec):
        calls = 0

        def encode(self, points, visible):
            targets, weights = super().encode(points, visible)
            Codec.calls += 1
            if Codec.calls == 4:
                targets[1, 2, 3, 4] = np.nan
            return targets, weights

    said = message(tmp_path, lambda _: None, codec=Codec((32, 32)))
    assert "step 4: NaN is in the targets of the batch. Look at the data set; " in said


def test_a_gradient_is_named_before_it_is_clipped(tmp_path):
    def spoil(trainer):
        bias = trainer.model.heads[0].bias
        trainer.loss = lambda outputs, *_: (outputs[0] * 0).sum() + (bias * 0).sqrt().sum()

    said = message(tmp_path, spoil, clip_norm=1.0)
    assert said.startswith("the norm of the gradients is no number at step 4: backward: the gradient of input 0 of ")
    assert "or with a smaller clip_norm; " in said


def test_bad_weights_are_never_saved_over_good_ones(tmp_path):
    def spoil(trainer):  # after the last step of the epoch, whose loss was fine
        trainer.model.stem[0].weight.data[0] = np.nan

    assert message(tmp_path, spoil, step=4).startswith("the weights are no numbers at step 4: NaN is in stem.0.weight")


def test_bad_weights_are_not_saved_after_ctrl_c_or_between_epochs(tmp_path):
    run = trainer(tmp_path)
    run.fit(2)
    before = (tmp_path / "last.safetensors").read_bytes()
    run.model.stem[0].weight.data[0] = np.nan
    with pytest.raises(FloatingPointError, match="the weights are no numbers"):
        run.save("last.safetensors")
    assert (tmp_path / "last.safetensors").read_bytes() == before


def test_a_good_run_is_left_alone(tmp_path):
    run = trainer(tmp_path, more={"clip_norm": 1e6})
    assert isinstance(run.training, StickFigures) and len(run.fit().rows) == 3
