"""Stars, tags and notes of clips: `clips.json` in the project's root, by the identity of the clip.

Because a clip is known by its identity, a file that is moved or renamed keeps what was said about
it. What a newer program or another one wrote beside it is kept.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ovi_studio.errors import StudioError, UsageError
from ovi_studio.project.atomic_write import replace_file
from ovi_studio.project.file_lock import file_lock

FORMAT_VERSION = 1

MAX_FILE_BYTES = 64 * 1024 * 1024
"""A larger file is not one of ours."""

MAX_TAG_CHARACTERS = 40
MAX_NOTE_CHARACTERS = 10_000


class ClipNotesError(StudioError):
    """What is said about clips cannot be written."""


@dataclass(frozen=True, slots=True)
class ClipNote:
    """What the user says about one clip."""

    is_starred: bool = False
    tags: tuple[str, ...] = ()
    """in the order they were given, each once"""
    text: str = ""


NOTHING_SAID = ClipNote()


@dataclass(frozen=True, slots=True)
class SaidOfClips:
    """The whole file, as far as it can be understood."""

    notes: Mapping[str, ClipNote] = field(default_factory=dict)
    """by identity"""
    fault: str | None = None
    """why nothing could be read, for the user; the next change sets the file aside"""

    def of(self, identity: str) -> ClipNote:
        """What is said about a clip."""
        return self.notes.get(identity, NOTHING_SAID)


class ClipNotes:
    """The file of one project."""

    def __init__(self, path: Path) -> None:
        """Opens nothing."""
        self.path = path

    def read(self) -> SaidOfClips:
        """What the file says. Never fails: what cannot be understood is left out, or the fault."""
        try:
            document = self._document()
        except _NotOursError as error:
            return SaidOfClips(fault=f"{self.path} is ignored: {error}.")
        clips = document.get("clips", {})
        return SaidOfClips({identity: _note_of(entry) for identity, entry in clips.items()})

    def change(
        self, identities: Iterable[str], edit: Callable[[ClipNote], ClipNote]
    ) -> Path | None:
        """Changes what is said about clips, one process at a time.

        Returns where a file that could not be understood was set aside, if there was one. Raises
        ClipNotesError when the file cannot be written or is a newer program's, PromptFileError when
        another process keeps it.
        """
        aside = None
        try:
            with file_lock(self.path):
                try:
                    document = self._document()
                except _NotOursError:
                    aside, document = self._set_aside(), {}
                self._refuse_newer(document)
                clips = document.setdefault("clips", {})
                for identity in identities:
                    entry = clips.get(identity)
                    written = _entry_of(edit(_note_of(entry)), entry)
                    if written:
                        clips[identity] = written
                    else:
                        clips.pop(identity, None)
                document = {"version": FORMAT_VERSION, **document, "clips": dict(clips)}
                text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True)
                with replace_file(self.path) as stream:
                    stream.write(f"{text}\n".encode("utf-8", "replace"))
        except OSError as error:
            raise ClipNotesError(
                f"{self.path} cannot be written: {error.strerror or error}. Free some space, or "
                "allow writing to its folder."
            ) from error
        return aside

    def stamp(self) -> tuple[int, int, int]:
        """Changes when the file does."""
        try:
            status = self.path.stat()
        except OSError:
            return 0, 0, 0
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _document(self) -> dict[str, Any]:
        """The file as JSON; empty where there is none. Raises _NotOursError."""
        try:
            if self.path.stat().st_size > MAX_FILE_BYTES:
                raise _NotOursError("it is too large to be a list of notes")
            document = json.loads(self.path.read_bytes().decode("utf-8-sig"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise _NotOursError(f"it cannot be read ({error.strerror})") from error
        except (ValueError, RecursionError) as error:
            raise _NotOursError("it is no JSON") from error
        if not isinstance(document, dict) or not isinstance(document.get("clips", {}), dict):
            raise _NotOursError("it holds no notes of clips")
        return document

    def _refuse_newer(self, document: Mapping[str, Any]) -> None:
        version = document.get("version", FORMAT_VERSION)
        if version != FORMAT_VERSION:
            raise ClipNotesError(
                f"{self.path} has version {version!r}; this program writes {FORMAT_VERSION}. "
                "Update the program to change stars, tags and notes."
            )

    def _set_aside(self) -> Path:
        """Gives a file that is not understood another name, so that nothing in it is lost."""
        stem = f"{self.path.stem}-damaged-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
        for ending in ("", *(f"-{number}" for number in range(2, 100))):
            aside = self.path.with_name(f"{stem}{ending}{self.path.suffix}")
            if not aside.exists():
                self.path.replace(aside)
                return aside
        raise ClipNotesError(f"{self.path.parent} holds too many damaged notes; move some away.")


class _NotOursError(Exception):
    """The file is not what we write; the message says why."""


def clean_tag(text: str) -> str:
    """A tag as it is kept: one word. Raises UsageError for what cannot be one."""
    tag = "-".join(text.strip().lstrip("#").replace(",", " ").split())
    if not tag or len(tag) > MAX_TAG_CHARACTERS or not tag.isprintable():
        raise UsageError(
            f"{text[:60]!r} is no tag: use a word of up to {MAX_TAG_CHARACTERS} characters."
        )
    return tag


def clean_note(text: str) -> str:
    """A note as it is kept. Raises UsageError for one that is too long."""
    note = text.strip()
    if len(note) > MAX_NOTE_CHARACTERS:
        raise UsageError(
            f"The note has {len(note)} characters; keep it within {MAX_NOTE_CHARACTERS}."
        )
    return note


def _note_of(entry: Any) -> ClipNote:
    """What an entry says; what has the wrong form says nothing."""
    if not isinstance(entry, dict):
        return NOTHING_SAID
    tags, text = entry.get("tags"), entry.get("note")
    return ClipNote(
        is_starred=entry.get("starred") is True,
        tags=tuple(dict.fromkeys(tag for tag in tags if isinstance(tag, str)))
        if isinstance(tags, list)
        else (),
        text=text if isinstance(text, str) else "",
    )


def _entry_of(note: ClipNote, before: Any) -> dict[str, Any]:
    """The entry to write, empty if there is nothing to say; keys that others wrote stay."""
    kept = dict(before) if isinstance(before, dict) else {}
    for key, value in (
        ("starred", note.is_starred),
        ("tags", list(note.tags)),
        ("note", note.text),
    ):
        if value:
            kept[key] = value
        else:
            kept.pop(key, None)
    return kept
