"""Weight files as text and as plain JSON values."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from ovi.weights.licences import Licence
from ovi.weights.manifest import nano_paths
from ovi.weights.quantized import is_quantized
from ovi_studio.actions.quantizing import Quantization, QuantizedFile
from ovi_studio.actions.weights import ComponentView, PreparedDownload, VerifiedFile
from ovi_studio.report.paths import short_path
from ovi_studio.report.table import table_text

LINE_SECONDS = 10.0
"""Between two lines of progress where lines cannot be written over."""

LIVE_SECONDS = 0.5


def size_text(num_bytes: int) -> str:
    """A size as people say it."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if num_bytes >= scale:
            return f"{num_bytes / scale:.1f} {unit}"
    return f"{num_bytes} B"


def components_table(views: Sequence[ComponentView]) -> str:
    """One line for each component."""
    rows = [
        (
            view.variant,
            view.name if view.precision is None else f"{view.name} ({view.precision})",
            size_text(view.size_bytes) if view.is_present else "missing",
            view.licence.name if view.licence else "ships with this program",
            view.source,
            short_path(view.path),
        )
        for view in views
    ]
    return table_text(("variant", "component", "size", "licence", "source", "path"), rows)


def component_data(view: ComponentView) -> dict[str, Any]:
    """A component as plain JSON values; `precision` null: it is read at every precision."""
    return {
        "variant": view.variant,
        "component": view.name,
        "precision": view.precision,
        "path": str(view.path),
        "is_present": view.is_present,
        "size_bytes": view.size_bytes if view.is_present else None,
        "source": view.source,
        "licence": licence_data(view.licence) if view.licence else None,
    }


def licence_data(licence: Licence) -> dict[str, Any]:
    """A licence as plain JSON values."""
    return {
        "source": licence.source,
        "name": licence.name,
        "page": licence.page,
        "note": licence.note,
        "is_gated": licence.is_gated,
    }


def picture_text(licence: Licence) -> str:
    """Where the image model of mode t2i2v comes from."""
    return (
        f"Mode t2i2v also needs {licence.source} ({licence.name}; {licence.page}), which diffusers "
        f"fetches to the hub's cache when it is first used. {licence.note}"
    )


def download_text(prepared: PreparedDownload) -> str:
    """What would come, under which terms."""
    plan = prepared.plan
    lines = [
        f"{path} is there with another size than the published file; it is kept. --force replaces "
        "it."
        for path in plan.different
    ]
    if not plan.files:
        return "\n".join([*lines, f"Nothing to bring: all files are in {prepared.ckpt_dir}."])
    rows = [
        (
            file.wanted.path,
            "unknown" if file.size_bytes is None else size_text(file.size_bytes),
            f"{size_text(file.waiting_bytes)} here" if file.waiting_bytes else "",
        )
        for file in plan.files
    ]
    lines += [
        table_text(("file", "size", ""), rows),
        f"{size_text(plan.missing_bytes)} to {prepared.ckpt_dir}, where "
        f"{size_text(prepared.free_bytes)} are free.",
        "Licences:",
    ]
    for licence in prepared.licences:
        lines.append(f"  {licence.source}: {licence.name}. Terms: {licence.page}")
        lines += [f"    {licence.note}"] if licence.note else []
    return "\n".join(lines)


def download_data(prepared: PreparedDownload, brought: Sequence[str]) -> dict[str, Any]:
    """A download as plain JSON values; `brought` are the paths that came."""
    plan = prepared.plan
    return {
        "ckpt_dir": str(prepared.ckpt_dir),
        "files": [
            {
                "path": file.wanted.path,
                "component": file.wanted.component,
                "source": file.wanted.source,
                "size_bytes": file.size_bytes,
                "waiting_bytes": file.waiting_bytes,
                "is_here": file.wanted.path in brought,
            }
            for file in plan.files
        ],
        "present": list(plan.present),
        "different": list(plan.different),
        "missing_bytes": plan.missing_bytes,
        "free_bytes": prepared.free_bytes,
        "licences": [licence_data(licence) for licence in prepared.licences],
    }


