"""Draws faces whose mouths open and close.

All but the mouth stands still, so it is drawn once a clip. Parts are painted back to front: hair,
neck, shirt, head, features, fringe, hat, and per frame the mouth. Units are pixels.

Legend: B clips, F frames, H W rows and columns.
"""

import torch
from torch import Tensor

from ovi.training.world.batch import SceneBatch
from ovi.training.world.palette import EYE_WHITE, LIPS, MOUTH_INSIDE, PUPIL, SHIRT, Rgb
from ovi.training.world.scene import SIDE

HEAD_Y = 66.0
MOUTH_Y = 90.0
MOUTH_HALF_WIDTH = 13.0
MOUTH_CLOSED = 0.6
"""Half the height of a closed mouth's dark line."""
MOUTH_OPENS = 9.0
"""Added to it when the mouth is fully open."""
LIP_WIDTH = 2.6
"""Of the lips around the opening."""


def draw_faces(batch: SceneBatch, rows: Tensor, wall: Tensor) -> Tensor:
    """Frames (n, F, 3, H, W) in 0..255 of the clips at `rows`, which all show faces."""
    face = batch.face[rows]  # (n, 3 skin + 3 hair + 3 hat + has hat + long hair + centre)
    skin, hair, hat = (face[:, start : start + 3, None, None] for start in (0, 3, 6))
    has_hat, long_hair, centre = face[:, 9:, None, None].unbind(dim=1)
    rest = torch.arange(SIDE, device=batch.device, dtype=torch.float32) + 0.5
    across, down = (
        rest[None, None, :] - centre,
        rest[None, :, None] - HEAD_Y,
    )  # (n, 1, W), (1, H, 1)
    light = (1.0 - 0.0022 * (across + down))[:, None]
    picture = wall

    def paint(colour: Tensor, distance: Tensor, share: Tensor | float = 1.0) -> None:
        nonlocal picture
        inside = (0.5 - distance).clamp(0.0, 1.0) * share
        picture = torch.lerp(picture, colour.expand_as(picture), inside[:, None].expand_as(picture))

    lit_skin, lit_hair, lit_hat = skin * light, hair * light, hat * light
    head = _ellipse(across, down, 32.0, 40.0)
    back = _ellipse(across, down + 6.0, 38.0, 42.0)
    paint(lit_hair, torch.maximum(back, (down + 4.0).expand_as(back)))
    paint(lit_hair, torch.minimum(back, _box(across, down - 22.0, 38.0, 26.0, 8.0)), long_hair)
    paint(lit_skin * 0.86, _box(across, down - 44.0, 11.0, 20.0, 2.0))
    paint(_rgb(SHIRT, picture) * light, _ellipse(across, down - 76.0, 48.0, 28.0))
    paint(lit_skin, _ellipse(across.abs() - 32.0, down - 2.0, 5.0, 8.0), 1.0 - long_hair)
    paint(lit_skin, head)
    beside = across.abs() - 13.0
    paint(_rgb(EYE_WHITE, picture), _ellipse(beside, down + 5.0, 7.0, 5.0))
    paint(_rgb(PUPIL, picture), _ellipse(beside, down + 5.0, 3.4, 3.8))
    paint(lit_hair * 0.9, _box(beside, down + 15.0, 7.5, 1.4, 1.0))
    paint(lit_skin * 0.84, _ellipse(across, down - 9.0, 3.6, 4.6))
    fringe = torch.maximum(
        _ellipse(across, down + 3.0, 35.0, 41.0), down + 23.0 - across.square() / 90.0
    )
    paint(lit_hair, fringe)
    dome = torch.maximum(_ellipse(across, down + 22.0, 40.0, 33.0), (down + 22.0).expand_as(head))
    paint(lit_hat, dome, has_hat)
    paint(lit_hat * 0.78, _box(across, down + 23.0, 47.0, 4.5, 3.0), has_hat)
    return _draw_mouths(picture[:, None], batch.mouth[rows], across[:, None], rest - MOUTH_Y)


def _draw_mouths(picture: Tensor, opening: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """Paints mouths that are open by `opening` (n, F), 0 to 1, on pictures (n, 1, 3, H, W)."""
    half_height = (MOUTH_CLOSED + MOUTH_OPENS * opening)[..., None, None]
    half_width = MOUTH_HALF_WIDTH - 2.0 * opening[..., None, None]
    down = down[:, None]
    lips = _ellipse(across, down, half_width + LIP_WIDTH, half_height + LIP_WIDTH)
    inside = _ellipse(across, down, half_width, half_height)
    frames = torch.lerp(picture, _rgb(LIPS, picture), (0.5 - lips).clamp(0.0, 1.0)[:, :, None])
    dark = (0.5 - inside).clamp(0.0, 1.0)[:, :, None]
    return torch.lerp(frames, _rgb(MOUTH_INSIDE, picture).expand_as(frames), dark.expand_as(frames))


def _ellipse(
    across: Tensor, down: Tensor, half_width: Tensor | float, half_height: Tensor | float
) -> Tensor:
    """Signed distance to first order; exact on the outline."""
    scaled = torch.hypot(across / half_width, down / half_height)
    slope = torch.hypot(across / half_width**2, down / half_height**2).clamp_min(1e-4)
    return scaled * (scaled - 1.0) / slope


def _box(
    across: Tensor, down: Tensor, half_width: float, half_height: float, round_: float
) -> Tensor:
    """Signed distance of a rectangle with rounded corners."""
    beyond_x, beyond_y = across.abs() - half_width + round_, down.abs() - half_height + round_
    outside = torch.hypot(beyond_x.clamp_min(0.0), beyond_y.clamp_min(0.0))
    return outside + torch.maximum(beyond_x, beyond_y).clamp_max(0.0) - round_


def _rgb(colour: Rgb, like: Tensor) -> Tensor:
    return torch.tensor(colour, device=like.device, dtype=like.dtype)[:, None, None]
