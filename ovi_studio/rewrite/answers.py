"""Reads what a model answered, however it is dressed: JSON, JSON among other text, cut JSON, lines.

Answers are found by the names of the rows and the numbers of the segments, never by their order.
Nothing here trusts anything: sizes are bounded, and what was not asked for is left out.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_CHARACTERS = 400_000
"""Searched of an answer that is not JSON as a whole; the rest is left."""

MAX_VALUES = 20_000
"""Looked at in one answer."""

_ROW_KEYS = ("row", "id", "row_id", "key")
_LINE_KEYS = ("lines", "segments", "answers", "texts")
_NUMBER_KEYS = ("segment", "number", "line", "n", "index", "id")
_TEXT_KEYS = ("text", "words", "line", "speech", "content", "new")

_FENCE = re.compile(r"```[a-zA-Z]*\s*(.*?)(?:```|\Z)", re.DOTALL)
_THOUGHTS = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_TRAILING_COMMA = re.compile(r",(\s{0,20}[}\]])")
_BRACKET = re.compile(r"[{\[]")
_LINE = re.compile(
    r"[\s>*\-|]*[\[(]?(?:row )?(r\d{1,6})[\])]?(?:[\s.:/,#|-]|segment)*[\[(]?(\d{1,4})[\])]?"
    r" ?[.:)|=-]+(.+)",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"[\s*\-]*[\[(]?(\d{1,3})[\])]? ?[.:)](.+)")
_REFUSAL = re.compile(
    r"\A\W*(?:i['’]?m (?:very |so )?(?:sorry|afraid|unable)|sorry\b"
    r"|i (?:can['’]?t|cannot|won['’]t|will not|am unable|am sorry)"
    r"|i apologi[sz]e|unfortunately,? i|as an ai language model\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A row as it was asked for."""

    key: str
    """`r1`, `r2` ...: unique among the rows of a request."""
    num_segments: int


@dataclass(frozen=True, slots=True)
class RowAnswer:
    """What was answered for a row."""

    words: tuple[str, ...] = ()
    """One for each segment, uncleaned; empty if there is a problem."""
    problem: str = ""
    """To be told to the model."""


def read_answers(text: str, wanted: Sequence[Wanted]) -> dict[str, RowAnswer]:
    """What a text answers for each row, by the key of the row."""
    text = _THOUGHTS.sub(" ", text)
    found: dict[str, dict[int, str]] = {}
    for row_key, segments in _found_in(text, wanted):
        if row_key in found:
            continue  # the first answer counts: a second one may be an echo of the instructions
        found[row_key] = segments
    return {row.key: _judged(row, found.get(row.key)) for row in wanted}


def looks_refused(text: str) -> bool:
    """True if a text is an excuse instead of an answer."""
    return _REFUSAL.match(text[:200]) is not None


def _judged(row: Wanted, segments: Mapping[int, str] | None) -> RowAnswer:
    if not segments:
        return RowAnswer(problem="there was no answer for it")
    expected = range(1, row.num_segments + 1)
    if missing := [number for number in expected if number not in segments]:
        return RowAnswer(problem=f"segment {missing[0]} is missing; give {row.num_segments}")
    if len(segments) > row.num_segments:
        return RowAnswer(
            problem=f"it has {len(segments)} segments; give exactly {row.num_segments}"
        )
    return RowAnswer(tuple(segments[number] for number in expected))


def _found_in(text: str, wanted: Sequence[Wanted]) -> Iterator[tuple[str, dict[int, str]]]:
    known = {row.key for row in wanted}
    only = wanted[0] if len(wanted) == 1 else None
    is_found = False
    for document in iter_json(text):
        for row_key, segments in _rows_of(document, known, only):
            is_found = True
            yield row_key, segments
    if not is_found:
        yield from _rows_of_lines(text[:MAX_CHARACTERS], known, only)


