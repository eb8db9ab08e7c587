"""Checks a machine and a project before a render does: what `ovi doctor` does, for every screen.

Torch is asked in a process of its own (`ovi/runtime/diagnose.py`): it is slow, and it may crash.
"""

import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ovi.errors import OviError
from ovi.spec.machine import read_machine
from ovi.spec.request import Precision, TransformerPrecision
from ovi.spec.variants import VARIANTS, Variant
from ovi.weights.hashes import cache_file
from ovi.weights.store import locate_files
from ovi.weights.verify import fault_of, read_record
from ovi.weights.wanted import existing_folder, free_bytes
from ovi_studio.actions.findings import Finding, Status
from ovi_studio.actions.forecasting import rates_file
from ovi_studio.actions.machine_findings import check_memory
from ovi_studio.actions.settings import default_variant
from ovi_studio.errors import StudioError
from ovi_studio.project.config import StudioConfig, unknown_variables
from ovi_studio.project.layout import find_layout

DIAGNOSE_SECONDS = 180
"""For torch to load and answer; a cold disk needs most of it."""

FEW_BYTES = 1e9
"""Free space below which a disk is soon full of clips."""

TOO_FEW_BYTES = 50e6
"""Free space that the next clip may not fit into."""

VARIANT_BYTES = 40e9
"""What all files of a published variant take, rounded up."""

_API_VARIABLES = re.compile(r"_API_KEY$|_API_BASE$|_BASE_URL$|^HF_|^HUGGING_FACE_HUB_TOKEN$|^OVI_")
"""Names of variables that decide who is asked over the network, and how."""


def examine(working_folder: Path, config: StudioConfig) -> Iterator[Finding]:
    """All findings, one after another as they are made."""
    variant = default_variant(config)
    layout = find_layout(working_folder)
    ckpt_dir = config.render.ckpt_dir or layout.checkpoint_folder
    yield _check_python()
    yield from check_extras()
    yield from check_driver()
    yield from judge_diagnosis(diagnose())
    yield from check_memory(read_machine(), rates_file())
    yield check_disk("output disk", config.render.output or layout.output_folder)
    yield from check_weights(variant, config.render.precision, ckpt_dir)
    yield check_queue(layout.state.queue_path)
    yield _check_cache()
    yield from check_api(config, os.environ)


def diagnose() -> dict[str, Any]:
    """What `ovi.runtime.diagnose` says in its own process; `error` when it says nothing."""
    if importlib.util.find_spec("torch") is None:
        return {"missing": True}
    command = [sys.executable, "-m", "ovi.runtime.diagnose", "--json"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=DIAGNOSE_SECONDS,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"error": f"it did not answer within {DIAGNOSE_SECONDS} s"}
    try:
        document: dict[str, Any] = json.loads(done.stdout.strip().rpartition("\n")[2])
    except ValueError:
        last = done.stderr.strip().rpartition("\n")[2] or "no word"
        return {"error": f"it ended with code {done.returncode}: {last}"}
    return document


def judge_diagnosis(facts: Mapping[str, Any]) -> Iterator[Finding]:
    """The findings in what `diagnose` returned."""
    if facts.get("missing"):
        yield Finding(
            "torch", Status.WARNING, "PyTorch is not installed: prompts work, rendering does not.",
            'Install the engine: pip install "ovi-studio[engine]".',
        )  # fmt: skip
        return
    if "error" in facts:
        yield Finding(
            "torch", Status.ERROR, f"PyTorch could not be examined: {facts['error']}.",
            "Run `python -m ovi.runtime.diagnose` to see all of it; installing torch and the "
            "driver again usually helps.",
        )  # fmt: skip
        return
    yield from _judge_torch(facts["torch"])
    yield _judge_encoder(facts["encoder"])


def check_extras() -> Iterator[Finding]:
    """Which optional parts are installed."""
    try:
        distribution = importlib.metadata.distribution("ovi-studio")
    except importlib.metadata.PackageNotFoundError:
        yield Finding(
            "extras", Status.WARNING, "ovi-studio runs from its sources without being installed.",
            "Install it, so that its optional parts are known: pip install -e .",
        )  # fmt: skip
        return
    needs: dict[str, set[str]] = {}
    for line in distribution.requires or ():
        found = re.match(r"([\w.-]+).*;.*extra\s*==\s*['\"]([\w.-]+)['\"]", line)
        if found and found[1].lower().replace("_", "-") != "ovi-studio":
            needs.setdefault(found[2], set()).add(found[1])
    for extra in sorted(needs.keys() - {"test"}):
        absent = sorted(name for name in needs[extra] if not _is_installed(name))
        if not absent:
            yield Finding(f"extra {extra}", Status.OK, "Installed.")
            continue
        yield Finding(
            f"extra {extra}",
            Status.WARNING if extra == "engine" else Status.OK,
            f"Not installed: {', '.join(absent)}.",
            f'If you want it: pip install "ovi-studio[{extra}]".',
        )


