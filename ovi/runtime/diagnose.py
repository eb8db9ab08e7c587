"""What rendering would find on this machine: torch, devices, attention, the encoder; as JSON.

`python -m ovi.runtime.diagnose --json`, in a process of its own, since torch or a driver may
crash. It reports; what is good or bad about it is left to `ovi doctor`.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

ENCODER_SECONDS = 60
"""For ffmpeg to answer; a cold disk has to read 170 MB first."""


def main() -> int:
    """Writes one JSON document to stdout: for each part its facts, or `error`."""
    document = {"torch": _facts(torch_facts), "encoder": _facts(encoder_facts)}
    sys.stdout.write(f"{json.dumps(document)}\n")
    return 0


def torch_facts() -> dict[str, Any]:
    """The installed torch, its devices, and which attention runs on the best of them."""
    import torch

    from ovi.runtime.devices import default_dtype, resolve_device

    device = resolve_device("auto")
    return {
        "version": torch.__version__,
        "cuda_version": torch.version.cuda,
        "device": str(device),
        "devices": [_cuda_facts(index) for index in range(torch.cuda.device_count())],
        "attention": _facts(lambda: _attention_facts(str(device))),
        "arithmetic": _facts(lambda: _arithmetic_facts(str(device))),
        "dtype": str(default_dtype(device)).removeprefix("torch."),
    }


def encoder_facts() -> dict[str, Any]:
    """The ffmpeg that clips are written with, and which of the needed encoders it has."""
    import imageio_ffmpeg

    path = imageio_ffmpeg.get_ffmpeg_exe()
    answer = subprocess.run(
        [path, "-hide_banner", "-encoders"],
        capture_output=True,
        text=True,
        errors="replace",
        check=True,
        timeout=ENCODER_SECONDS,
    )
    known = {words[1] for line in answer.stdout.splitlines() if len(words := line.split()) > 1}
    return {
        "path": path,
        "version": imageio_ffmpeg.get_ffmpeg_version(),
        "encoders": {name: name in known for name in ("libx264", "aac")},
    }


def _cuda_facts(index: int) -> dict[str, Any]:
    import torch

    properties = torch.cuda.get_device_properties(index)
    try:
        free: int | None = torch.cuda.mem_get_info(index)[0]
    except RuntimeError:  # a GPU that another process holds alone
        free = None
    return {
        "name": properties.name,
        "capability": f"{properties.major}.{properties.minor}",
        "memory_bytes": properties.total_memory,
        "free_bytes": free,
    }


def _attention_facts(device: str) -> dict[str, Any]:
    from ovi.ops.attention import absent_backends, available_backends

    # Half precision, whatever the device: a reason about its dtype would hide the others.
    return {
        "available": list(available_backends(device)),
        "absent": dict(absent_backends(device)),
    }


def _arithmetic_facts(device: str) -> dict[str, Any]:
    """Whether the device computes at all: a driver may be listed and not fit the build."""
    import torch

    ones = torch.ones(64, 64, device=device)
    return {"is_right": bool((ones @ ones == 64).all())}


def _facts(find: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `find` finds, or the error it met: each part says what it can for itself."""
    try:
        return find()
    except Exception as error:
        lines = str(error).strip().splitlines()
        return {"error": f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}"}


if __name__ == "__main__":
    sys.exit(main())
