"""Saving weights in eight bits: what `ovi weights quantize` does, for every screen.

The work is done by a process of its own (`ovi.runtime.quantize_file`), since it needs torch.
"""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ovi.errors import WeightsError
from ovi.spec.request import Precision, TransformerPrecision
from ovi.spec.variants import Variant
from ovi.weights.hashes import OnBytes, hash_files, remember_hash
from ovi.weights.licences import licence_of
from ovi.weights.manifest import Component, components_of
from ovi.weights.quantized import METHODS, quantized_path, read_origin
from ovi.weights.verify import RECORD_FILE, RecordedFile, read_record, write_record
from ovi_studio.errors import MissingExtraError, UsageError
from ovi_studio.project.file_lock import file_lock

COMMAND = (sys.executable, "-m", "ovi.runtime.quantize_file")


@dataclass(frozen=True, slots=True)
class Quantization:
    """One file to make."""

    component: str
    variant: str
    """One of those that use it."""
    source: Path
    target: Path
    precision: TransformerPrecision
    ckpt_dir: Path
    publisher: str
    """Repository that published the original."""


@dataclass(frozen=True, slots=True)
class QuantizedFile:
    """What became of it."""

    quantization: Quantization
    size_bytes: int
    was_there: bool
    """It had been made before, of the same original by the same method."""


def plan_quantization(
    variants: Sequence[Variant],
    precision: TransformerPrecision,
    components: Sequence[str],
    ckpt_dir: Path,
) -> tuple[Quantization, ...]:
    """The files to make, each once. Raises UsageError, and WeightsError naming what is missing."""
    if precision not in METHODS:
        known = " or ".join(METHODS)
        raise UsageError(f"Weights are saved in {known}, not in {precision}.")
    if precision is TransformerPrecision.FP8 and "text_encoder" in components:
        raise UsageError("The text encoder runs in int8, not in fp8: say --to int8.")
    plan: dict[Path, Quantization] = {}
    for variant in variants:
        for part in _originals(variant, components):
            saved = quantized_path(part.path, precision)
            assert saved is not None
            plan[ckpt_dir / saved] = Quantization(
                part.name, variant.name, ckpt_dir / part.path, ckpt_dir / saved, precision,
                ckpt_dir, part.source,
            )  # fmt: skip
    missing = [item for item in plan.values() if not item.source.is_file()]
    if missing:
        lines = (f"  {item.source}" for item in missing)
        names = " ".join(dict.fromkeys(item.variant for item in missing))
        raise WeightsError(
            "\n".join(("These originals are not there:", *lines))
            + f"\nFetch them with: ovi weights download {names}."
        )
    return tuple(plan.values())


def run_quantization(
    item: Quantization,
    *,
    replaces: bool = False,
    on_hashing: OnBytes | None = None,
    on_bytes: OnBytes | None = None,
    on_size: Callable[[int], None] | None = None,
) -> QuantizedFile:
    """Makes one file, unless it is there and of the present original.

    `on_hashing` hears how far the original was read for its hash, unless that is known;
    `on_size` the size of what is to come; `on_bytes` how much of the original is done. Raises
    WeightsError, and PromptFileError while another command changes the folder.
    """
    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError(
            'Quantizing needs the engine, which is not installed: pip install "ovi-studio[engine]".'
        )
    with file_lock(item.ckpt_dir / RECORD_FILE, wait_seconds=0):
        source_sha256 = hash_files([item.source], on_hashing)[item.source]
        if not replaces and _is_made(item, source_sha256):
            return QuantizedFile(item, item.target.stat().st_size, was_there=True)
        sha256 = _run_process(item, source_sha256, on_bytes, on_size)
        if hash_files([item.source])[item.source] != source_sha256:
            item.target.unlink(missing_ok=True)
            raise WeightsError(f"{item.source} changed meanwhile. Start again.")
        size = item.target.stat().st_size
        name = item.target.relative_to(item.ckpt_dir).as_posix()
        licence = licence_of(item.publisher).name
        write_record(item.ckpt_dir, {name: RecordedFile(size, sha256, item.publisher, "", licence)})
        remember_hash(item.target, sha256)
    return QuantizedFile(item, size, was_there=False)


def _originals(variant: Variant, components: Sequence[str]) -> list[Component]:
    return [part for part in components_of(variant, Precision()) if part.name in components]


def _is_made(item: Quantization, source_sha256: str) -> bool:
    """Whether the file is there, recorded, and made of this original by the present method."""
    if not item.target.is_file():
        return False
    entry = read_record(item.ckpt_dir).get(item.target.relative_to(item.ckpt_dir).as_posix())
    if entry is None or hash_files([item.target])[item.target] != entry.sha256:
        return False
    try:
        origin = read_origin(item.target)
    except WeightsError:
        return False
    return (origin.method, origin.source_sha256) == (METHODS[item.precision], source_sha256)


def _run_process(
    item: Quantization,
    source_sha256: str,
    on_bytes: OnBytes | None,
    on_size: Callable[[int], None] | None,
) -> str:
    """Runs the process to its end. Returns the hash of the file it made; raises WeightsError."""
    options = {
        "--model": item.component,
        "--to": item.precision,
        "--source": item.source,
        "--target": item.target,
        "--source-sha256": source_sha256,
        "--variant": item.variant,
        "--ckpt-dir": item.ckpt_dir,
    }
    command = [*COMMAND, *(str(word) for option in options.items() for word in option)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    assert process.stdout is not None
    facts: dict[str, Any] = {}
    try:
        for line in process.stdout:
            told = json.loads(line)
            facts |= told
            if "done" in told and on_bytes is not None:
                on_bytes(told["done"], told["total"])
            if "size_bytes" in told and on_size is not None:
                on_size(told["size_bytes"])
        code = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
        process.stdout.close()
        item.target.with_name(f"{item.target.name}.part").unlink(missing_ok=True)
    if "error" in facts:
        raise WeightsError(str(facts["error"]))
    if code != 0 or "sha256" not in facts:
        raise WeightsError(
            f"Quantizing {item.source} broke off (exit code {code}); what it printed stands above. "
            "Nothing was changed; start again."
        )
    return str(facts["sha256"])
