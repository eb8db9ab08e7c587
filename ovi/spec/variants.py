"""The checkpoints Ovi was published as, and `nano`, the toy that ships with this package."""

import difflib
from dataclasses import dataclass
from enum import StrEnum

from ovi.errors import RequestError

FPS = 24
"""Frames per second of every variant."""

SAMPLE_RATE = 16_000
"""Samples per second of every variant, mono."""

FRAMES_PER_VIDEO_LATENT = 4
"""Each video latent after the first covers four frames; the first covers one."""

SAMPLES_PER_AUDIO_LATENT = 512
"""Two mel frames of 256 samples each."""

VIDEO_LATENT_CHANNELS = 48
AUDIO_LATENT_CHANNELS = 20


class AudioForm(StrEnum):
    """How a variant expects its audio caption to be written."""

    TAGGED = "tagged"
    """`<AUDCAP>caption<ENDAUDCAP>`"""

    PREFIXED = "prefixed"
    """`Audio: caption`, as the last thing in the prompt"""


@dataclass(frozen=True, slots=True)
class Variant:
    """One checkpoint: what it makes and how it wants to be asked."""

    name: str
    num_video_latents: int
    """Latent frames of every clip."""
    num_audio_latents: int
    target_area: int
    """Pixels of one frame that the checkpoint was trained for; sizes are fitted to it."""
    audio_form: AudioForm
    num_layers: int
    """Transformer blocks, so that a skip layer can be checked before any file is opened."""
    max_tokens: int
    """Text tokens the encoder reads; the rest of a longer prompt has no effect."""
    is_embedded: bool = False
    """True when the weights ship with this package."""

    @property
    def num_frames(self) -> int:
        """Frames of every clip."""
        return 1 + FRAMES_PER_VIDEO_LATENT * (self.num_video_latents - 1)

    @property
    def num_samples(self) -> int:
        """Audio samples of every clip."""
        return SAMPLES_PER_AUDIO_LATENT * self.num_audio_latents

    @property
    def video_seconds(self) -> float:
        """Length of the picture. The sound may differ from it by a few milliseconds."""
        return self.num_frames / FPS

    @property
    def audio_seconds(self) -> float:
        """Length of the sound."""
        return self.num_samples / SAMPLE_RATE


NANO = Variant(
    name="nano",
    num_video_latents=12,
    num_audio_latents=59,
    target_area=128 * 128,
    audio_form=AudioForm.PREFIXED,
    num_layers=6,
    max_tokens=256,
    is_embedded=True,
)

VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        NANO,
        Variant("720x720_5s", 31, 157, 720 * 720, AudioForm.TAGGED, 30, 512),
        Variant("960x960_5s", 31, 157, 960 * 960, AudioForm.PREFIXED, 30, 512),
        Variant("960x960_10s", 61, 314, 960 * 960, AudioForm.PREFIXED, 30, 512),
    )
}


def variant_named(name: str) -> Variant:
    """The variant of that name. Raises RequestError that lists the known ones."""
    try:
        return VARIANTS[name]
    except KeyError:
        near = difflib.get_close_matches(name, VARIANTS, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise RequestError(
            f"There is no variant {name!r}. Known: {', '.join(VARIANTS)}.{hint}"
        ) from None
