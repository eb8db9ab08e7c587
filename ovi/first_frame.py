"""Reads the picture a clip starts from, and makes it the tensor that the video VAE encodes.

Colour profiles are not applied and transparency is dropped, not blended onto a background: a
transparent pixel shows the colour stored under it, as it does in the published engine.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL.Image import Image, Transpose
from torch import Tensor

from ovi.errors import FirstFrameError
from ovi.image_header import open_image, orientation_of
from ovi.spec.geometry import FrameSize

_UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""What turns a picture of each EXIF orientation the right way up."""


def read_image(path: Path) -> NDArray[np.uint8]:
    """The picture as 8-bit RGB, (H, W, 3), turned the right way up.

    Grey, palette and CMYK pictures are converted, 16-bit samples keep their upper 8 bits, and of
    an animation the first frame is taken. Raises FirstFrameError when the file is missing,
    damaged, not a picture, under 32 pixels on a side or unreasonably large.
    """
    with open_image(path) as image:
        image.load()  # first, because Pillow turns a TIFF the right way up in doing so
        orientation = orientation_of(image, path)
        pixels = _upright(_to_8_bit(image, path), orientation).convert("RGB")
        return np.array(pixels)


def prepare_first_frame(
    image: NDArray[np.uint8], size: FrameSize, dtype: torch.dtype = torch.float32
) -> Tensor:
    """The picture (H, W, 3) as a tensor (1, 3, size.height, size.width), nominally in [-1, 1].

    Resized by bicubic interpolation without antialiasing, and only where the size differs; its
    overshoot, up to about +-1.4 at hard edges, is kept because the published engine keeps it.
    That engine computes in bfloat16; the default here is float32, which is nearer to the picture.

    Source: first-frame preparation of the published engine; the order of the roundings matters.
    """
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    channels_first = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
    signed = (channels_first.float() / 255).to(dtype) * 2 - 1
    target = (size.height, size.width)
    if signed.shape[-2:] == target:
        return signed.contiguous()
    return F.interpolate(signed, size=target, mode="bicubic", align_corners=False)


def _upright(image: Image, orientation: int) -> Image:
    turn = _UPRIGHT.get(orientation)
    return image if turn is None else image.transpose(turn)


def _to_8_bit(image: Image, path: Path) -> Image:
    """The picture with 8-bit samples. Pillow's own conversion would clip 16-bit ones to white."""
    from PIL.Image import fromarray

    if image.mode != "I" and not image.mode.startswith("I;16"):
        if image.mode == "F":
            raise FirstFrameError(
                f"{path} holds floating-point samples, whose black and white are not defined. "
                "Save it as an 8-bit PNG."
            )
        return image
    samples = np.asarray(image).astype(np.int64)
    if samples.min() < 0 or samples.max() > 0xFFFF:
        raise FirstFrameError(f"{path} holds samples of more than 16 bits. Save it as 8-bit PNG.")
    return fromarray((samples >> 8).astype(np.uint8))
