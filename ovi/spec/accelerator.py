"""What a render here would run on, found without importing torch.

For commands that plan or advise. A render asks torch itself: `ovi/runtime/devices.py`.
"""

import importlib.util
import os
import platform
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

Accelerator = Literal["cuda", "mps", "cpu"]


def detect_accelerator() -> Accelerator:
    """The kind of device that `--device auto` will most likely take."""
    return accelerator_of(
        platform.system(), platform.machine(), Path("/"), os.environ, _torch_folder()
    )


def accelerator_of(
    system: str,
    machine: str,
    root: Path,
    environ: Mapping[str, str],
    torch_folder: Path | None,
) -> Accelerator:
    """As `detect_accelerator`, for a machine described by its arguments.

    `system` and `machine` as the module `platform` names them, `root` the root of the file
    system, `torch_folder` the installed package or None.
    """
    if torch_folder is None:
        return "cpu"
    if system == "Darwin":
        return "mps" if machine == "arm64" else "cpu"
    if has_nvidia_gpu(system, root, environ) and is_cuda_build(torch_folder):
        return "cuda"
    return "cpu"


def has_nvidia_gpu(system: str, root: Path, environ: Mapping[str, str]) -> bool:
    """Whether an NVIDIA driver shows a GPU that CUDA_VISIBLE_DEVICES does not hide."""
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in ("", "-1"):
        return False
    if system == "Windows":
        return shutil.which("nvidia-smi", path=environ.get("PATH")) is not None
    devices = (root / "dev").glob("nvidia[0-9]*")
    listed = (root / "proc/driver/nvidia/gpus").glob("*")
    # Windows' Linux has no device files of its own; its driver brings this library along.
    bridged = root / "usr/lib/wsl/lib/libcuda.so.1"
    return any(devices) or any(listed) or bridged.exists()


def is_cuda_build(torch_folder: Path) -> bool:
    """Whether the torch installed in that folder was built with CUDA, from its `version.py`."""
    try:
        text = (torch_folder / "version.py").read_text(encoding="utf-8")
    except OSError:
        return False
    stated = re.search(r"^cuda\b[^=\n]*=\s*(.+)$", text, re.MULTILINE)
    return stated is not None and stated[1].strip() != "None"


def _torch_folder() -> Path | None:
    """Where torch is installed; looking it up does not import it."""
    spec = importlib.util.find_spec("torch")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent
