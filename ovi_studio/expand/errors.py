"""What can be wrong with a pattern, a wildcard file, a variable or a template."""

from ovi_studio.errors import UsageError


class ExpansionError(UsageError):
    """A prompt cannot be expanded; the message says where and what to write instead."""