def check_driver() -> Iterator[Finding]:
    """The NVIDIA driver, from its own program; nothing where there is no such program."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return
    query = ["--query-gpu=driver_version,name,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            [program, *query], capture_output=True, text=True, timeout=30, check=True
        )
        lines = [line.split(", ") for line in done.stdout.splitlines() if line.count(", ") == 2]
        if not lines:
            raise ValueError
    except (OSError, subprocess.SubprocessError, ValueError):
        yield Finding(
            "driver", Status.WARNING, "nvidia-smi is installed and finds no GPU.",
            "Load or install the NVIDIA driver; after an update, restart the machine.",
        )  # fmt: skip
        return
    cards = "; ".join(f"{name} with {memory}" for _, name, memory in lines)
    yield Finding("driver", Status.OK, f"NVIDIA driver {lines[0][0]}: {cards}.")


def check_disk(check: str, folder: Path, needed: float = FEW_BYTES) -> Finding:
    """Whether a folder can be written to and its disk has room."""
    exists = existing_folder(folder)
    if not _is_writable(exists):
        return Finding(
            check, Status.ERROR, f"{folder} cannot be written.",
            f"Make {exists} writable for you, or name another folder with `ovi config`'s settings.",
        )  # fmt: skip
    free = free_bytes(folder)
    text = f"{free / 1e9:.1f} GB free at {folder}."
    if free >= needed:
        return Finding(check, Status.OK, text)
    status = Status.ERROR if free < TOO_FEW_BYTES else Status.WARNING
    return Finding(check, status, text, "Make room, or name a folder on another disk.")


def check_weights(
    variant: Variant, precision: TransformerPrecision | None, ckpt_dir: Path
) -> Iterator[Finding]:
    """The weight files of each variant; only those of the configured `variant` have to be there."""
    chosen = Precision(transformer=precision) if precision else Precision()
    is_complete = True
    for known in VARIANTS.values():
        is_needed = known.name == variant.name
        check = f"weights {known.name}"
        try:
            files = locate_files(known, chosen, ckpt_dir)
            record = {} if known.is_embedded else read_record(ckpt_dir)
        except OviError as error:
            status = Status.ERROR if is_needed else Status.OK
            use = " It is the configured variant." if is_needed else ""
            yield Finding(
                check, status, f"{_first_line(error)}{use}",
                f"{'' if is_needed else 'If you want it: '}{_way_to_get(known)}.",
            )  # fmt: skip
            is_complete = is_complete and not is_needed
            continue
        if files is None:
            yield Finding(
                check, Status.WARNING,
                "Its weight files are not installed: it runs on random weights.",
                f"{_way_to_get(known).capitalize()}.",
            )  # fmt: skip
            continue
        entries = {ckpt_dir / name: entry for name, entry in record.items()}
        faults = [
            f"{path} {fault}"
            for path in files.values()
            if path.is_file() and (fault := fault_of(path, entries.get(path)))
        ]
        if faults:
            yield Finding(
                check, Status.ERROR, f"{'; '.join(faults)}.",
                f"Delete what is named here, then: {_way_to_get(known)}.",
            )  # fmt: skip
        else:
            yield Finding(check, Status.OK, f"All {len(files)} components are there.")
    if is_complete:  # a shared folder need not be writable
        text = f"{free_bytes(ckpt_dir) / 1e9:.1f} GB free at {ckpt_dir}."
        yield Finding("weights disk", Status.OK, text)
    else:
        yield check_disk("weights disk", ckpt_dir, VARIANT_BYTES)


def _way_to_get(variant: Variant) -> str:
    """How the weight files of a variant come."""
    if variant.is_embedded:
        return "install ovi-studio again"
    return f"ovi weights download {variant.name}"


def check_queue(path: Path) -> Finding:
    """Whether the project's queue opens. None is made where there is none."""
    if not path.exists():
        folder = existing_folder(path.parent)
        if _is_writable(folder):
            return Finding("queue", Status.OK, "There is none yet; the first render makes it.")
        return Finding(
            "queue", Status.ERROR, f"{folder} cannot be written, so there can be no queue.",
            "Start in a folder that you may write to.",
        )  # fmt: skip
    from ovi_studio.render.queue import RenderQueue

    try:
        with RenderQueue(path) as queue:
            num_jobs = len(queue.jobs())
    except StudioError as error:
        return Finding(
            "queue", Status.ERROR, str(error),
            f"If nothing else helps, move {path} away: finished clips stay.",
        )  # fmt: skip
    return Finding("queue", Status.OK, f"{path} opens; jobs: {num_jobs}.")


