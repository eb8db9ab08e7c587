"""Takes prompts from JSON: lists of texts or objects, JSON lines, ComfyUI workflows."""

import json
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from ovi_studio.errors import UsageError
from ovi_studio.project.comfyui import FoundPrompt, find_prompts, is_workflow, picture_names
from ovi_studio.project.import_rows import IMAGE_NAMES, TEXT_NAMES, Gathering, Imported, our_name
from ovi_studio.prompt.prompt_set import IMAGE_COLUMN, TEXT_COLUMN

MAX_BYTES = 256 << 20
"""Of a JSON file, which has to be read whole."""

MAX_LINE_CHARACTERS = 4 << 20
"""Of one line of a JSON lines file."""

LIST_NAMES = ("prompts", "rows", "items", "examples", "data")
"""Keys under which a document may keep its list."""


def import_json(path: Path, known_columns: Set[str]) -> Imported:
    """The prompts of a JSON file. Of objects, the keys in `known_columns` become columns.

    Raises UsageError for what is no JSON, or holds nothing that could be a prompt.
    """
    if path.stat().st_size > MAX_BYTES:
        raise UsageError(
            f"{path} is larger than {MAX_BYTES >> 20} MiB. Split it, or save it as JSON lines."
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text; save it as UTF-8.") from error
    return import_document(read_json(text, str(path)), str(path), known_columns)


def read_json(text: str, place: str) -> Any:
    """A JSON document. Raises UsageError that names the line of what is none."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{place}, line {error.lineno}: this is not JSON: {error.msg}.") from error
    except RecursionError as error:
        raise UsageError(f"{place} is nested too deeply to be a list of prompts.") from error
    except ValueError as error:  # a number of thousands of digits
        raise UsageError(f"{place} is not JSON that can be read: {error}.") from error


def import_document(document: Any, place: str, known_columns: Set[str]) -> Imported:
    """The prompts of a JSON document. Raises UsageError if there is nothing that could be one."""
    gathering = Gathering()
    if is_workflow(document):
        take_workflow(gathering, document)
        return gathering.imported("a ComfyUI workflow")
    items = _list_in(document)
    if items is None:
        raise UsageError(
            f"{place} holds no list of prompts. Known are a list of texts, a list of objects with "
            f"one of the keys {', '.join(TEXT_NAMES)}, and ComfyUI workflows."
        )
    for number, item in enumerate(items, 1):
        _take_item(gathering, item, f"item {number}", known_columns)
    return gathering.imported("JSON, one prompt an item")


def import_json_lines(path: Path, known_columns: Set[str]) -> Imported:
    """The prompts of a JSON lines file, one value a line. Lines that are no JSON are left out.

    Raises UsageError for bytes that are no UTF-8.
    """
    gathering = Gathering()
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as stream:
            for number, line in _bounded_lines(stream):
                place = f"line {number}"
                if line is None:
                    gathering.leave(place, f"longer than {MAX_LINE_CHARACTERS:,} characters")
                elif line.strip():
                    _take_line(gathering, line, place, known_columns)
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text; save it as UTF-8.") from error
    return gathering.imported("JSON lines, one prompt a line")


def take_workflow(gathering: Gathering, document: Any) -> None:
    """Takes the prompts of a ComfyUI workflow."""
    found = find_prompts(document)
    for prompt in found:
        gathering.take(f"node {prompt.node}", cells_of(prompt))
    if not found:
        gathering.leave("the workflow", "no node with a prompt's text")
    for name in picture_names(document):
        gathering.leave(name, "a picture in ComfyUI's own input folder")


def cells_of(prompt: FoundPrompt) -> dict[str, str]:
    """A prompt as cells."""
    more = {"video_negative": prompt.negative, "seed": prompt.seed}
    return {TEXT_COLUMN: prompt.text, **{name: text for name, text in more.items() if text.strip()}}


def _list_in(document: Any) -> list[Any] | None:
    """The list that the document is, or holds; a lone object or text is a list of one."""
    if isinstance(document, dict):
        for name in LIST_NAMES:
            if isinstance(document.get(name), list):
                items: list[Any] = document[name]
                return items
        return [document] if _text_of(document) is not None else None
    if isinstance(document, str):
        return [document]
    return document if isinstance(document, list) else None


def _bounded_lines(stream: Any) -> Iterator[tuple[int, str | None]]:
    """Number and text of each line; None for one that is too long to be held."""
    number = 0
    while line := stream.readline(MAX_LINE_CHARACTERS):
        number += 1
        if len(line) < MAX_LINE_CHARACTERS or line.endswith("\n"):
            yield number, line
            continue
        while (rest := stream.readline(MAX_LINE_CHARACTERS)) and not rest.endswith("\n"):
            pass
        yield number, None


def _take_line(gathering: Gathering, line: str, place: str, known_columns: Set[str]) -> None:
    try:
        item = json.loads(line)
    except (ValueError, RecursionError):
        gathering.leave(place, "no JSON")
        return
    _take_item(gathering, item, place, known_columns)


def _take_item(gathering: Gathering, item: Any, place: str, known_columns: Set[str]) -> None:
    if isinstance(item, str):
        gathering.take(place, {TEXT_COLUMN: item})
        return
    text = _text_of(item) if isinstance(item, dict) else None
    if text is None:
        gathering.leave(place, f"neither a text nor an object with {' or '.join(TEXT_NAMES[:3])}")
        return
    cells = {TEXT_COLUMN: text}
    image = next((item[name] for name in IMAGE_NAMES if isinstance(item.get(name), str)), "")
    if image:
        cells[IMAGE_COLUMN] = image
    for name, value in item.items():
        column = our_name(name)
        if column in cells or name in TEXT_NAMES:
            continue
        if column in known_columns and isinstance(value, str | int | float):
            cells[column] = str(value)
        elif value is not None:
            gathering.leave(place, f"the key {_shortened(name)}, which sets know nothing of")
    gathering.take(place, cells)


def _text_of(item: Mapping[str, Any]) -> str | None:
    return next((item[name] for name in TEXT_NAMES if isinstance(item.get(name), str)), None)


def _shortened(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:39]}…"
