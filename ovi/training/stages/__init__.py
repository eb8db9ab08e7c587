"""The stages of training: each trains one part of the engine and writes its weights."""

from collections.abc import Callable

from ovi.training.config import RunConfig
from ovi.training.stages.audio_vae import AudioVaeStage
from ovi.training.stages.fusion import FusionStage
from ovi.training.stages.stage import Stage
from ovi.training.stages.vae import VaeStage
from ovi.training.stages.vocoder import VocoderStage

STAGES: dict[str, Callable[[RunConfig], Stage]] = {
    "vae": VaeStage,
    "audio-vae": AudioVaeStage,
    "vocoder": VocoderStage,
    "fusion": FusionStage,
}
"""By the name that a configuration gives."""
