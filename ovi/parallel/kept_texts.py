"""Keys and values of the text, computed once for all steps of a clip.

The text does not change between steps, and so nor do the keys and values that each block makes of
it; 1.2 of the 240 TFLOP of a pass of the published model, and not divided among ranks.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from ovi.models.fusion.attention import FusedCrossAttention


class KeptText:
    """Stands in for `text_keys_values` of one attention; knows a text by its identity."""

    def __init__(self, attention: FusedCrossAttention) -> None:
        self._compute = attention.text_keys_values
        self._kept: list[tuple[Tensor, tuple[Tensor, Tensor]]] = []

    def __call__(self, text: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of the text."""
        for known, keys_values in self._kept:
            if known is text:
                return keys_values
        keys_values = self._compute(text)
        self._kept.append((text, keys_values))
        return keys_values


@contextmanager
def texts_kept(model: nn.Module) -> Iterator[None]:
    """Inside, every text that comes again as the same tensor is read only once."""
    found = [m for m in model.modules() if isinstance(m, FusedCrossAttention)]
    for attention in found:
        attention.text_keys_values = KeptText(attention)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for attention in found:
            del attention.text_keys_values
