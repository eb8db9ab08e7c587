"""Finds what a clip looks and sounds like while it is denoised, for every screen.

Workers write previews (`render/preview_files.py` has the format); a job has one from its first
denoising step until it ends. A failed job keeps its last one until it is tried again or `ovi gc`
runs. Looking costs reading one small file, so a screen may look several times a second.
"""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ovi.spec.variants import variant_named
from ovi_studio.errors import UsageError
from ovi_studio.project.config import load_config
from ovi_studio.project.layout import ProjectLayout, find_layout
from ovi_studio.render.preview_files import PreviewPaths

CALIBRATE = "ovi preview calibrate --variant {}"
"""The command that finds a variant's colours."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The latest preview of a job."""

    job_id: int
    picture: Path
    """an animated WebP, replaced whole while the clip is denoised"""
    sound: Path | None
    """a PNG of the sound's mel spectrogram: time to the right, low notes at the bottom"""
    step: int
    """denoising steps it has seen, from 1"""
    num_steps: int
    is_calibrated: bool
    """colours and loudness are about the clip's own; if not, `note` says so and must be shown"""
    written: float
    """when, in seconds since the epoch; another value: another picture"""
    variant: str
    fps: float
    """frames a second of the picture"""
    num_frames: int
    """at most so many are in the file: equal neighbours are one, shown for longer"""
    height: int
    """pixels of the picture"""
    width: int

    @property
    def note(self) -> str | None:
        """A sentence to show beside it."""
        if self.is_calibrated:
            return None
        return (
            "Uncalibrated: shapes and motion are the clip's, colours are not. "
            f"Calibrate with: {CALIBRATE.format(self.variant)}"
        )


def latest_preview(layout: ProjectLayout, job_id: int) -> Preview | None:
    """What is known of how a job's clip will look; None when there is nothing to see."""
    paths = PreviewPaths(layout.state.preview_folder, job_id)
    state = paths.read_state()
    try:
        written = paths.state.stat().st_mtime
    except OSError:
        return None
    if state is None or not paths.picture.is_file():
        return None
    return Preview(
        job_id=job_id,
        picture=paths.picture,
        sound=paths.sound if paths.sound.is_file() else None,
        step=state.step,
        num_steps=state.num_steps,
        is_calibrated=state.is_calibrated,
        written=written,
        variant=state.variant,
        fps=state.fps,
        num_frames=state.num_frames,
        height=state.height,
        width=state.width,
    )


def save_preview(preview: Preview, target: Path) -> list[Path]:
    """Copies the picture to `target` and the sound's picture beside it. Returns what was written.

    Raises UsageError when the preview has gone meanwhile, OSError when it cannot be written.
    """
    sound = target.with_suffix(".mel.png")
    try:
        shutil.copyfile(preview.picture, target)
        if preview.sound is None:
            return [target]
        shutil.copyfile(preview.sound, sound)
    except FileNotFoundError as error:
        if not target.parent.is_dir():
            raise
        raise UsageError(
            f"The preview of job {preview.job_id} is gone: its clip has just been finished."
        ) from error
    return [target, sound]


def calibrate_command(
    working_folder: Path,
    environment: Mapping[str, str],
    *,
    variant: str | None = None,
    clips: Path | None = None,
    num_clips: int = 48,
    device: str | None = None,
    ckpt_dir: Path | None = None,
) -> list[str]:
    """The process that calibrates a variant's preview; it needs torch, so it is one of its own.

    What is None comes from the configuration. Raises UsageError or RequestError.
    """
    said = {"render.variant": variant, "render.device": device}
    config = load_config(working_folder, environment, said)
    known = variant_named(config.variant_name)
    if clips is not None and not (working_folder / clips).is_dir():
        raise UsageError(f"--clips {clips}: there is no such folder. Name one that holds videos.")
    folder = config.render.ckpt_dir or find_layout(working_folder).checkpoint_folder
    if ckpt_dir is not None:
        folder = working_folder / ckpt_dir
    command = [sys.executable, "-m", "ovi.preview", "--variant", known.name]
    command += ["--num-clips", str(num_clips), "--ckpt-dir", str(folder)]
    command += [] if config.render.device is None else ["--device", config.render.device]
    command += [] if clips is None else ["--clips", str((working_folder / clips).resolve())]
    return command
