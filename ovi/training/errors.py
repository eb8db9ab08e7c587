"""Errors of training that a user can act on."""

from ovi.errors import OviError


class TrainingError(OviError):
    """A run cannot be started or continued as it is described."""
