"""Where an object is, how large and how turned, frame by frame, and when something happens to it.

Times are in seconds from the start of the clip; frame i shows the time i / 24. Pixels count from
the left and from the top. Source: schoolbook mechanics.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ovi.training.world.scene import CLIP_SECONDS, FPS, NUM_FRAMES, SIDE, SIZES, ShapeScene

FLOOR_Y = 104.0
"""The edge between wall and floor; objects rest on it."""
EDGE_GAP = 5.0
"""Pixels left between a sliding object and the frame's edge."""
ORBIT_RADIUS = 28.0
ORBIT_CENTRE = (64.0, 60.0)
PULSE_DEPTH = 0.3
"""Share by which a pulsing object grows and shrinks."""
REACH_BELOW = {
    "circle": 1.0,
    "square": 0.86,
    "triangle": 0.62,
    "star": 0.93,
    "ring": 1.0,
    "cross": 1.0,
}
"""How far below its centre each shape reaches, in radii."""
TOP_Y = 30.0
"""Centre of an object at its highest."""

FRAME_TIMES: NDArray[np.float64] = np.arange(NUM_FRAMES) / FPS


@dataclass(frozen=True, slots=True)
class Track:
    """One object's course; arrays are float64 (45,)."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    radius: NDArray[np.float64]
    angle: NDArray[np.float64]
    """Radians clockwise."""
    visible: NDArray[np.float64]
    """1 or 0."""
    height: NDArray[np.float64]
    """0 at the lowest place a rising object can have, 1 at the highest."""
    events: tuple[float, ...]
    """Seconds of the contacts of a bounce or of the changes of a blink."""


def trace(scene: ShapeScene) -> Track:
    """The course of a scene's object."""
    radius = SIZES[scene.size]
    times = FRAME_TIMES
    ground = FLOOR_Y - REACH_BELOW[scene.shape] * radius
    x, y = np.full(NUM_FRAMES, scene.x), np.full(NUM_FRAMES, scene.y)
    radii, angle = np.full(NUM_FRAMES, radius), np.zeros(NUM_FRAMES)
    visible = np.ones(NUM_FRAMES)
    events: tuple[float, ...] = ()
    match scene.motion:
        case "bounce":
            between = np.mod((times - scene.begin) / scene.span, 1.0)
            y = ground - (ground - TOP_Y) * (1.0 - (2.0 * between - 1.0) ** 2)
            events = _repeated(scene.begin, scene.span)
        case "slide left" | "slide right":
            near, far = radius + EDGE_GAP, SIDE - radius - EDGE_GAP
            done = _done(scene)
            x = (
                far + (near - far) * done
                if scene.motion == "slide left"
                else near + (far - near) * done
            )
            y = np.full(NUM_FRAMES, ground)
        case "rise":
            y = ground + (TOP_Y - ground) * _done(scene)
        case "fall":
            y = TOP_Y + (ground - TOP_Y) * _done(scene)
        case "pulse":
            radii = radius * (1.0 + PULSE_DEPTH * np.sin(2.0 * math.pi * times / scene.span))
        case "spin":
            angle = 2.0 * math.pi * times / scene.span
        case "blink":
            events = _repeated(scene.begin, scene.span)
            changes = np.sum(times[:, None] >= np.asarray(events)[None] - 1e-6, axis=1)
            visible = 1.0 - np.mod(changes, 2)
        case "orbit":
            turn = 2.0 * math.pi * (scene.phase + times / scene.span)
            x = ORBIT_CENTRE[0] + ORBIT_RADIUS * np.cos(turn)
            y = ORBIT_CENTRE[1] + ORBIT_RADIUS * np.sin(turn)
        case "still":
            pass
        case _:
            raise ValueError(f"There is no motion {scene.motion!r}.")
    height = (ground - y) / (ground - TOP_Y)
    return Track(x, y, radii, angle, visible, height, events)


def _done(scene: ShapeScene) -> NDArray[np.float64]:
    """Share of a one-way motion that is over, 0 to 1, at every frame."""
    return np.clip((FRAME_TIMES - scene.begin) / scene.span, 0.0, 1.0)


def _repeated(first: float, period: float) -> tuple[float, ...]:
    """Times first, first + period ... that a viewer still sees the outcome of."""
    count = int((CLIP_SECONDS - 2.0 / FPS - first) / period) + 1
    return tuple(first + index * period for index in range(count))
