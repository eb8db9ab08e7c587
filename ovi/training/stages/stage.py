"""What a stage offers the trainer: data, a loss, samples, and weights to export."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ovi.training.draws import Draw

Inputs = dict[str, Tensor | bool]
"""What one forward pass is a function of: tensors on the device, and flags."""

Losses = dict[str, Tensor]
"""Scalars by name; the one called `loss` is minimised, the others are its parts."""

Weights = Mapping[str, Tensor]


class Stage(nn.Module):
    """One part of the engine under training. The parameters that require gradients are trained."""

    def prepare(self, draw: Draw, batch_size: int) -> Any:
        """Data of one forward pass, on the CPU; runs ahead, perhaps in another process."""
        raise NotImplementedError

    def inputs(self, prepared: Any, draw: Draw) -> Inputs:
        """The pass's inputs on the stage's device: all that is drawn, rendered or copied."""
        raise NotImplementedError

    def forward(self, inputs: Inputs) -> Losses:
        """The losses of one forward pass: nothing random, and nothing that the CPU waits for."""
        raise NotImplementedError

    def compile_parts(self) -> None:
        """Compiles whatever is worth it. Called once, before the first forward pass."""

    def write_samples(self, folder: Path, prefix: str) -> None:
        """Writes pictures or sounds that show what the weights do, named `<prefix>-...`."""

    def export(self) -> dict[str, Weights]:
        """The tensors of each weight file, by model name, from the weights as they are now."""
        raise NotImplementedError

    def start_from(self, folder: Path) -> None:
        """Begins with the weight files in `folder`, which `export` wrote or the package ships.

        Raises TrainingError if they are missing or of other sizes.
        """
        raise NotImplementedError

    @property
    def device(self) -> torch.device:
        """Where the stage computes."""
        return next(self.parameters()).device
