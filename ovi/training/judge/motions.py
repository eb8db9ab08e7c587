"""Names the motion of a seen object, and finds in pixels when something happens to it.

Legend: F frames, n visible frames, R radii, A angles around the centre.
"""

import numpy as np
from numpy.typing import NDArray

from ovi.training.judge.objects import SeenObject
from ovi.training.world.scene import FPS

LEAST_TRAVEL = 18.0
"""Pixels an object moves at least when it moves at all; the shortest true way is 43."""
LEAST_GROWTH = 1.25
"""Largest over smallest radius of a pulse; truly 1.86."""
ONE_WAY = 1.5
"""A way of at most so many times its reach goes one way; a bounce goes there and back."""
SPIN_LAG = 3
"""Frames between the pictures compared for a spin; it turns 24 to 30 degrees in them."""
NUM_ANGLES = 72
LEAST_TURN_GAIN = 0.03
"""By how much turned pictures must agree better than unturned ones."""


def name_motion(seen: SeenObject) -> str:
    """One of the world's motions."""
    if len(changes(seen)) >= 2:
        return "blink"
    x, y, radius = (_steady(track) for track in (seen.x, seen.y, seen.radius))
    reach_x, reach_y = np.ptp(x), np.ptp(y)
    if min(reach_x, reach_y) > LEAST_TRAVEL:
        return "orbit"
    if reach_x > LEAST_TRAVEL:
        return "slide right" if x[-1] > x[0] else "slide left"
    if reach_y > LEAST_TRAVEL:
        if np.abs(np.diff(y)).sum() > ONE_WAY * reach_y:
            return "bounce"
        return "fall" if y[-1] > y[0] else "rise"
    if radius.max() > LEAST_GROWTH * radius.min():
        return "pulse"
    return "spin" if _spins(seen) else "still"


def changes(seen: SeenObject) -> NDArray[np.float64]:
    """Seconds at which the object appears or vanishes."""
    return (np.flatnonzero(np.diff(seen.visible.astype(int))) + 1) / FPS


def contacts(seen: SeenObject) -> NDArray[np.float64]:
    """Seconds at which a bouncing object turns upwards, between frames.

    Straight lines through the two frames before and the two after the lowest meet there.
    """
    y = _filled(seen.y)
    floor = np.percentile(y, 95)
    found = []
    for index in range(2, len(y) - 2):
        lowest = y[index] >= y[index - 1] and y[index] > y[index + 1]
        if lowest and y[index] > floor - 0.35 * np.ptp(y):
            falling, rising = y[index - 1] - y[index - 2], y[index + 2] - y[index + 1]
            if falling > rising:
                # y[i-1] + falling * (t - (i-1)) = y[i+1] + rising * (t - (i+1))
                gap = y[index + 1] - y[index - 1] - falling - rising
                found.append((index + gap / (falling - rising)) / FPS)
    return np.array(found)


def departure(seen: SeenObject) -> float | None:
    """Seconds at which a sliding, rising or falling object starts, between frames.

    The straight line through the middle of the way is followed back to where the object stood.
    """
    x, y = _filled(seen.x), _filled(seen.y)
    way = x if np.ptp(x) > np.ptp(y) else y
    done = (way - way[0]) / (way[-1] - way[0]) if way[-1] != way[0] else np.zeros(len(way))
    middle = np.flatnonzero((done > 0.2) & (done < 0.8))
    if len(middle) < 4:
        return None
    slope, offset = np.polyfit(middle / FPS, done[middle], 1)
    return float(-offset / slope) if slope > 0 else None


def _spins(seen: SeenObject) -> bool:
    """Whether what surrounds the centre looks more alike turned than unturned, frame to frame."""
    around = _unrolled(seen)
    around = around - around.mean(axis=2, keepdims=True)
    spectrum = np.fft.rfft(around, axis=2)
    agreement = np.fft.irfft(
        (spectrum[SPIN_LAG:] * spectrum[:-SPIN_LAG].conj()).sum(axis=1), NUM_ANGLES, axis=1
    )
    power = (around**2).sum(axis=(1, 2))
    scale = np.sqrt(power[SPIN_LAG:] * power[:-SPIN_LAG]) + 1e-9
    agreement = np.median(agreement / scale[:, None], axis=0)
    # A star turned by 27 degrees is a star turned back by 45: the direction is not judged.
    return float(agreement.max() - agreement[0]) > LEAST_TURN_GAIN


def _unrolled(seen: SeenObject) -> NDArray[np.float64]:
    """Contrast (n, R, A) on circles around the object's centre, angles clockwise."""
    radius = float(np.nanmedian(seen.radius))
    shares = np.linspace(0.3, 1.15, 12)
    turns = np.arange(NUM_ANGLES) * (2.0 * np.pi / NUM_ANGLES)
    across = radius * shares[:, None] * np.cos(turns)
    down = radius * shares[:, None] * np.sin(turns)
    side = seen.contrast.shape[1]
    found = []
    for index in np.flatnonzero(seen.visible):
        columns = np.clip(np.floor(seen.x[index] + across), 0, side - 1).astype(int)
        rows = np.clip(np.floor(seen.y[index] + down), 0, side - 1).astype(int)
        found.append(seen.contrast[index][rows, columns].astype(np.float64))
    return np.stack(found)


def _steady(track: NDArray[np.float64]) -> NDArray[np.float64]:
    """The visible values, each the median of three."""
    values = track[~np.isnan(track)]
    padded = np.pad(values, 1, mode="edge")
    medians: NDArray[np.float64] = np.median(
        np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0
    )
    return medians


def _filled(track: NDArray[np.float64]) -> NDArray[np.float64]:
    """The track with straight lines over the frames in which nothing is visible."""
    known = np.flatnonzero(~np.isnan(track))
    return np.interp(np.arange(len(track)), known, track[known])
