"""Keys of rows: equal keys mean the same row, or the same clip.

Keys are 64-bit hashes, so that a set of a million rows can be compared without being held. Of the
prompt its essence counts, so that mending a row never makes it a duplicate.
"""

from functools import lru_cache

from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.prompt_set import (
    AUDIO_NEGATIVE_COLUMNS,
    ID_COLUMN,
    IGNORE_COLUMN,
    IMAGE_COLUMN,
    TEXT_COLUMN,
    VIDEO_NEGATIVE_COLUMNS,
)

_NAMES = (ID_COLUMN, IGNORE_COLUMN)
"""Columns that say nothing about the clip and nothing about the row."""

_OPTIONS = (
    "variant model_name mode size height width seed repeats steps num_steps sample_steps solver "
    "solver_name shift video_guidance video_guidance_scale audio_guidance audio_guidance_scale "
    "slg_layer"
)
_DECIDING = frozenset(
    (
        TEXT_COLUMN,
        IMAGE_COLUMN,
        *VIDEO_NEGATIVE_COLUMNS,
        *AUDIO_NEGATIVE_COLUMNS,
        *_OPTIONS.split(),
    )
)
"""Columns that change a clip, as rendering reads them."""


def row_key(subject: Subject) -> int:
    """Equal for rows that say the same in all their cells but `id` and `ignore`."""
    values = subject.row.values
    cells = [values.get(name, "").strip() for name in _columns(subject.row.columns)[0]]
    return hash((subject.prompt_key, *cells))


def clip_key(subject: Subject) -> int:
    """Equal for rows that make the same clip."""
    values = subject.row.values
    cells = [values.get(name, "").strip() for name in _columns(subject.row.columns)[1]]
    return hash((subject.prompt_key, *cells))


def has_notes(columns: tuple[str, ...]) -> bool:
    """True if some column has no say in the clip."""
    every, deciding = _columns(columns)
    return len(every) > len(deciding)


@lru_cache(maxsize=16)
def _columns(columns: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns of a row besides its prompt: all, and those that decide."""
    every = tuple(name for name in columns if name not in (TEXT_COLUMN, *_NAMES))
    return every, tuple(name for name in every if name in _DECIDING)
