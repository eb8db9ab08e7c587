"""What the settings let caches, logs and remains of a project take on the disk."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ovi_studio.errors import UsageError
from ovi_studio.project.config import DiskSettings, load_config
from ovi_studio.project.config_settings import SETTING_OF


@dataclass(frozen=True, slots=True)
class DiskLimits:
    """Limits of one project."""

    encoding_bytes: int
    """encoded texts and first frames, all together"""
    logs_days: float
    """older logs of workers that ended may go"""
    trash_days: float
    """older damaged queues may go"""


def disk_limits(folder: Path, environment: Mapping[str, str] = os.environ) -> DiskLimits:
    """The limits that hold in a folder; the defaults where the settings cannot be read."""
    try:
        said = load_config(folder, environment).disk
    except UsageError:
        said = DiskSettings()  # a worker renders all the same; commands say what is wrong
    return DiskLimits(
        encoding_bytes=int(_value(said, "encodings_gb") * 1e9),
        logs_days=_value(said, "logs_days"),
        trash_days=_value(said, "trash_days"),
    )


def _value(said: DiskSettings, name: str) -> float:
    value: float | None = getattr(said, name)
    return float(SETTING_OF[f"disk.{name}"].default) if value is None else value
