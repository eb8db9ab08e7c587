"""Wildcard files: text files whose lines are what `__name__` stands for.

One entry a line; empty lines and lines that begin with `#` are left out (`\\#` begins an entry with
that sign). An entry is a pattern: it may hold alternatives and other wildcards, and begin with a
weight such as `3::`. Names may hold folders (`__people/voices__`) and stars (`__light*__`: the
entries of all files that match). Which folders are searched is for the caller to say.
"""

import difflib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from ovi_studio.expand.errors import ExpansionError
from ovi_studio.expand.grammar import read_entry
from ovi_studio.expand.pattern import Option

SUFFIX = ".txt"


class Wildcards:
    """The wildcard files of some folders; each is read once, when it is first named."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """A name is looked up in the first folder that has it."""
        self._folders = folders
        self._known: dict[str, tuple[Option, ...]] = {}
        self._being_read: list[str] = []

    def names(self) -> list[str]:
        """All names that can be written between underscores, sorted."""
        return sorted(self._files())

    def options(self, name: str, nesting: int) -> Sequence[Option]:
        """The entries of the wildcard, read at that depth.

        Raises ExpansionError for a name that no file has, or that would leave the folders, for a
        file that cannot be read or holds nothing, and for wildcards that go in a circle.
        """
        _check_name(name)
        if "*" not in name:
            return self._entries(name, nesting)
        matching = [known for known in self.names() if fnmatchcase(known, name)]
        if not matching:
            raise self._unknown(name)
        return [option for known in matching for option in self._entries(known, nesting)]

    def _entries(self, name: str, nesting: int) -> tuple[Option, ...]:
        if name in self._being_read:
            circle = [*self._being_read[self._being_read.index(name) :], name]
            raise ExpansionError(
                f"Wildcards go in a circle: {' -> '.join(circle)}. Take one of them out."
            )
        if name not in self._known:
            path = self._path_of(name)
            self._being_read.append(name)
            try:
                self._known[name] = self._read(path, nesting)
            finally:
                self._being_read.pop()
        return self._known[name]

    def _read(self, path: Path, nesting: int) -> tuple[Option, ...]:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ExpansionError(f"The wildcard file {path} cannot be read: {error}.") from error
        options = []
        for number, line in enumerate(text.splitlines(), 1):
            entry = line.strip()
            if not entry or entry.startswith("#"):
                continue
            try:
                options.append(read_entry(entry, self, nesting))
            except ExpansionError as error:
                raise ExpansionError(f"{path}, line {number}: {error}") from error
        if not options:
            raise ExpansionError(f"The wildcard file {path} holds no entry. Write one a line.")
        return tuple(options)

    def _path_of(self, name: str) -> Path:
        for folder in self._folders:
            path = folder / f"{name}{SUFFIX}"
            if path.is_file():
                if not path.resolve().is_relative_to(folder.resolve()):
                    raise ExpansionError(
                        f"The wildcard __{name}__ leads out of {folder}. Put the file itself there."
                    )
                return path
        raise self._unknown(name)

    def _files(self) -> dict[str, Path]:
        """Name to file; a folder named earlier wins."""
        found: dict[str, Path] = {}
        for folder in self._folders:
            for path in folder.rglob(f"*{SUFFIX}"):
                name = path.relative_to(folder).with_suffix("").as_posix()
                found.setdefault(name, path)
        return found

    def _unknown(self, name: str) -> ExpansionError:
        near = difflib.get_close_matches(name, self.names(), n=1)
        hint = f" Did you mean __{near[0]}__?" if near else ""
        places = ", ".join(map(str, self._folders)) or "no folder"
        return ExpansionError(
            f"There is no wildcard file {name}{SUFFIX}; looked in {places}.{hint} "
            r"For the underscores themselves write \_\_."
        )


def _check_name(name: str) -> None:
    """Refuses names that could lead out of a folder."""
    parts = PurePosixPath(name).parts
    is_plain = name == "/".join(parts) and ".." not in parts and not name.startswith("/")
    if not is_plain or any(c in name for c in '\\:\0"<>?'):
        raise ExpansionError(
            f"__{name}__ is no name for a wildcard: it may only lead into folders, as in "
            r"__people/voices__. For the underscores themselves write \_\_."
        )
