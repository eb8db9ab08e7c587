"""What the user wants of a rewrite, the rows to be rewritten, and what became of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ovi.spec.variants import Variant
from ovi_studio.prompt.model import Prompt
from ovi_studio.prompt.prompt_set import PromptRow
from ovi_studio.rewrite.budget import Budget
from ovi_studio.rewrite.part import Part, Slot


class Purpose(StrEnum):
    """Which system prompt is used: `templates/rewrite/<purpose>.jinja`."""

    REWRITE = "rewrite"
    TRANSLATE = "translate"
    IDEA = "idea"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How the new words should be."""

    theme: str = ""
    part: Part = Part.SPEECH
    language: str = ""
    """"" keeps each line's own."""
    tone: str = ""
    voice: str = ""
    purpose: Purpose = Purpose.REWRITE

    def values(self) -> Mapping[str, str]:
        """What the system prompt may say about it."""
        return {
            "theme": self.theme,
            "part": str(self.part),
            "language": self.language,
            "tone": self.tone,
            "voice": self.voice,
        }


@dataclass(frozen=True, slots=True)
class Task:
    """One new version of one row."""

    row: PromptRow
    draw: int
    """1-based: which of several versions."""
    prompt: Prompt
    slots: tuple[Slot, ...]
    budgets: tuple[Budget | None, ...]
    """One for each slot; None where nothing is spoken."""
    variant: Variant

    @property
    def key(self) -> tuple[str, int]:
        """Tells tasks apart."""
        return self.row.id, self.draw


class Status(StrEnum):
    """What became of a row."""

    REWRITTEN = "rewritten"
    KEPT = "kept"
    """Its old text stays; `RowResult.reason` says why."""


class Source(StrEnum):
    """Where new words come from."""

    MODEL = "model"
    STORE = "stored answer"
    """An answer of an earlier run, which costs nothing."""
    OFFLINE = "offline bank"
    USER = "edited"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """A row that is done."""

    task: Task
    status: Status
    text: str
    """The prompt, new or old."""
    words: tuple[str, ...] = ()
    """What fills the slots; empty if the row was kept."""
    reason: str = ""
    source: Source = Source.MODEL
    num_tries: int = 0
    """How often a model was asked."""
    time: str = ""
    """UTC, ISO 8601: when the words were written."""
    notes: tuple[str, ...] = field(default=())
    """Why earlier answers were refused."""

    @property
    def is_rewritten(self) -> bool:
        """True if there is a new text."""
        return self.status is Status.REWRITTEN
