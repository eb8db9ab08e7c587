"""What the gallery and the windows it opens share: the library, and what can be undone."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ovi_studio.actions.library import ClipLibrary

MAX_UNDONE = 100


@dataclass(frozen=True, slots=True)
class Undo:
    """How to take an act back."""

    name: str
    """of the act, to be told"""
    undo: Callable[[], object]
    """called in a thread"""
    then: Callable[[], object] | None = None
    """called on the event loop after it"""


@dataclass(slots=True)
class ClipSession:
    """One gallery's work."""

    library: ClipLibrary
    undos: list[Undo] = field(default_factory=list)
    """the latest last"""

    def remember(self, undo: Undo) -> None:
        """Keeps how to take an act back."""
        self.undos.append(undo)
        del self.undos[:-MAX_UNDONE]
