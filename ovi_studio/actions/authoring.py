"""Writing prompts anew in another form: what `ovi fmt` and `ovi convert` do, for every screen.

Words are never touched. What is changed in a file goes through `save_edits`: other cells stay byte
for byte, and a change that someone else makes meanwhile is kept.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ovi.spec.variants import VARIANTS, AudioForm, Variant
from ovi_studio.errors import UsageError
from ovi_studio.project.config import StudioConfig
from ovi_studio.project.delimited import Record
from ovi_studio.project.prompt_file import file_version, save_edits
from ovi_studio.project.prompt_sources import rows_of
from ovi_studio.project.set_changes import changed_bytes, repeat_after_others
from ovi_studio.project.sets import SetRow
from ovi_studio.prompt.format import canonical, format_for
from ovi_studio.prompt.parse import parse_prompt
from ovi_studio.prompt.prompt_set import TEXT_COLUMN, PromptRow

VARIANT_COLUMNS = ("variant", "model_name")


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row whose prompt is written differently."""

    row: PromptRow
    text: str
    """The new prompt."""

    @property
    def lines(self) -> tuple[str, str]:
        """The row as it stands in its file, and as it will."""
        source = self.row.source
        assert isinstance(source, Record), "rows of a file have a record"
        index = self.row.columns.index(TEXT_COLUMN)
        return source.raw, source.with_values({index: self.text}).raw


Rewriting = Callable[[PromptRow], str]
"""Gives the new text of a row's prompt."""


def formatting(config: StudioConfig, variant: Variant | None) -> Rewriting:
    """Canonical form for `variant`, else for the row's own, else for the configured one.

    Where nobody names a variant, a caption keeps the form it has.
    """
    configured = VARIANTS.get(config.variant_name) if config.names_variant else None

    def rewrite(row: PromptRow) -> str:
        chosen = variant or variant_of(row) or configured
        return formatted(row.text, chosen.audio_form if chosen else None)

    return rewrite


def conversion(variant: Variant) -> Rewriting:
    """The audio caption in the variant's form, every other character as it is."""
    return lambda row: format_for(row.text, variant.audio_form)


def formatted(text: str, form: AudioForm | None) -> str:
    """A prompt in canonical form; None: its caption keeps the form it has."""
    prompt = parse_prompt(text)
    if form is None:
        form = prompt.audio.form if prompt.audio else AudioForm.PREFIXED
    return canonical(prompt, form)


def is_in_form(text: str, form: AudioForm) -> bool:
    """True if no caption of the prompt is in another form."""
    return all(caption.form is form for caption in parse_prompt(text).captions)


def variant_of(row: PromptRow) -> Variant | None:
    """The variant that the row itself names; None if it names none that exists."""
    named = (row.values.get(column, "").strip() for column in VARIANT_COLUMNS)
    return next((VARIANTS[name] for name in named if name in VARIANTS), None)


def row_of_text(text: str) -> PromptRow:
    """A prompt that comes from no file, as a row."""
    return PromptRow("1", 1, text, {TEXT_COLUMN: text})


def iter_changes(source: SetRow, rewrite: Rewriting) -> Iterator[RowChange]:
    """The rows that would be written differently. Raises PromptFileError."""
    for row in rows_of(source):
        text = rewrite(row)
        if text != row.text:
            yield RowChange(row, text)


def rewrite_set(source: SetRow, rewrite: Rewriting) -> int:
    """Writes prompts of a set anew, in place; returns how many. Raises PromptFileError."""
    num_changed = 0

    def change() -> None:
        nonlocal num_changed
        version = file_version(source.path)
        edits = {
            change.row.id: {TEXT_COLUMN: change.text} for change in iter_changes(source, rewrite)
        }
        if edits:
            save_edits(source.path, edits, version)
        num_changed = len(edits)

    repeat_after_others(change)
    return num_changed


def rewritten_bytes(source: SetRow, rewrite: Rewriting) -> Iterator[bytes]:
    """A set with its prompts written anew, every other byte as it was, as pieces of a file."""
    if source.row_id is not None:
        raise UsageError("A single row makes no file: name the set, or use --in-place.")
    return changed_bytes(source.path, rewrite)


def rows_of_other_variants(path: Path, variant: Variant) -> int:
    """How many rows name a variant of their own with another caption form."""
    own = (variant_of(row) for row in rows_of(SetRow(path)))
    return sum(1 for other in own if other and other.audio_form is not variant.audio_form)
