"""A run's state made small enough to travel between machines, in files of a few megabytes.

Three bytes a parameter: weights in bfloat16, and the root of AdamW's second moment in eight bits,
relative to the largest of its tensor. The first moment and the average are left out; both are
rebuilt in a few steps. A run that goes on from it keeps its step, so that it sees new data, and has
its clock at zero, so that a whole budget lies before it. A resume on one machine needs none of
this; see `state.py`.
"""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ovi.training.errors import TrainingError
from ovi.training.state import FORMAT, read_checkpoint

MAX_FILE_BYTES = 15 * 2**20
LARGEST, SMALLEST = 448.0, 2.0**-9
"""Of eight-bit numbers (float8_e4m3fn). A moment below the smallest becomes the smallest: too large
a moment makes a step short, a moment of zero would make it endless."""


def pack_state(checkpoint: Path, folder: Path) -> list[Path]:
    """Writes the checkpoint's state into `folder`; returns the files.

    Raises TrainingError for what is no checkpoint.
    """
    content = read_checkpoint(checkpoint)
    tensors: dict[str, Tensor] = {}
    for key, tensor in content["model"].items():
        is_float = tensor.is_floating_point()
        tensors[f"model.{key}"] = tensor.to(torch.bfloat16) if is_float else tensor
    for index, values in content["optimizer"]["state"].items():
        root = values["exp_avg_sq"].sqrt()
        scale = (root.max() / LARGEST).clamp_min(torch.finfo(torch.float32).tiny)
        tensors[f"scale.{index}"] = scale.view(1)
        small = (root / scale).clamp(SMALLEST, LARGEST)
        tensors[f"root.{index}"] = small.to(torch.float8_e4m3fn)
    notes = {
        "format": str(FORMAT),
        "step": str(content["step"]),
        "groups": json.dumps(content["optimizer"]["param_groups"]),
    }
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, part in enumerate(_parts(tensors)):
        files.append(folder / f"state-{number:02d}.safetensors")
        save_file(part, files[-1], metadata=notes)
        files[-1].chmod(0o644)
    return files


def unpack_state(folder: Path, checkpoint: Path) -> None:
    """Writes a checkpoint from the files that `pack_state` wrote.

    Raises TrainingError if files are missing or damaged.
    """
    tensors: dict[str, Tensor] = {}
    notes: dict[str, str] = {}
    for path in sorted(folder.glob("state-*.safetensors")):
        try:
            with safe_open(path, "pt") as file:
                notes = file.metadata()
                tensors |= {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise TrainingError(f"{path} cannot be read: {error}.") from error
    if not tensors:
        raise TrainingError(f"{folder} holds no packed state (state-00.safetensors and so on).")
    step, groups = int(notes["step"]), json.loads(notes["groups"])
    indices = [index for group in groups for index in group["params"]]
    if any(f"root.{index}" not in tensors for index in indices):
        raise TrainingError(f"{folder} lacks a part of the packed state: copy all its files.")
    state = {}
    for index in indices:
        root = tensors[f"root.{index}"].float() * tensors[f"scale.{index}"]
        state[index] = {
            "step": torch.tensor(float(step)),
            "exp_avg": torch.zeros_like(root),
            "exp_avg_sq": root.square(),
        }
    model = {
        key.removeprefix("model."): tensor.float() if tensor.is_floating_point() else tensor
        for key, tensor in tensors.items()
        if key.startswith("model.")
    }
    content = {
        "format": FORMAT,
        "model": model,
        "optimizer": {"state": state, "param_groups": groups},
        "average": None,
        "step": step,
        "elapsed": 0.0,
    }
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, checkpoint)


def _parts(tensors: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """The tensors in their order, cut so that no part exceeds MAX_FILE_BYTES."""
    parts: list[dict[str, Tensor]] = [{}]
    size = 0
    for key, tensor in tensors.items():
        if parts[-1] and size + tensor.nbytes > MAX_FILE_BYTES:
            parts.append({})
            size = 0
        parts[-1][key] = tensor.contiguous()
        size += tensor.nbytes
    return parts
