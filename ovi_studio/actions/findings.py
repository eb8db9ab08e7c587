"""What `ovi doctor` finds: one check, how bad it is, and how to mend it."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    """something will not work, or not well"""
    ERROR = "error"
    """renders as configured will fail"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    check: str
    status: Status
    message: str
    remedy: str = ""
    """One sentence; empty when nothing is to be done."""
