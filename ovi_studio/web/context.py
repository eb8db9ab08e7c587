"""What the page and the API share: the project, what the flags of `ovi web` decide, the limits.

One value, made by `ovi web` and handed to both. Nothing in it changes while the server runs, and
no secret is in it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.choices import Choices
from ovi_studio.render.keeper import start_keeper


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a request may ask for, so that no client can fill the disk, the memory or the queue."""

    body_bytes: int = 24 * 1024 * 1024
    """of a whole request, uploads included"""
    text_bytes: int = 2 * 1024 * 1024
    """of a request that uploads nothing, and of a field beside an upload"""
    picture_bytes: int = 16 * 1024 * 1024
    """of an uploaded picture, as it is sent"""
    picture_pixels: int = 40_000_000
    """of an uploaded picture, height times width"""
    upload_folder_bytes: int = 2 * 1024 * 1024 * 1024
    """of all pictures that were uploaded to this project together"""
    page_folder_bytes: int = 512 * 1024 * 1024
    """of everything uploaded to the page in one run, before it is checked"""
    prompt_characters: int = 10_000
    waiting_jobs: int = 500
    """unfinished jobs of the project, from wherever they came"""
    clips_per_request: int = 16
    steps: int = 200
    side_pixels: int = 8_192
    """of the size asked for; it is fitted to the variant"""
    event_streams: int = 200
    """clients that watch progress at the same time"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebContext:
    """One project as it is served."""

    layout: ProjectLayout
    defaults: Choices = field(default_factory=Choices)
    """what `--cpu-offload`, `--fp8` and `--qint8` say: below what a clip says, above `ovi.toml`"""
    can_draw_first_frames: bool = False
    """`--use-image-gen`: mode t2i2v is offered"""
    limits: Limits = field(default_factory=Limits)
    keep_queue: Callable[[Path], object] = start_keeper
    """sees to it that what waits is rendered; tests put a fake worker here"""

    @property
    def working_folder(self) -> Path:
        """The folder against which names are read: the project's root."""
        return self.layout.root
