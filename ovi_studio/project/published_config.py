"""Reads the configuration file of the published engine, `inference_fusion.yaml`, as it is.

Every key of the published file is known, and the few that its program reads though the file does
not name them. Paths in it are relative to the working directory, as published. What the values
mean for a clip is decided in `render/plan.py`.
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ovi_studio.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedConfig:
    """What one file says. None: it says nothing."""

    model_name: str | None = None
    mode: str | None = None
    text_prompt: str | None = None
    """a prompt, or the path of a CSV or TSV file"""
    image_path: str | None = None
    """the first frame of a single prompt"""
    seed: int | None = None
    each_example_n_times: int | None = None
    sample_steps: int | None = None
    """also written `num_steps`"""
    solver_name: str | None = None
    shift: float | None = None
    video_guidance_scale: float | None = None
    audio_guidance_scale: float | None = None
    slg_layer: int | None = None
    video_negative_prompt: str | None = None
    audio_negative_prompt: str | None = None
    video_frame_height_width: tuple[int, int] | None = None
    """height and width in pixels"""
    fp8: bool | None = None
    qint8: bool | None = None
    cpu_offload: bool | None = None
    sp_size: int | None = None
    """GPUs that share one clip"""
    ckpt_dir: str | None = None
    output_dir: str | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    """One `key: value` of the file, with its place for messages."""

    path: Path
    key: str
    line: int
    node: yaml.Node
    value: Any

    def fault(self, message: str) -> UsageError:
        """An error about this entry."""
        return UsageError(f"{self.path}, line {self.line}: {self.key} {message}")


def _text(entry: _Entry) -> str:
    if not isinstance(entry.value, str):
        raise entry.fault(f"must be text, not {entry.value!r}. Put it in quotes if it is text.")
    return entry.value


def _whole_number(entry: _Entry) -> int:
    if not isinstance(entry.value, int) or isinstance(entry.value, bool):
        raise entry.fault(f"must be a whole number, not {entry.value!r}.")
    return entry.value


def _number(entry: _Entry) -> float:
    value = entry.value
    if isinstance(value, str) and isinstance(entry.node, yaml.ScalarNode) and not entry.node.style:
        # PyYAML reads a bare `5e-1` as text; the published program's reader takes it as a number.
        try:
            return float(value)
        except ValueError:
            pass
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise entry.fault(f"must be a number, not {value!r}.")
    return float(value)


def _switch(entry: _Entry) -> bool:
    if not isinstance(entry.value, bool):
        raise entry.fault(f"must be true or false, not {entry.value!r}.")
    return entry.value


def _height_and_width(entry: _Entry) -> tuple[int, int]:
    value = entry.value
    if (
        not isinstance(value, list)
        or len(value) != 2
        or not all(isinstance(side, int) and not isinstance(side, bool) for side in value)
    ):
        raise entry.fault(f"must be [height, width] in pixels, such as [704, 1280], not {value!r}.")
    return value[0], value[1]


def _num_gpus(entry: _Entry) -> int:
    number = _whole_number(entry)
    if number < 1:
        raise entry.fault(f"is {number}, and a clip needs a GPU: set it to 1 or leave it out.")
    return number


def _not_sharded(entry: _Entry) -> None:
    if _switch(entry):
        raise entry.fault(
            "is true, and the text encoder cannot be sharded: set it to false. "
            "cpu_offload: true is the way to less memory."
        )


_READERS: dict[str, Callable[[_Entry], Any]] = {
    "model_name": _text,
    "mode": _text,
    "text_prompt": _text,
    "image_path": _text,
    "seed": _whole_number,
    "each_example_n_times": _whole_number,
    "sample_steps": _whole_number,
    "num_steps": _whole_number,
    "solver_name": _text,
    "shift": _number,
    "video_guidance_scale": _number,
    "audio_guidance_scale": _number,
    "slg_layer": _whole_number,
    "video_negative_prompt": _text,
    "audio_negative_prompt": _text,
    "video_frame_height_width": _height_and_width,
    "fp8": _switch,
    "qint8": _switch,
    "cpu_offload": _switch,
    "ckpt_dir": _text,
    "output_dir": _text,
    "sp_size": _num_gpus,
    "shard_text_model": _not_sharded,
}
"""What each known key holds. A reader that returns None only checks."""

_ALIASES = {"num_steps": "sample_steps"}


def read_published_config(path: Path) -> PublishedConfig:
    """The settings in the file. Keys with an empty value count as not there.

    Raises UsageError that names the file, the line and the key: for a file that cannot be read, a
    key that is unknown or given twice, a value of the wrong type, a sharded text encoder, and
    two keys that contradict each other.
    """
    settings: dict[str, Any] = {}
    first_lines: dict[str, int] = {}
    for entry in _read_entries(path):
        if entry.key not in _READERS:
            near = difflib.get_close_matches(entry.key, _READERS, n=2)
            hint = (
                f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(_READERS)}."
            )
            raise entry.fault(f"is not a setting of the published configuration. {hint}")
        if entry.key in first_lines:
            raise entry.fault(f"stands in line {first_lines[entry.key]} already; keep one of them.")
        first_lines[entry.key] = entry.line
        if entry.value is None:
            continue
        name = _ALIASES.get(entry.key, entry.key)
        value = _READERS[entry.key](entry)
        if settings.get(name, value) != value:
            raise entry.fault(f"says {value} and {name} or its other name says {settings[name]}.")
        if value is not None:
            settings[name] = value
    if settings.get("fp8") and settings.get("qint8"):
        raise UsageError(f"{path}: fp8 and qint8 are both true; set one of them to false.")
    return PublishedConfig(**settings)


def _read_entries(path: Path) -> list[_Entry]:
    """The entries of the file's one mapping, in order."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"There is no configuration file {path}.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text; save it as UTF-8.") from error
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            return []
        if not isinstance(root, yaml.MappingNode):
            raise UsageError(f"{path} must hold `key: value` lines, as inference_fusion.yaml does.")
        return [
            _Entry(
                path,
                str(key.value),
                key.start_mark.line + 1,
                node,
                loader.construct_object(node, deep=True),
            )
            for key, node in root.value
        ]
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise UsageError(f"{path}{place}: this is not YAML: {problem}.") from error