def iter_json(text: str) -> Iterator[Any]:
    """The JSON values in a text: all of it, or those in fences or among words, whole or cut."""
    pieces = [text.strip(), *(match[1].strip() for match in _FENCE.finditer(text))]
    for piece in pieces:
        value = _parsed(piece)
        if value is not None:
            yield value
            return
    text = text[:MAX_CHARACTERS]
    start, end = text.find("{"), text.rfind("}")
    mended = _parsed(_TRAILING_COMMA.sub(r"\1", text[start : end + 1])) if start >= 0 else None
    if mended is not None:
        yield mended
        return
    decoder = json.JSONDecoder()
    position, num_tries = 0, 0
    while num_tries < 300:  # each try costs at most what is left of the text
        match = _BRACKET.search(text, position)
        if match is None:
            break
        num_tries += 1
        try:
            value, position = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            position = match.start() + 1
            continue
        yield value


def _parsed(text: str) -> Any:
    """The object or list that a text is; None if it is none."""
    if not text.startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _rows_of(
    document: Any, known: set[str], only: Wanted | None
) -> Iterator[tuple[str, dict[int, str]]]:
    """The rows in a JSON value, wherever they stand in it."""
    waiting = [document]
    num_seen = 0
    while waiting and num_seen < MAX_VALUES:
        value = waiting.pop(0)
        num_seen += 1
        if isinstance(value, list):
            texts = _segments_of(value) if only is not None else {}
            if texts and num_seen == 1:
                assert only is not None
                yield only.key, texts
                return
            waiting.extend(value[:MAX_VALUES])
        elif isinstance(value, dict):
            row_key = _first(value, _ROW_KEYS, str)
            lines = next((value[key] for key in _LINE_KEYS if key in value), None)
            if row_key is None and only is not None and isinstance(lines, list | dict | str):
                row_key = only.key
            if isinstance(row_key, str) and row_key in known:
                yield row_key, _segments_of(lines if lines is not None else value)
                continue
            for name, inner in value.items():
                if name in known and isinstance(inner, list | dict | str):
                    yield name, _segments_of(_lines_in(inner))
                elif isinstance(inner, list | dict):
                    waiting.append(inner)


def _lines_in(value: Any) -> Any:
    """`{"lines": [...]}` stands for its lines."""
    if isinstance(value, dict):
        return next((value[key] for key in _LINE_KEYS if key in value), value)
    return value


def _segments_of(value: Any) -> dict[int, str]:
    """Number to text; a list of bare texts is numbered in its order."""
    if isinstance(value, str):
        return {1: value}
    if isinstance(value, dict):
        text = _first(value, _TEXT_KEYS, str)
        if text is not None:
            return {_number_of(value, 1): text}
        return {
            int(name): inner
            for name, inner in value.items()
            if isinstance(inner, str) and name.isdecimal() and len(name) < 5
        }
    segments: dict[int, str] = {}
    if isinstance(value, list):
        for place, item in enumerate(value[:MAX_VALUES], 1):
            if isinstance(item, str):
                segments.setdefault(place, item)
            elif isinstance(item, dict):
                text = _first(item, _TEXT_KEYS, str)
                if text is not None:
                    segments.setdefault(_number_of(item, place), text)
    return segments


def _number_of(value: Mapping[str, Any], otherwise: int) -> int:
    for key in _NUMBER_KEYS:
        number = value.get(key)
        if isinstance(number, bool):
            continue
        if isinstance(number, int):
            return number
        if isinstance(number, str) and number.strip().isdecimal() and len(number) < 6:
            return int(number)
    return otherwise


def _first(value: Mapping[str, Any], keys: Sequence[str], kind: type) -> Any:
    return next((value[key] for key in keys if isinstance(value.get(key), kind)), None)


def _rows_of_lines(
    text: str, known: set[str], only: Wanted | None
) -> Iterator[tuple[str, dict[int, str]]]:
    """Plain text: `r1.2: words`, one a line; of a single row also `2. words`, or just the words."""
    rows: dict[str, dict[int, str]] = {}
    lines = [line for line in text.splitlines() if line.strip() and len(line) < 5000][:MAX_VALUES]
    for line in lines:
        if (match := _LINE.fullmatch(line)) and match[1].lower() in known:
            rows.setdefault(match[1].lower(), {}).setdefault(int(match[2]), match[3].strip())
    if rows or only is None or looks_refused(text):
        yield from rows.items()
        return
    numbered = [match for line in lines if (match := _NUMBERED.fullmatch(line))]
    if numbered:
        yield only.key, {int(match[1]): match[2].strip() for match in numbered}
    elif len(lines) == only.num_segments and not any("{" in line for line in lines):
        yield only.key, dict(enumerate(lines, 1))
