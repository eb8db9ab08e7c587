"""What a render plan holds: clips to render, rows that cannot be, and what to know about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ovi.spec.geometry import FrameSize
from ovi.spec.identity import clip_identity
from ovi.spec.placement import Placement
from ovi.spec.request import ClipRequest
from ovi.spec.variants import Variant, variant_named
from ovi_studio.render.choices import Choices
from ovi_studio.render.fitting import Setup
from ovi_studio.render.job import ClipSource, Fallback, RenderTask
from ovi_studio.render.naming import clip_name


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedClip:
    """One clip to render."""

    request: ClipRequest
    choices: Choices
    """all that was chosen for it, a profile by its name"""
    setup: Setup
    """what the profile and the choices beside it come to"""
    fallback: Setup | None
    """what to try when memory runs out"""
    fallback_weights: Mapping[str, str] | None
    gpus: int | None = None
    """GPUs that the command may use; None: nobody said"""
    asked_size: FrameSize
    """what the real size was fitted from: the size asked for, or the first frame's"""
    ckpt_dir: Path | None
    picture_source: str | None
    weights: Mapping[str, str] | None
    """None: files are missing, and the plan is for looking at only"""
    source: ClipSource
    place: str
    """where the prompt was written, for messages"""
    folder: Path
    """where the clip goes"""

    @property
    def variant(self) -> Variant:
        """The variant it is rendered with."""
        return variant_named(self.request.variant)

    @property
    def placement(self) -> Placement:
        """Where and how it runs."""
        return self.setup.placement

    @property
    def identity(self) -> str | None:
        """Hash of request and weights. None while weights are missing."""
        return None if self.weights is None else clip_identity(self.request, self.weights)

    @property
    def output(self) -> Path:
        """Absolute path of the MP4."""
        return self.folder / clip_name(self.source, self.request.sampling.seed, self.identity)

    def to_task(self, *, is_forced: bool) -> RenderTask:
        """The task for the queue."""
        assert self.weights is not None
        return RenderTask(
            identity=clip_identity(self.request, self.weights),
            request=self.request,
            placement=self.placement,
            weights=self.weights,
            ckpt_dir=self.ckpt_dir,
            picture_source=self.picture_source,
            source=self.source,
            output=self.output,
            is_forced=is_forced,
            gpus=self.gpus,
            profile=self.setup.profile,
            fallback=self._fallback_task(),
        )

    def _fallback_task(self) -> Fallback | None:
        """The clip as it is rendered once memory has run out."""
        setup, weights = self.fallback, self.fallback_weights
        if setup is None or setup.profile is None or weights is None:
            return None
        request = replace(self.request, precision=setup.precision, vae_tiling=setup.vae_tiling)
        identity = clip_identity(request, weights)
        return Fallback(
            profile=setup.profile,
            identity=identity,
            request=request,
            placement=setup.placement,
            weights=weights,
            output=self.folder / clip_name(self.source, request.sampling.seed, identity),
        )


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that cannot be rendered."""

    source: ClipSource
    place: str
    message: str


@dataclass(frozen=True, slots=True)
class RenderPlan:
    """What a command will render."""

    clips: tuple[PlannedClip, ...]
    rejections: tuple[Rejection, ...]
    notes: tuple[str, ...]
    """what the user should know before it starts, one sentence each"""


def describe_rejections(rejections: Sequence[Rejection]) -> str:
    """All rejections as text: each message once, with the place of the first and the number."""
    places: dict[str, list[str]] = {}
    for rejection in rejections:
        places.setdefault(rejection.message, []).append(rejection.place)
    return "\n".join(
        f"{where[0]}{f' and {len(where) - 1} more' if len(where) > 1 else ''}: {message}"
        for message, where in places.items()
    )
