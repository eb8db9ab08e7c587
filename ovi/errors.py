"""Every error the engine raises for a reason a user can act on.

    OviError
    |-- RequestError        the request asks for something impossible
    |-- FirstFrameError     the first frame cannot be used
    |-- WeightsError        a weight file is missing, damaged or not what it should be
    |-- PlacementError      this machine cannot run it that way
    |-- NumericalError      the result is not finite
    |-- MediaError          the clip could not be written or read
    `-- Cancelled           the caller's progress function asked to stop

Each message names the thing, the place and the remedy in one or two sentences.
"""


class OviError(Exception):
    """Base of all errors with a message meant for the user."""


class RequestError(OviError, ValueError):
    """The request asks for something no render can give."""


class FirstFrameError(OviError):
    """The first frame is missing, unreadable or unusable."""


class WeightsError(OviError):
    """A weight file is missing, damaged, or does not fit the model."""


class PlacementError(OviError):
    """The device, precision or backend asked for is not available here."""


class NumericalError(OviError):
    """A stage produced values that are not finite."""


class MediaError(OviError):
    """A clip could not be encoded, written or read back."""


class Cancelled(OviError):  # noqa: N818 - a request, not a fault
    """Raised out of the loop when the caller asked to stop."""