def check_api(config: StudioConfig, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Which settings for network services are present: names only, never a value."""
    names = sorted(name for name in environ if _API_VARIABLES.search(name) and environ[name])
    said = f"Set: {', '.join(names)}." if names else "No variables for network services are set."
    yield Finding("API settings", Status.OK, said)
    for name, near in unknown_variables(environ):
        yield Finding(
            "API settings", Status.WARNING, f"{name} is set and means nothing.",
            f"Perhaps {near} is meant.",
        )  # fmt: skip
    for connection, table in config.llm.items():
        variable = table.get("api_key_env")
        if isinstance(variable, str) and not environ.get(variable):
            yield Finding(
                f"connection {connection}", Status.WARNING,
                f"Its key is to come from {variable}, which is not set.",
                f"Set {variable}, or take api_key_env out of [llm.{connection}].",
            )  # fmt: skip


def _check_python() -> Finding:
    version = platform.python_version()
    is_64_bit = sys.maxsize > 2**32
    if sys.version_info < (3, 11) or not is_64_bit:
        return Finding(
            "Python", Status.ERROR, f"Python {version}, {64 if is_64_bit else 32} bit.",
            "Install a 64-bit Python 3.11 or later.",
        )  # fmt: skip
    return Finding("Python", Status.OK, f"Python {version} at {sys.executable}.")


def _judge_torch(facts: Mapping[str, Any]) -> Iterator[Finding]:
    if "error" in facts:
        yield Finding(
            "torch", Status.ERROR, f"PyTorch does not load: {facts['error']}.",
            'Install it again: pip install --force-reinstall "ovi-studio[engine]".',
        )  # fmt: skip
        return
    build = f"CUDA {facts['cuda_version']}" if facts["cuda_version"] else "a build without CUDA"
    has_card = shutil.which("nvidia-smi") is not None
    if facts["device"] == "cpu" and has_card:
        remedy = (
            "Update the NVIDIA driver, and check CUDA_VISIBLE_DEVICES."
            if facts["cuda_version"]
            else "Install a CUDA build of torch; pytorch.org says which for your driver."
        )
        yield Finding(
            "torch", Status.WARNING,
            f"PyTorch {facts['version']} ({build}) does not see the NVIDIA GPU.", remedy,
        )  # fmt: skip
    else:
        yield Finding("torch", Status.OK, f"PyTorch {facts['version']}, {build}.")
    for index, card in enumerate(facts["devices"]):
        free = card["free_bytes"]
        room = f", {free / 2**30:.1f} free" if free is not None else ""
        memory = f"{card['memory_bytes'] / 2**30:.1f} GiB{room}"
        text = f"{card['name']}, {memory}, capability {card['capability']}."
        yield Finding(f"GPU cuda:{index}", Status.OK, text)
    if not facts["devices"]:
        yield Finding("GPU", Status.OK, f"None; renders run on {facts['device']}.")
    yield from _judge_device(facts)


def _judge_device(facts: Mapping[str, Any]) -> Iterator[Finding]:
    arithmetic, attention = facts["arithmetic"], facts["attention"]
    if not arithmetic.get("is_right"):
        reason = arithmetic.get("error", "a product of matrices comes out wrong")
        yield Finding(
            "arithmetic", Status.ERROR, f"{facts['device']} does not compute: {reason}.",
            "Update the driver, or render with --device cpu.",
        )  # fmt: skip
    if "error" in attention:
        yield Finding(
            "attention", Status.ERROR, f"Attention cannot be set up: {attention['error']}.",
            "Install torch again, or render with --attention math.",
        )  # fmt: skip
        return
    available = ", ".join(attention["available"])
    yield Finding("attention", Status.OK, f"Available on {facts['device']}: {available}.")
    for name, reason in attention["absent"].items():
        yield Finding(f"attention {name}", Status.OK, f"Not available: {reason}.")


def _judge_encoder(facts: Mapping[str, Any]) -> Finding:
    remedy = "Install it again: pip install --force-reinstall imageio-ffmpeg."
    if "error" in facts:
        message = f"ffmpeg does not run: {facts['error']}."
        return Finding("encoder", Status.ERROR, message, remedy)
    absent = [name for name, is_there in facts["encoders"].items() if not is_there]
    text = f"ffmpeg {facts['version']} at {facts['path']}"
    if absent:
        remedy = f"Unset IMAGEIO_FFMPEG_EXE, or name a build that has it. {remedy}"
        return Finding("encoder", Status.ERROR, f"{text} lacks {', '.join(absent)}.", remedy)
    return Finding("encoder", Status.OK, f"{text}.")


def _check_cache() -> Finding:
    folder = cache_file().parent
    if _is_writable(existing_folder(folder)):
        return Finding("cache", Status.OK, f"{folder} can be written.")
    return Finding(
        "cache", Status.WARNING, f"{folder} cannot be written: weights are read anew each time.",
        "Make it writable for you, or name another with XDG_CACHE_HOME.",
    )  # fmt: skip


def _is_installed(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _is_writable(folder: Path) -> bool:
    """Whether a file can be made there; asking the permissions is not enough on every system."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _first_line(error: OviError) -> str:
    """The first line of a message, as a sentence."""
    return f"{str(error).splitlines()[0].rstrip(':.')}."
