"""Finds the clips of a folder and what each one's caption says."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ovi.spec.variants import AudioForm
from ovi.training.errors import TrainingError

CLIP_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".gif")

CAPTION_FILES = ("clips.csv", "captions.csv", "metadata.csv")
"""Looked for in the clips' folder when no file is named."""

CLIP_COLUMNS = ("clip", "file", "file_name", "video", "path")
TEXT_COLUMNS = ("text_prompt", "caption", "prompt", "text")

MAX_NAMED = 3
"""Files that an error names."""


@dataclass(frozen=True, slots=True)
class CaptionedClip:
    """A clip to learn from."""

    path: Path
    caption: str


def find_clips(folder: Path, captions: Path | None = None) -> tuple[CaptionedClip, ...]:
    """The clips of `folder`, by name, with their captions.

    Captions come from the CSV `captions`, or one of CAPTION_FILES in the folder, or a .txt file
    beside each clip. With a CSV, only the clips that it names are taken. Raises TrainingError that
    names what is missing.
    """
    if not folder.is_dir():
        raise TrainingError(f"There is no folder {folder}. Name one that holds clips.")
    table = captions or next((folder / n for n in CAPTION_FILES if (folder / n).is_file()), None)
    clips = _from_texts(folder) if table is None else _from_table(table, folder)
    empty = [clip.path.name for clip in clips if not clip.caption]
    if empty:
        raise TrainingError(
            f"{len(empty)} clips of {folder} have no caption ({some_of(empty)}). Write each into a "
            f".txt file beside its clip, or all into {CAPTION_FILES[0]} with the columns clip and "
            "text_prompt."
        )
    return tuple(clips)


def in_form(caption: str, form: AudioForm) -> str:
    """The caption with its sound written as the variant was trained to read it.

    The published rule: `Audio:` and all behind it becomes tagged, or each tagged part prefixed.
    """
    if form is AudioForm.TAGGED:
        scene, mark, sound = caption.partition("Audio:")
        is_prefixed = bool(mark) and "<AUDCAP>" not in caption
        return f"{scene}<AUDCAP>{sound.lstrip()}<ENDAUDCAP>" if is_prefixed else caption
    return re.sub(r"<AUDCAP>(.*?)<ENDAUDCAP>", r"Audio: \1", caption, flags=re.DOTALL)


def _from_texts(folder: Path) -> list[CaptionedClip]:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in CLIP_SUFFIXES)
    if not paths:
        raise TrainingError(
            f"{folder} holds no clips. Put some there: {', '.join(CLIP_SUFFIXES)} are read."
        )
    clips = []
    for path in paths:
        text = path.with_suffix(".txt")
        caption = _read(text).strip() if text.is_file() else ""
        clips.append(CaptionedClip(path, caption))
    return clips


def _from_table(table: Path, folder: Path) -> list[CaptionedClip]:
    rows = csv.DictReader(_read(table).splitlines(keepends=True))
    columns = [name.strip().lower() for name in rows.fieldnames or ()]
    rows.fieldnames = columns
    clip_column = next((name for name in CLIP_COLUMNS if name in columns), None)
    text_column = next((name for name in TEXT_COLUMNS if name in columns), None)
    if clip_column is None or text_column is None:
        raise TrainingError(
            f"{table} needs a column with the clips' names ({', '.join(CLIP_COLUMNS)}) and one "
            f"with their captions ({', '.join(TEXT_COLUMNS)}); it has {', '.join(columns)}."
        )
    clips = [
        CaptionedClip(folder / name, (row[text_column] or "").strip())
        for row in rows
        if (name := (row[clip_column] or "").strip())
    ]
    missing = [clip.path.name for clip in clips if not clip.path.is_file()]
    if missing or not clips:
        what = f"names clips that {folder} does not hold ({some_of(missing)})"
        raise TrainingError(f"{table} {what if missing else 'names no clips'}. Correct it.")
    return clips


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path} cannot be read as text: {error}.") from error


def some_of(names: Sequence[str]) -> str:
    """The first few of some names."""
    return ", ".join(names[:MAX_NAMED]) + (", ..." if len(names) > MAX_NAMED else "")
