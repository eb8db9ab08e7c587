"""A run's state made small enough to travel between machines, in files of a few megabytes.

Weights and both moments are rounded to bfloat16, six bytes a parameter, and the average is left
out: a run that goes on from it starts its average again, with the same step, so that it sees new
data, and with its clock at zero, so that it has a whole budget before it. A resume on one machine
needs none of this; see `state.py`.
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
MOMENTS = ("exp_avg", "exp_avg_sq")


def pack_state(checkpoint: Path, folder: Path) -> list[Path]:
    """Writes the checkpoint's state into `folder`; returns the files.

    Raises TrainingError for what is no checkpoint.
    """
    content = read_checkpoint(checkpoint)
    moments = content["optimizer"]["state"]
    tensors: dict[str, Tensor] = {f"model.{k}": v for k, v in content["model"].items()}
    for index, values in moments.items():
        tensors |= {f"{name}.{index}": values[name] for name in MOMENTS}
    small = {
        key: tensor.to(torch.bfloat16) if tensor.is_floating_point() else tensor
        for key, tensor in tensors.items()
    }
    notes = {
        "format": str(FORMAT),
        "step": str(content["step"]),
        "groups": json.dumps(content["optimizer"]["param_groups"]),
    }
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, part in enumerate(_parts(small)):
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
    full = {
        key: tensor.float() if tensor.is_floating_point() else tensor
        for key, tensor in tensors.items()
    }
    step = int(notes["step"])
    groups = json.loads(notes["groups"])
    indices = [index for group in groups for index in group["params"]]
    missing = [i for i in indices for name in MOMENTS if f"{name}.{i}" not in full]
    if missing:
        raise TrainingError(f"{folder} lacks a part of the packed state: copy all its files.")
    state = {
        index: {"step": torch.tensor(float(step))}
        | {name: full[f"{name}.{index}"] for name in MOMENTS}
        for index in indices
    }
    model = {k.removeprefix("model."): v for k, v in full.items() if k.startswith("model.")}
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