def verified_table(files: Sequence[VerifiedFile]) -> str:
    """One line for each file."""
    rows = [
        (
            short_path(file.path),
            size_text(file.size_bytes),
            file.fault or _sound_state(file),
        )
        for file in files
    ]
    return table_text(("file", "size", "state"), rows)


def missing_text(view: ComponentView) -> str:
    """That a component is missing, and how it comes."""
    way = "install ovi-studio again"
    if view.licence is not None:
        way = f"ovi weights download {view.variant}"
    return f"{view.name} of {view.variant} is missing: {way}"


def repair_text(path: Path) -> str:
    """How a damaged file is mended."""
    if path in nano_paths().values():
        return f"Install ovi-studio again: {path} is a part of it."
    if is_quantized(path):
        return f"Make {path} anew with `ovi weights quantize`."
    return f"Delete {path} and run `ovi weights download` again."


def _sound_state(file: VerifiedFile) -> str:
    if not file.has_recorded_hash:
        return "readable"
    return "as saved" if is_quantized(file.path) else "as downloaded"


def verified_data(file: VerifiedFile) -> dict[str, Any]:
    """A checked file as plain JSON values."""
    return {
        "path": str(file.path),
        "variants": list(file.variants),
        "size_bytes": file.size_bytes,
        "is_sound": file.fault is None,
        "fault": file.fault,
        "has_recorded_hash": file.has_recorded_hash,
    }


def quantization_text(plan: Sequence[Quantization]) -> str:
    """What would be made, one line for each file."""
    rows = [
        (item.component, item.precision, short_path(item.source), short_path(item.target))
        for item in plan
    ]
    return table_text(("component", "to", "from", "into"), rows)


def quantized_text(made: QuantizedFile) -> str:
    """One finished file."""
    state = "was there" if made.was_there else "made"
    return f"{made.quantization.target} ({size_text(made.size_bytes)}, {state})"


def quantization_data(item: Quantization, made: QuantizedFile | None = None) -> dict[str, Any]:
    """A file to make, or one that was `made`, as plain JSON values."""
    return {
        "component": item.component,
        "precision": item.precision,
        "source": str(item.source),
        "path": str(item.target),
        "is_there": item.target.is_file(),
        "size_bytes": None if made is None else made.size_bytes,
        "was_there": None if made is None else made.was_there,
    }


class TransferReport:
    """Shows bytes going by: one line that changes on a terminal, else a line now and then."""

    def __init__(self, stream: TextIO, verb: str) -> None:
        """`verb` begins each line, such as "Downloading"."""
        self._stream = stream
        self._verb = verb
        self._is_live = stream.isatty()
        self._began: tuple[float, int] | None = None
        self._said = 0.0

    def show(self, done: int, total: int, num_files: int = 0) -> None:
        """Shows how far it is, unless it did so a moment ago."""
        now = time.monotonic()
        if self._began is None:
            self._began = (now, done)
        if now - self._said < (LIVE_SECONDS if self._is_live else LINE_SECONDS):
            return
        self._said = now
        began, first = self._began
        rate = (done - first) / max(now - began, 1e-6)
        left = ""
        if rate > 0 and now - began > 1 and total > done:
            minutes, seconds = divmod(round((total - done) / rate), 60)
            left = f", {size_text(int(rate))}/s, {minutes}:{seconds:02} left"
        files = f", {num_files} finished" if num_files else ""
        text = f"{self._verb}: {size_text(max(done, 0))} of {size_text(total)}{files}{left}"
        self._stream.write(f"\r\x1b[2K{text}" if self._is_live else f"{text}\n")
        self._stream.flush()

    def end(self) -> None:
        """Leaves the changing line."""
        if self._is_live and self._said:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()
