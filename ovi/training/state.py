"""What a run must remember to go on exactly where it was: weights, their average, moments, step.

Data and noise follow from the seed and the step's number (see `draws.py`), so no generator state
has to be kept. A checkpoint is written beside the old one and then takes its name, so a process
that is killed at any moment leaves a whole checkpoint.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ovi.training.errors import TrainingError

FORMAT = 1


@dataclass(slots=True, eq=False)
class AveragedWeights:
    """An exponential moving average of the trained parameters: what is exported and sampled."""

    decay: float
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def start(self, model: nn.Module) -> None:
        """Begins with the parameters as they are."""
        self.tensors = {
            name: parameter.detach().clone().float() for name, parameter in _trained(model)
        }

    def update(self, model: nn.Module, step: int) -> None:
        """One step further; early steps count for more, so that the start is soon forgotten."""
        decay = min(self.decay, (1 + step) / (10 + step))
        with torch.no_grad():
            parameters = [parameter.detach().float() for _, parameter in _trained(model)]
            torch._foreach_lerp_(list(self.tensors.values()), parameters, 1 - decay)

    def swap(self, model: nn.Module) -> None:
        """Exchanges the model's parameters and the averages; twice is as it was."""
        with torch.no_grad():
            for name, parameter in _trained(model):
                current = parameter.detach().clone().float()
                parameter.copy_(self.tensors[name])
                self.tensors[name].copy_(current)


@dataclass(slots=True)
class RunState:
    """How far a run is."""

    step: int = 0
    """Steps taken."""
    elapsed: float = 0.0
    """Seconds of the run, samples and checkpoints included."""


def save_checkpoint(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: AveragedWeights,
    state: RunState,
) -> None:
    """Writes all that `load_checkpoint` needs, or leaves what was at `path`."""
    content = {
        "format": FORMAT,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "average": average.tensors,
        "step": state.step,
        "elapsed": state.elapsed,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load_checkpoint(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: AveragedWeights,
) -> RunState:
    """Puts the checkpoint's values into all three. Raises TrainingError if it does not fit."""
    content = read_checkpoint(path)
    try:
        model.load_state_dict(content["model"])
        optimizer.load_state_dict(content["optimizer"])
    except (KeyError, RuntimeError, ValueError) as error:
        raise TrainingError(
            f"{path} does not fit this run ({str(error).splitlines()[0]}): it was written with "
            "another configuration. Use that one, or another --run folder."
        ) from error
    if content["average"] is None:  # a state that has travelled has none
        average.start(model)
    else:
        device = next(model.parameters()).device
        average.tensors = {name: value.to(device) for name, value in content["average"].items()}
    return RunState(step=content["step"], elapsed=content["elapsed"])


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint, on the CPU. Raises TrainingError for what is not one."""
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError) as error:
        raise TrainingError(f"{path} cannot be read as a checkpoint: {error}.") from error
    if content.get("format") != FORMAT:
        raise TrainingError(f"{path} is no checkpoint of this version of ovi.training.")
    return content


def _trained(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(name, p) for name, p in model.named_parameters() if p.requires_grad]
