"""Whether a Ray cluster can be rendered on: asked before anything is planned or queued."""

import importlib.util
import socket

from ovi_studio.errors import MissingExtraError, UsageError

KNOCK_SECONDS = 10.0
"""How long the head of a cluster may take to answer."""


def check_cluster(address: str) -> None:
    """Raises MissingExtraError without the package that clusters need, UsageError if nobody answers
    at the address. Where `auto` leads to is left to Ray.
    """
    ensure_ray()
    if not address.strip():
        raise UsageError("--cluster needs an address, such as --cluster HEAD:6379, or auto.")
    try:
        knock_at(address)
    except (OSError, OverflowError) as error:
        raise UsageError(describe_silence(address, error)) from error


def ensure_ray() -> None:
    """Raises MissingExtraError without the package that clusters need."""
    if importlib.util.find_spec("ray") is None:
        raise MissingExtraError(
            "Rendering on a cluster needs ray, which is not installed here: "
            'pip install "ovi-studio[cluster]".'
        )


def knock_at(address: str) -> None:
    """Raises OSError when nobody listens at HOST:PORT; Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), KNOCK_SECONDS).close()


def describe_silence(address: str, error: Exception) -> str:
    """The sentence for a cluster that does not answer."""
    return (
        f"The cluster at {address} cannot be reached ({error}). Start it with "
        "`ray start --head --disable-usage-stats`, or correct the address."
    )
