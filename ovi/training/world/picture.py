"""Draws the frames of many scenes at once, on the CPU or a GPU.

Every outline is a signed distance (pixels, negative inside) on the grid of pixel centres; coverage
is that distance pushed through a ramp one pixel wide, which is what makes edges smooth. Source of
the distances: elementary geometry; an ellipse's is first-order (its equation over its gradient).

Legend: B clips, F frames, H W rows and columns.
"""

import math

import torch
from torch import Tensor

from ovi.training.world.batch import SceneBatch
from ovi.training.world.face import draw_faces
from ovi.training.world.motion import FLOOR_Y, REACH_BELOW
from ovi.training.world.scene import NEW_SHAPES, NUM_FRAMES, SHAPES, SIDE

FLOOR_SHADE = 0.68
"""The floor's brightness against the wall's."""
WALL_LIGHT = 0.09
"""The wall is this share brighter at the top and as much darker at the bottom."""
OBJECT_LIGHT = 0.13
"""An object is this share brighter towards the upper left, and as much darker opposite."""
SHADOW_DEPTH = 0.5
MARK_SHADE = 0.3
"""Brightness of the dot by which one sees a circle or a ring spin."""


def render_frames(batch: SceneBatch) -> Tensor:
    """The frames of a batch: uint8 (B, F, 3, H, W), sRGB, on the batch's device."""
    frames = torch.empty(
        (len(batch), NUM_FRAMES, 3, SIDE, SIDE), dtype=torch.uint8, device=batch.device
    )
    for shape in (*SHAPES, *NEW_SHAPES):
        rows = batch.rows_of(shape)
        if len(rows):
            frames[rows] = to_uint8(_draw_objects(batch, rows, shape))
    rows = batch.rows_of("face")
    if len(rows):
        frames[rows] = to_uint8(draw_faces(batch, rows, draw_wall(batch.background[rows])))
    return frames


def to_uint8(picture: Tensor) -> Tensor:
    """Brightness in [0, 255], rounded."""
    return picture.add(0.5).clamp_(0.0, 255.0).to(torch.uint8)


def draw_wall(background: Tensor) -> Tensor:
    """A wall of colour (B, 3), lit from above: (B, 3, H, W)."""
    rows = pixel_centres(background.device) / SIDE
    light = 1.0 + WALL_LIGHT * (1.0 - 2.0 * rows)
    return (background[:, :, None, None] * light[None, None, :, None]).expand(-1, -1, -1, SIDE)


def pixel_centres(device: torch.device) -> Tensor:
    """Coordinates (SIDE,) of the pixels' centres."""
    return torch.arange(SIDE, device=device, dtype=torch.float32) + 0.5


def coverage(distance: Tensor) -> Tensor:
    """How much of a pixel lies inside an outline, 0 to 1."""
    return (0.5 - distance).clamp_(0.0, 1.0)


def _draw_objects(batch: SceneBatch, rows: Tensor, shape: str) -> Tensor:
    """Frames (n, F, 3, H, W) in 0..255 of the clips at `rows`, which all show `shape`."""
    x, y, radius, angle, visible = batch.track[rows][..., None, None].unbind(dim=2)  # (n, F, 1, 1)
    centres = pixel_centres(batch.device)
    across, down = centres - x, centres[:, None] - y  # (n, F, 1, W) and (n, F, H, 1)
    cos, sin = torch.cos(angle) / radius, torch.sin(angle) / radius
    u = across * cos + down * sin
    v = down * cos - across * sin
    inside = coverage(outline(shape, u, v) * radius)
    light = 1.0 - (across + down) * (OBJECT_LIGHT / math.sqrt(2.0) / radius)
    if shape in ("circle", "ring"):
        light = light * (
            1.0
            - (1.0 - MARK_SHADE)
            * batch.has_mark[rows][:, None, None, None]
            * _mark(shape, u, v, radius)
        )
    inside = (inside * visible)[:, :, None]
    colour = batch.colour[rows][:, None, :, None, None]
    room = _draw_room(batch.background[rows])[:, None] * _shadow(shape, x, y, radius, visible)
    return torch.lerp(room, colour * light[:, :, None], inside)


def outline(shape: str, u: Tensor, v: Tensor) -> Tensor:
    """Signed distance, in radii, of points (u, v) from a shape of radius 1; v points down."""
    match shape:
        case "circle":
            return torch.hypot(u, v) - 1.0
        case "ring":
            return (torch.hypot(u, v) - 0.75).abs() - 0.25
        case "square":
            return torch.maximum(u.abs(), v.abs()) - 0.86
        case "triangle":
            slanted = u.abs() * math.sin(math.pi / 3.0) - 0.5 * v
            return torch.maximum(v, slanted) - 0.62
        case "star":
            return _star(u, v)
        case "cross":
            lying = torch.maximum(u.abs() - 1.0, v.abs() - 0.32)
            standing = torch.maximum(u.abs() - 0.32, v.abs() - 1.0)
            return torch.minimum(lying, standing)
        case _:
            raise ValueError(f"There is no shape {shape!r}.")


def _star(u: Tensor, v: Tensor) -> Tensor:
    """A five-pointed star with tips at 1.15 and notches at 0.5, one tip up.

    A tenth of the star decides: the straight edge from a tip to the next notch.
    """
    tip, notch, tenth = 1.15, 0.52, math.pi / 5.0
    away = torch.hypot(u, v)
    turn = torch.remainder(torch.atan2(u, -v) + tenth, 2.0 * tenth) - tenth
    along, aside = away * torch.cos(turn), away * torch.sin(turn).abs()
    edge_along, edge_aside = notch * math.cos(tenth) - tip, notch * math.sin(tenth)
    length = math.hypot(edge_along, edge_aside)
    return ((along - tip) * edge_aside - aside * edge_along) / length


def _mark(shape: str, u: Tensor, v: Tensor, radius: Tensor) -> Tensor:
    """Coverage of the dot near the rim of a spinning circle or ring."""
    at, size = (0.75, 0.2) if shape == "ring" else (0.55, 0.24)
    return coverage((torch.hypot(u, v + at) - size) * radius)


def _draw_room(background: Tensor) -> Tensor:
    """Wall and floor: (n, 3, H, W)."""
    floor = coverage(FLOOR_Y - pixel_centres(background.device))
    return draw_wall(background) * (1.0 - (1.0 - FLOOR_SHADE) * floor)[:, None]


def _shadow(shape: str, x: Tensor, y: Tensor, radius: Tensor, visible: Tensor) -> Tensor:
    """Factor (n, F, 1, H, W) by which an object darkens the floor below it."""
    centres = pixel_centres(x.device)
    clear = (FLOOR_Y - y - REACH_BELOW[shape] * radius).clamp_min(0.0)
    depth = SHADOW_DEPTH * visible * torch.exp(-clear / 30.0)
    across = ((centres - x) / radius).square()
    down = ((centres[:, None] - FLOOR_Y - 6.0) / 6.0).square()
    shade = (1.2 - across - down).clamp_(0.0, 1.0)
    shade = shade * (centres[:, None] > FLOOR_Y)
    return (1.0 - depth * shade)[:, :, None]
