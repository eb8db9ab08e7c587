"""Weight files as users see them: what `ovi weights` does, for every screen."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from ovi.errors import RequestError
from ovi.spec.request import Precision, TransformerPrecision
from ovi.spec.variants import VARIANTS, Variant, variant_named
from ovi.weights.download import REPORT_SECONDS, OnProgress, ask_hub, bring_files
from ovi.weights.hub import Hub, hub_of
from ovi.weights.licences import Licence, licence_of, licences_of
from ovi.weights.manifest import Component, components_of, nano_paths
from ovi.weights.quantized import METHODS, QUANTIZABLE, quantized_path
from ovi.weights.verify import RECORD_FILE, RecordedFile, fault_of, read_record
from ovi.weights.wanted import (
    DownloadPlan,
    check_space,
    free_bytes,
    plan_copy,
    plan_download,
    wanted_files,
)
from ovi_studio.project.file_lock import file_lock

MAX_READERS = 4
"""Files verified at a time."""


@dataclass(frozen=True, slots=True)
class ComponentView:
    """One component of a variant, and whether it is there."""

    variant: str
    name: str
    path: Path
    """Where it is, or where it belongs."""
    is_present: bool
    size_bytes: int
    """Of what is there; 0 for nothing."""
    source: str
    licence: Licence | None
    """None: it ships with this program, or needs no file."""
    precision: TransformerPrecision | None = None
    """Which renders read it; None: all."""


@dataclass(frozen=True, slots=True)
class VerifiedFile:
    """What a check of one file found."""

    path: Path
    variants: tuple[str, ...]
    size_bytes: int
    fault: str | None
    """Completes "model.safetensors ..."; None if nothing is wrong."""
    has_recorded_hash: bool
    """False: only the form could be checked."""


@dataclass(frozen=True, slots=True)
class PreparedDownload:
    """A download about to start."""

    plan: DownloadPlan
    ckpt_dir: Path
    free_bytes: int
    licences: tuple[Licence, ...]
    """Of what is to come."""
    hub: Hub | None


def chosen_variants(names: Sequence[str]) -> tuple[Variant, ...]:
    """The variants of these names, all published ones for `all`; each once. Raises RequestError."""
    wanted: dict[str, Variant] = {}
    for name in names:
        found = published_variants() if name == "all" else (variant_named(name),)
        wanted |= {variant.name: variant for variant in found}
    return tuple(wanted.values())


def published_variants() -> tuple[Variant, ...]:
    """All variants whose weights are downloaded."""
    return tuple(variant for variant in VARIANTS.values() if not variant.is_embedded)


def list_components(variants: Sequence[Variant], ckpt_dir: Path) -> list[ComponentView]:
    """The components of each variant, the published fp8 file as one more.

    Files that `ovi weights quantize` saved follow, where there are any.
    """
    views: list[ComponentView] = []
    for variant in variants:
        if variant.is_embedded:
            views += _embedded_views(variant)
            continue
        views += [_view(variant, part, ckpt_dir) for part in components_of(variant, Precision())]
        fp8 = _fp8_component(variant)
        if fp8 is not None:
            views.append(_view(variant, fp8, ckpt_dir, TransformerPrecision.FP8))
        for precision, part in _saved_components(variant):
            view = _view(variant, part, ckpt_dir, precision)
            views += [view] if view.is_present else []
    return views


def prepare_download(
    variants: Sequence[Variant],
    precision: TransformerPrecision,
    ckpt_dir: Path,
    *,
    folder: Path | None = None,
    replaces: bool = False,
) -> PreparedDownload:
    """Finds out what has to come from the hub, or from a local `folder`.

    Raises WeightsError when it cannot be had or does not fit on the disk.
    """
    parts = [part for v in variants for part in components_of(v, Precision(transformer=precision))]
    wanted = wanted_files(parts)
    hub = None
    if folder is not None:
        plan = plan_copy(wanted, ckpt_dir, folder, replaces=replaces)
    else:
        hub = hub_of(os.environ)
        plan = plan_download(wanted, ckpt_dir, ask_hub(hub), replaces=replaces)
    check_space(plan, ckpt_dir)
    licences = licences_of(file.wanted.source for file in plan.files)
    return PreparedDownload(plan, ckpt_dir, free_bytes(ckpt_dir), licences, hub)


def run_download(
    prepared: PreparedDownload, num_parallel: int, on_progress: OnProgress | None = None
) -> tuple[str, ...]:
    """Brings what was prepared. Returns the paths that came, relative to the checkpoint folder.

    Raises WeightsError that names every file that failed, and PromptFileError while another
    download to the same folder runs.
    """
    prepared.ckpt_dir.mkdir(parents=True, exist_ok=True)
    with file_lock(prepared.ckpt_dir / RECORD_FILE, wait_seconds=0):
        return bring_files(
            prepared.plan,
            prepared.ckpt_dir,
            prepared.hub,
            num_parallel=num_parallel,
            on_progress=on_progress,
        )


def verify_files(
    variants: Sequence[Variant],
    ckpt_dir: Path,
    *,
    reads_all: bool = True,
    on_bytes: Callable[[int, int], None] | None = None,
) -> list[VerifiedFile]:
    """Checks the files of the variants that are there; what is absent is `list_components`'s.

    The files that ship with this program have no record: their form is checked.

    Without `reads_all`, contents are not compared with their recorded hash. `on_bytes` gets the
    bytes read so far and those in all, from the caller's own thread. Raises WeightsError for a
    record that cannot be read.
    """
    record = read_record(ckpt_dir)
    embedded: list[VerifiedFile] = []
    owners: dict[str, list[str]] = {}
    for variant in variants:
        if variant.is_embedded:
            embedded += _verify_embedded(variant)
            continue
        parts = [*components_of(variant, Precision()), _fp8_component(variant)]
        parts += [part for _, part in _saved_components(variant)]
        for file in wanted_files(part for part in parts if part is not None):
            if (ckpt_dir / file.path).is_file():
                owners.setdefault(file.path, []).append(variant.name)
    done = [0] * len(owners)
    total = sum((ckpt_dir / path).stat().st_size for path in owners if reads_all and path in record)

    def check(index: int, path: str) -> VerifiedFile:
        def count(num_bytes: int) -> None:
            done[index] += num_bytes

        entry: RecordedFile | None = record.get(path)
        fault = fault_of(ckpt_dir / path, entry, count if reads_all else None)
        size = (ckpt_dir / path).stat().st_size
        has_hash = entry is not None and reads_all
        return VerifiedFile(ckpt_dir / path, tuple(owners[path]), size, fault, has_hash)

    with ThreadPoolExecutor(MAX_READERS) as pool:
        jobs = [pool.submit(check, index, path) for index, path in enumerate(owners)]
        pending = set(jobs)
        while pending:
            _, pending = wait(pending, REPORT_SECONDS)
            if on_bytes is not None:
                on_bytes(sum(done), total)
    return [*embedded, *(job.result() for job in jobs)]


def find_component(
    name: str | None, variant: Variant, precision: TransformerPrecision, ckpt_dir: Path
) -> Path:
    """Where a component is, or where it belongs; the checkpoint folder itself for None.

    Raises RequestError for an unknown name.
    """
    if name is None:
        return ckpt_dir
    if variant.is_embedded:
        known = nano_paths()
    else:
        parts = components_of(variant, _precisions(precision))
        known = {part.name: _path_of(part, ckpt_dir) for part in parts}
    if name not in known:
        raise RequestError(f"{variant.name} has no component {name!r}. Known: {', '.join(known)}.")
    return known[name]


def _fp8_component(variant: Variant) -> Component | None:
    """The published fp8 transformer of a variant, if there is one."""
    parts = components_of(variant, Precision(transformer=TransformerPrecision.FP8))
    return next((part for part in parts if part.stand_in is not None), None)


def _saved_components(variant: Variant) -> list[tuple[TransformerPrecision, Component]]:
    """The files that `ovi weights quantize` may have made for a variant, by precision."""
    found: list[tuple[TransformerPrecision, Component]] = []
    for part in components_of(variant, Precision()):
        for precision in METHODS if part.name in QUANTIZABLE else ():
            saved = quantized_path(part.path, precision)
            if saved is not None:
                found.append((precision, Component(part.name, saved, part.source)))
    return found


def _precisions(precision: TransformerPrecision) -> Precision:
    """The precision of a render whose transformer has this one; int8 is also the text encoder's."""
    if precision is TransformerPrecision.INT8:
        return Precision(transformer=precision, text_encoder=precision)
    return Precision(transformer=precision)


def _path_of(part: Component, ckpt_dir: Path) -> Path:
    paths = [ckpt_dir / path for path in part.paths]
    return next((path for path in paths if path.exists()), paths[0])


def _view(
    variant: Variant,
    part: Component,
    ckpt_dir: Path,
    precision: TransformerPrecision | None = None,
) -> ComponentView:
    path = ckpt_dir / part.path
    files = [ckpt_dir / file.path for file in wanted_files([part])]
    size = sum(file.stat().st_size for file in files if file.is_file())
    licence = licence_of(part.source)
    return ComponentView(
        variant.name, part.name, path, size > 0, size, part.source, licence, precision
    )


def _verify_embedded(variant: Variant) -> list[VerifiedFile]:
    return [
        VerifiedFile(path, (variant.name,), path.stat().st_size, fault_of(path, None), False)
        for path in nano_paths().values()
        if path.is_file()
    ]


def _embedded_views(variant: Variant) -> list[ComponentView]:
    views: list[ComponentView] = []
    for name, path in nano_paths().items():
        size = path.stat().st_size if path.is_file() else 0
        views.append(ComponentView(variant.name, name, path, size > 0, size, "ovi-studio", None))
    return views
