"""What can be wrong with a pattern, a wildcard file, a variable or a template."""

from ovi_studio.errors import UsageError


class ExpansionError(UsageError):
    """A prompt cannot be expanded; the message says where and what to write instead."""


class BlankError(ExpansionError):
    """A template says what is not allowed, or cannot be filled."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        """1-based, in the template."""
        self.reason = reason
