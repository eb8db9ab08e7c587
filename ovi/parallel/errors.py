"""What goes wrong between ranks, told by the rank where it went wrong first."""

from dataclasses import dataclass

from ovi import errors


class RankError(RuntimeError):
    """A rank failed or was lost; the others have been ended, so the models must be loaded anew.

    No `OviError`: the process that meets it should not be trusted with the next clip.
    """


class RankOutOfMemory(RankError, MemoryError):  # noqa: N818 - as torch calls it
    """A rank had not enough memory on its device."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a rank is no more, in words that travel between processes."""

    rank: int
    device: str
    kind: str
    """Name of the exception's class; "" for a process that ended without a word."""
    message: str
    traceback: str = ""
    is_echo: bool = False
    """Only a consequence of another rank's end: its exchange with that rank broke off."""

    def as_error(self) -> Exception:
        """The exception to raise for it where the user is.

        An error with a message meant for the user keeps its class and its words.
        """
        known = getattr(errors, self.kind, None)
        if isinstance(known, type) and issubclass(known, errors.OviError):
            return known(self.message)
        said = f"{self.kind}: {self.message}" if self.kind else self.message
        text = f"Rank {self.rank} on {self.device} failed. {said}"
        if self.traceback:
            text += f"\n\nIts traceback:\n{self.traceback}"
        if "OutOfMemory" in self.kind or self.kind == "MemoryError":
            return RankOutOfMemory(text)
        return RankError(text)
