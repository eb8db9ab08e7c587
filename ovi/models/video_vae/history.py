"""What the causal layers remember of earlier frames while a clip passes through in pieces.

T frames; channels are the last axis.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn


@dataclass(slots=True)
class CausalHistory:
    """The last frames that each causal layer has seen of one clip.

    One is made for each pass over a clip and handed to every layer; layers keep nothing of their
    own. It is the only memory of earlier pieces, so its size does not depend on the clip's length.
    """

    is_start: bool = True
    """Whether the piece under way begins with the first frame of the clip."""
    _frames: dict[nn.Module, Tensor] = field(default_factory=dict)

    def extend(self, layer: nn.Module, x: Tensor, length: int, *, pad: bool = True) -> Tensor:
        """`x` (B, T, ...) with the frames before it in front; its own last ones are remembered.

        In front come the `length` frames that `layer` remembered. When it has none yet, these are
        zeros, or no frames at all without `pad`.
        """
        before = self._frames.get(layer)
        if before is None:
            before = x.new_zeros(x.shape[0], length if pad else 0, *x.shape[2:])
        window = torch.cat([before, x], dim=1)
        # A slice would keep the whole window alive until the next piece.
        self._frames[layer] = window[:, -length:].clone()
        return window
