"""Fixing prompts and sets: what `ovi lint --fix` and `--diff` do, for every screen.

What is changed in a file goes through `save_edits`: other cells stay byte for byte, and a change
that someone else makes meanwhile is kept.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ovi_studio.actions.authoring import RowChange
from ovi_studio.actions.linting import LintOptions, as_file, row_of
from ovi_studio.errors import PromptFileError
from ovi_studio.lint.diagnostic import Fix
from ovi_studio.lint.fixer import Fixer
from ovi_studio.lint.registry import is_ignored
from ovi_studio.lint.rule import Rule
from ovi_studio.lint.same_clip import clip_key, row_key
from ovi_studio.lint.subject import Subject, Target
from ovi_studio.project.delimited import Record
from ovi_studio.project.prompt_file import file_version, iter_rows, read_header, save_edits
from ovi_studio.project.prompt_sources import TextSource
from ovi_studio.project.set_changes import repeat_after_others
from ovi_studio.project.sets import SetRow
from ovi_studio.prompt.prompt_set import TEXT_COLUMN, PromptRow

Edits = dict[str, dict[str, str]]
"""Row id to column to the new text of the cell."""


@dataclass(frozen=True, slots=True)
class RowFix(RowChange):
    """A row that fixes change, in any of its cells."""

    cells: Mapping[str, str]
    """By column, the new texts."""

    @property
    def lines(self) -> tuple[str, str]:
        """The row as it stands in its file, and as it will."""
        source = self.row.source
        assert isinstance(source, Record), "rows of a file have a record"
        changes = {self.row.columns.index(name): text for name, text in self.cells.items()}
        return source.raw, source.with_values(changes).raw


@dataclass(frozen=True, slots=True)
class FileFixes:
    """What fixing a file comes to."""

    edits: Edits
    num_fixed: int
    """Findings that are mended."""


def fix_text(
    source: TextSource, options: LintOptions, *, unsafe: bool, number: int = 1
) -> tuple[str, int]:
    """A prompt with its fixes applied, and how many were."""
    fixer = Fixer(options.target(None), _wanted(options, unsafe=unsafe))
    fixed = fixer.fix(row_of(source, number))
    return fixed.row.text, len(fixed.applied)


def fix_set_text(source: TextSource, options: LintOptions, *, unsafe: bool) -> tuple[bytes, int]:
    """A whole set that came as a text, with its fixes applied, and how many were."""
    with as_file(source) as path:
        num_fixed = fix_set(SetRow(path), options, unsafe=unsafe)
        return path.read_bytes(), num_fixed


def fix_set(source: SetRow, options: LintOptions, *, unsafe: bool) -> int:
    """Applies fixes to a set, in place; returns how many. Raises PromptFileError."""
    num_fixed = 0

    def change() -> None:
        nonlocal num_fixed
        version = file_version(source.path)
        fixes = plan_fixes(source, options, unsafe=unsafe)
        if fixes.edits:
            save_edits(source.path, fixes.edits, version)
        num_fixed = fixes.num_fixed

    repeat_after_others(change)
    return num_fixed


def iter_row_fixes(source: SetRow, options: LintOptions, *, unsafe: bool) -> Iterator[RowFix]:
    """The rows that fixes would change, in order."""
    edits = plan_fixes(source, options, unsafe=unsafe).edits
    if edits:
        for row in iter_rows(source.path):
            if cells := edits.get(row.id):
                yield RowFix(row, cells.get(TEXT_COLUMN, row.text), cells)


def plan_fixes(source: SetRow, options: LintOptions, *, unsafe: bool) -> FileFixes:
    """The fixes of a set. A file that cannot be read as one has none: lint says why."""
    target = options.target(source.path)
    fixer = Fixer(target, _wanted(options, unsafe=unsafe))
    edits: Edits = {}
    num_applied: dict[str, int] = {}
    try:
        if not read_header(source.path).has_text_column:
            return FileFixes({}, 0)
        for row in iter_rows(source.path):
            if source.row_id in (None, row.id):
                fixed = fixer.fix(row)
                if fixed.changes:
                    edits[row.id] = fixed.changes
                    num_applied[row.id] = len(fixed.applied)
        while edits and (doubled := _doubled_rows(source.path, target, edits)):
            for row_id in doubled:
                del edits[row_id]
    except PromptFileError:
        return FileFixes({}, 0)
    return FileFixes(edits, sum(num_applied[row_id] for row_id in edits))


def _wanted(options: LintOptions, *, unsafe: bool) -> Callable[[PromptRow, Rule, Fix], bool]:
    """Which fixes may be applied: of the rules chosen that the row does not opt out of."""
    chosen = {rule.code for rule in options.rules}

    def is_wanted(row: PromptRow, rule: Rule, fix: Fix) -> bool:
        return (fix.is_safe or unsafe) and rule.code in chosen and not is_ignored(rule, row.ignore)

    return is_wanted


def _doubled_rows(path: Path, target: Target, edits: Edits) -> set[str]:
    """The rows whose changes make a row of the file the same as another one, or its clip."""
    doubled: set[str] = set()
    before, after = _Seen(), _Seen()
    for row in iter_rows(path):
        if not row.text.strip():
            continue
        cells = edits.get(row.id, {})
        changed = replace(
            row, text=cells.get(TEXT_COLUMN, row.text), values={**row.values, **cells}
        )
        was, old_holders = before.add(Subject(row, target))
        now, new_holders = after.add(Subject(changed, target))
        if now and now != was:
            doubled |= {row.id, *old_holders, *new_holders} & edits.keys()
    return doubled


class _Seen:
    """The rows gone by, and which of them first had which key."""

    def __init__(self) -> None:
        self._rows: dict[int, str] = {}
        self._clips: dict[int, str] = {}

    def add(self, subject: Subject) -> tuple[str, set[str]]:
        """How the row repeats an earlier one, "" if it does not, and who first had its keys."""
        row_id = subject.row.id
        same_row = self._rows.setdefault(row_key(subject), row_id)
        same_clip = self._clips.setdefault(clip_key(subject), row_id)
        how = "row" if same_row != row_id else "clip" if same_clip != row_id else ""
        return how, {same_row, same_clip}
