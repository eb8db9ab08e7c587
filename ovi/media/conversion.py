"""Turns the models' floating-point frames and waveform into the integers an encoder takes.

Both conversions cut towards zero where rounding would be nearer, because the published engine
does; the difference is less than one step of the result.
"""

from typing import TYPE_CHECKING

from ovi.errors import NumericalError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

LOUDEST = 32767
"""The integer that a sample of 1.0 becomes."""


def frames_to_uint8(frames: "Tensor") -> "Tensor":
    """Pixels in [-1, 1], any shape and floating dtype, as uint8 in [0, 255] on the same device.

    Values beyond the range become its ends. They must be finite: nothing is checked here.
    """
    return ((frames.float().clamp(-1, 1) + 1) / 2 * 255).byte()


def waveform_to_int16(waveform: "NDArray[np.float32]") -> "NDArray[np.int16]":
    """Samples in [-1, 1], any shape, as 16-bit integers in [-32767, 32767].

    Values beyond the range become its ends; the published engine stops there instead. Raises
    NumericalError when a sample is not finite.
    """
    import numpy as np

    if not np.isfinite(waveform).all():
        raise NumericalError(
            "The sound is not finite, so it cannot be written. Render again with "
            "--precision bf16 or fp32, and verify the weights."
        )
    return (waveform.clip(-1, 1) * LOUDEST).astype(np.int16)
