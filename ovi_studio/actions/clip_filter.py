"""Picks and sorts clips by what a user types into a filter: the same words on every screen."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ovi_studio.actions.clip_finding import LibraryClip

FILTER_HELP = "words · #tag · set:name · variant:name · seed:7 · row:3 · is:starred · -word"
"""What a filter may hold, in one line."""

_NAMED: Mapping[str, Callable[[LibraryClip], str]] = {
    "set": lambda clip: clip.set_name,
    "variant": lambda clip: clip.variant or "",
    "tag": lambda clip: " ".join(clip.tags),
    "note": lambda clip: clip.note,
}

_EXACT: Mapping[str, Callable[[LibraryClip], str]] = {
    "seed": lambda clip: "" if clip.seed is None else str(clip.seed),
    "row": lambda clip: clip.row_id,
}

_STATES: Mapping[str, Callable[[LibraryClip], bool]] = {
    "starred": lambda clip: clip.is_starred,
    "star": lambda clip: clip.is_starred,
    "tagged": lambda clip: bool(clip.tags),
    "noted": lambda clip: bool(clip.note),
}

SORTS: Mapping[str, Callable[[LibraryClip], Any]] = {
    "newest first": lambda clip: -clip.created,
    "oldest first": lambda clip: clip.created,
    "set and row": lambda clip: (clip.set_name.casefold(), _natural(clip.row_id), clip.seed or 0),
    "seed": lambda clip: (clip.seed is None, clip.seed or 0, clip.set_name.casefold()),
    "stars first": lambda clip: (not clip.is_starred, -clip.created),
    "name": lambda clip: clip.path.name.casefold(),
}
"""Orders by name, the first one the default."""


def matching_clips(clips: Sequence[LibraryClip], text: str) -> list[LibraryClip]:
    """The clips for which every word of the filter holds, in the order they came in.

    A plain word is looked for in prompt, file name, set, row, tags and note, whatever its case.
    See `FILTER_HELP` for the others; a `-` in front turns one round.
    """
    tests = [_test_of(word) for word in text.split()]
    return [clip for clip in clips if all(test(clip) for test in tests)]


def sorted_clips(clips: Sequence[LibraryClip], order: str) -> list[LibraryClip]:
    """The clips in one of the `SORTS`; in the first of them for a name that is none."""
    return sorted(clips, key=SORTS.get(order, next(iter(SORTS.values()))))


def _test_of(word: str) -> Callable[[LibraryClip], bool]:
    if len(word) > 1 and word.startswith("-"):
        inner = _test_of(word[1:])
        return lambda clip: not inner(clip)
    sought = word.casefold()
    if len(word) > 1 and word.startswith("#"):
        return lambda clip: any(tag.casefold().startswith(sought[1:]) for tag in clip.tags)
    kind, colon, value = sought.partition(":")
    if colon and kind == "is" and value in _STATES:
        return _STATES[value]
    if colon and kind in _EXACT:
        exact = _EXACT[kind]
        return lambda clip: exact(clip).casefold() == value
    if colon and kind in _NAMED:
        named = _NAMED[kind]
        return lambda clip: value in named(clip).casefold()
    return lambda clip: sought in _searched(clip)


def _searched(clip: LibraryClip) -> str:
    parts = (clip.prompt, clip.path.name, clip.set_name, clip.row_id, clip.note, *clip.tags)
    return "\n".join(parts).casefold()


def _natural(text: str) -> tuple[bool, int, str]:
    """Numbers by size, before words."""
    return (
        (False, int(text), "")
        if text.isdecimal() and len(text) < 19
        else (True, 0, text.casefold())
    )
