"""What a download has to bring: files that are not there yet, where they come from, their size.

Bringing them is `download.py`'s business.
"""

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ovi.errors import WeightsError
from ovi.weights.hub import RemoteFile
from ovi.weights.manifest import Component
from ovi.weights.store import TOKENIZER_FILES
from ovi.weights.verify import RecordedFile, read_record

MAX_QUESTIONS = 8
"""Files that the hub is asked about at a time."""

_TOKENIZER_MEMBERS = (*TOKENIZER_FILES, "tokenizer_config.json", "special_tokens_map.json")


@dataclass(frozen=True, slots=True)
class WantedFile:
    """One file of a component."""

    component: str
    path: str
    """Relative to the checkpoint folder."""
    source: str
    """Repository that publishes it."""
    is_optional: bool = False
    """True for those of which only some are published."""

    @property
    def source_path(self) -> str:
        """Its path in the repository: the folder lacks the repository's own name."""
        return self.path.partition("/")[2]


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file to bring."""

    wanted: WantedFile
    origin: RemoteFile | Path
    """On the hub, or on a local disk."""
    size_bytes: int | None
    """None: unknown until it is there."""
    waiting_bytes: int
    """What an earlier, broken download left."""


@dataclass(frozen=True, slots=True)
class DownloadPlan:
    """What is done and what is not."""

    files: tuple[PlannedFile, ...]
    present: tuple[str, ...]
    """Paths of files that are there already."""
    different: tuple[str, ...] = ()
    """Paths of files that are there, with another size than the published ones; they are kept."""

    @property
    def size_bytes(self) -> int:
        """Bytes of all files to bring."""
        return sum(file.size_bytes or 0 for file in self.files)

    @property
    def missing_bytes(self) -> int:
        """Bytes still to come, without what an earlier download left."""
        return sum(max(0, (file.size_bytes or 0) - file.waiting_bytes) for file in self.files)


def wanted_files(components: Iterable[Component]) -> tuple[WantedFile, ...]:
    """The files of the components, each once."""
    files: dict[str, WantedFile] = {}
    for part in components:
        if part.name == "tokenizer":
            for name in _TOKENIZER_MEMBERS:
                path = f"{part.path}/{name}"
                files[path] = WantedFile(part.name, path, part.source, is_optional=True)
        else:
            files[part.path] = WantedFile(part.name, part.path, part.source)
    return tuple(files.values())


def plan_download(
    wanted: Sequence[WantedFile],
    ckpt_dir: Path,
    look_up: Callable[[WantedFile], RemoteFile | None],
    *,
    replaces: bool = False,
) -> DownloadPlan:
    """What of the wanted files has to come from the hub.

    `look_up` asks it about one file, None meaning that an optional one is not published. With
    `replaces`, files that are there come anew. Raises WeightsError.
    """
    record = {} if replaces else read_record(ckpt_dir)
    unsure = [file for file in wanted if not _is_as_recorded(file, ckpt_dir, record)]
    with ThreadPoolExecutor(MAX_QUESTIONS) as pool:
        answers = dict(zip(unsure, pool.map(look_up, unsure), strict=True))
    planned, different = [], []
    present = [file.path for file in wanted if file not in answers]
    for file, remote in answers.items():
        target = ckpt_dir / file.path
        if remote is None:
            continue
        if replaces or not target.is_file():
            part = part_path(target, remote)
            waiting = part.stat().st_size if part.is_file() else 0
            planned.append(PlannedFile(file, remote, remote.size_bytes, waiting))
        elif remote.size_bytes in (None, target.stat().st_size):
            present.append(file.path)
        else:
            different.append(file.path)
    _check_tokenizer(wanted, [*present, *(file.wanted.path for file in planned)], "the hub")
    return DownloadPlan(tuple(planned), tuple(present), tuple(different))


def plan_copy(
    wanted: Sequence[WantedFile], ckpt_dir: Path, folder: Path, *, replaces: bool = False
) -> DownloadPlan:
    """What of the wanted files has to come from a local folder.

    The folder has the layout of a checkpoint folder, or is the cache of the hub's own programs.
    Raises WeightsError that lists what is in neither place.
    """
    if not folder.is_dir():
        raise WeightsError(f"{folder} is no folder: name one that holds weight files.")
    planned, present, missing = [], [], []
    for file in wanted:
        target, found = ckpt_dir / file.path, _find_local(file, folder)
        is_same = found is not None and target.exists() and target.samefile(found)
        if target.is_file() and (is_same or not replaces):
            present.append(file.path)
        elif found is not None:
            planned.append(PlannedFile(file, found, found.stat().st_size, 0))
        elif not file.is_optional:
            missing.append(file.path)
    if missing:
        raise WeightsError(
            "\n".join((f"{folder} lacks:", *(f"  {path}" for path in missing)))
            + "\nName a folder laid out like ckpts, or the hub's cache (.../huggingface/hub)."
        )
    _check_tokenizer(wanted, [*present, *(file.wanted.path for file in planned)], str(folder))
    return DownloadPlan(tuple(planned), tuple(present))


def check_space(plan: DownloadPlan, ckpt_dir: Path) -> None:
    """Raises WeightsError when the disk of the checkpoint folder cannot hold what is to come."""
    free = free_bytes(ckpt_dir)
    if plan.missing_bytes > free:
        raise WeightsError(
            f"{ckpt_dir} has {free / 1e9:.1f} GB free, and {plan.missing_bytes / 1e9:.1f} GB are "
            "to come. Make room, or name a folder on another disk with --ckpt-dir."
        )


def free_bytes(folder: Path) -> int:
    """Free space of the disk that a folder is on, or would be on."""
    return shutil.disk_usage(existing_folder(folder)).free


def existing_folder(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def part_path(target: Path, origin: RemoteFile | Path) -> Path:
    """Where a file grows until it is complete; another content never continues it."""
    known = None if isinstance(origin, Path) else origin.sha256 or origin.git_sha1
    return target.with_name(f"{target.name}.{(known or 'unknown')[:12]}.part")


def _is_as_recorded(file: WantedFile, ckpt_dir: Path, record: Mapping[str, RecordedFile]) -> bool:
    target, entry = ckpt_dir / file.path, record.get(file.path)
    return entry is not None and target.is_file() and target.stat().st_size == entry.size_bytes


def _find_local(file: WantedFile, folder: Path) -> Path | None:
    path = folder / file.path
    if path.is_file():
        return path
    cached = folder / f"models--{file.source.replace('/', '--')}" / "snapshots"
    found = [path for path in cached.glob(f"*/{file.source_path}") if path.is_file()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def _check_tokenizer(wanted: Sequence[WantedFile], paths: Sequence[str], where: str) -> None:
    """Raises WeightsError when none of the files is there that make a tokenizer."""
    vocabularies = [file.path for file in wanted if file.path.endswith(TOKENIZER_FILES)]
    if vocabularies and not set(vocabularies) & set(paths):
        raise WeightsError(f"{where} has neither {' nor '.join(vocabularies)}: one is needed.")
