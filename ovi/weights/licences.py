"""The licence of each publisher's weights, as far as it is known here.

Only what is certain is stated; the publisher's page has the terms, and they count.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ovi.weights.manifest import FP8_SOURCE, OVI_SOURCE

PICTURE_SOURCE = "black-forest-labs/FLUX.1-Krea-dev"
"""The image model that mode t2i2v uses unless told otherwise. It lies in the hub's own cache."""


@dataclass(frozen=True, slots=True)
class Licence:
    """What is known of the terms of one repository."""

    source: str
    """Repository on the Hugging Face hub."""
    name: str
    """Name of the licence, or `see the publisher's page`."""
    note: str = ""
    """A sentence on what to mind; empty when there is nothing."""
    is_gated: bool = False
    """True if files are given only to accounts that accepted the terms."""

    @property
    def page(self) -> str:
        """The publisher's page, where the terms stand."""
        return f"https://huggingface.co/{self.source}"


_UNKNOWN = "see the publisher's page"

_KNOWN = {
    licence.source: licence
    for licence in (
        Licence(OVI_SOURCE, "Apache-2.0"),
        Licence(
            FP8_SOURCE,
            _UNKNOWN,
            "It is a conversion of the Ovi weights by another publisher.",
        ),
        Licence("Wan-AI/Wan2.2-TI2V-5B", "Apache-2.0"),
        Licence(
            "hkchengrex/MMAudio",
            "weights CC-BY-NC 4.0, code MIT",
            "The weights are not for commercial use; check the publisher's page. A clip needs them "
            "for its sound.",
        ),
        Licence(
            PICTURE_SOURCE,
            "FLUX non-commercial licence",
            "Gated and non-commercial: accept the terms on the publisher's page first.",
            is_gated=True,
        ),
    )
}


def licence_of(source: str) -> Licence:
    """What is known of a repository's licence; for an unknown one, where to read it."""
    return _KNOWN.get(source, Licence(source, _UNKNOWN))


def licences_of(sources: Iterable[str]) -> tuple[Licence, ...]:
    """The licences of several repositories, each once, in the order in which they come."""
    return tuple(licence_of(source) for source in dict.fromkeys(sources))
