"""Prompt templates: Jinja2 files that open with a header naming their purpose and their blanks.

    {#
    One person talks to the camera.

    speaker: who talks, and how they look (default an old fisherman in a yellow oilskin)
    line: the words spoken
    music: what plays meanwhile (optional)
    #}
    A close shot of {{ speaker }} ...

A blank without default must be filled; an optional one is empty, for `{% if music %}`. A longer
description goes on in an indented line. What templates may say is `expand/sandbox.py`.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ovi_studio.expand.errors import BlankError, ExpansionError

SUFFIX = ".jinja"

_HEADER = re.compile(r"\s*\{#-?(.*?)-?#\}\s*", re.DOTALL)
_BLANK = re.compile(
    r"([A-Za-z_]\w*):\s+(?!\()(.*?)(?:\s+\((?:default (.+)|(optional))\))?", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Blank:
    """One place of a template to fill in."""

    name: str
    description: str
    default: str | None
    """None: it must be filled; "": it may stay empty."""


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """A template as its file describes it."""

    name: str
    purpose: str
    """One line."""
    blanks: tuple[Blank, ...]
    source: str
    """The whole file: the header is a comment, and lines in messages are those of the file."""
    path: Path | None = None

    def fill(self, values: Mapping[str, str]) -> str:
        """The prompt, in one line, with these blanks filled and the others as they default to.

        Raises ExpansionError for a blank that does not exist and for one that must be filled.
        """
        from ovi_studio.expand.sandbox import read_blanks

        known = [blank.name for blank in self.blanks]
        for name in values:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f" Did you mean {near[0]}?" if near else ""
                raise ExpansionError(
                    f"The template {self.name} has no blank {name!r}. It has: "
                    f"{', '.join(known)}.{hint}"
                )
        filled = {blank.name: values.get(blank.name, blank.default) for blank in self.blanks}
        missing = [name for name, value in filled.items() if value is None]
        if missing:
            wanted = " ".join(f"--set {name}=..." for name in missing)
            raise ExpansionError(
                f"The template {self.name} needs {' and '.join(missing)}: give {wanted}"
            )
        written = read_blanks(self.source).fill({k: v or "" for k, v in filled.items()})
        return " ".join(written.split())


def read_template(name: str, source: str, path: Path | None = None) -> PromptTemplate:
    """The template that a file holds.

    Raises ExpansionError for a header that is missing or wrong, and for a blank that the text uses
    and the header does not name, or the reverse.
    """
    from ovi_studio.expand.sandbox import read_blanks

    place = str(path or name)
    header = _HEADER.match(source)
    if header is None:
        raise ExpansionError(
            f"{place} has no header. Begin it with {{# one line on its purpose, an empty line, and "
            "a line `name: what it is (default ...)` for each blank #}."
        )
    purpose, _, described = header[1].strip().partition("\n")
    if not purpose.strip():
        raise ExpansionError(f"{place}: the first line of the header has to say its purpose.")
    blanks = tuple(_read_blank(place, line) for line in _join_lines(described))
    try:
        used = read_blanks(source).names
    except BlankError as error:
        raise ExpansionError(f"{place}, {error}") from error
    _compare(place, [blank.name for blank in blanks], used)
    return PromptTemplate(name, purpose.strip(), blanks, source, path)


def _join_lines(described: str) -> list[str]:
    """One line for each blank: indented lines go on with the line before."""
    joined: list[str] = []
    for line in described.splitlines():
        if line[:1].isspace() and line.strip() and joined:
            joined[-1] += f" {line.strip()}"
        elif line.strip():
            joined.append(line.strip())
    return joined


def _read_blank(place: str, line: str) -> Blank:
    written = _BLANK.fullmatch(line)
    if written is None or not written[2].strip():
        raise ExpansionError(
            f"{place}: the header line {line!r} describes no blank. "
            "Write `name: what it is (default ...)` or `(optional)`."
        )
    return Blank(written[1], written[2], "" if written[4] else written[3])


def _compare(place: str, named: Sequence[str], used: Mapping[str, int]) -> None:
    for name in named:
        if named.count(name) > 1:
            raise ExpansionError(f"{place}: the header describes {name} twice. Leave one.")
        if name not in used:
            raise ExpansionError(
                f"{place}: the header describes {name}, and the text never uses it. "
                f"Write {{{{ {name} }}}} or leave it out of the header."
            )
    for name, line in used.items():
        if name not in named:
            raise ExpansionError(
                f"{place}, line {line}: {name} is not in the header. Add a line "
                f"`{name}: what it is (default ...)`."
            )


def find_templates(folders: Sequence[Path]) -> dict[str, Path]:
    """Name to file of all templates in the folders, sorted; a folder named earlier wins."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in folder.glob(f"*{SUFFIX}"):
            found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def load_template(name: str, folders: Sequence[Path]) -> PromptTemplate:
    """The template of that name. Raises ExpansionError that lists the others."""
    found = find_templates(folders)
    if name not in found:
        near = difflib.get_close_matches(name, found, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ExpansionError(
            f"There is no template {name!r}. There are: {', '.join(found) or 'none'}.{hint}"
        )
    return read_template_file(found[name])


def read_template_file(path: Path) -> PromptTemplate:
    """The template in a file. Raises ExpansionError."""
    try:
        source = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ExpansionError(f"The template {path} cannot be read: {error}.") from error
    return read_template(path.stem, source, path)
