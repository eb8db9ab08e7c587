"""The toy model's sizes: small enough for a repository, and consistent with its variant."""

import torch
from torch import nn

from ovi.models.audio_vae.model import AudioVae
from ovi.models.fusion.model import FusionModel
from ovi.models.nano import NANO_CONFIGS
from ovi.models.text_encoder.model import TextEncoder
from ovi.models.video_vae.model import VideoVae
from ovi.models.vocoder.model import Vocoder
from ovi.spec.variants import (
    AUDIO_LATENT_CHANNELS,
    NANO,
    SAMPLES_PER_AUDIO_LATENT,
    VIDEO_LATENT_CHANNELS,
)


def num_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_nano_is_small_enough_for_a_repository():
    with torch.device("meta"):
        fusion = FusionModel(NANO_CONFIGS.fusion)
        others = (
            VideoVae(NANO_CONFIGS.video_vae),
            AudioVae(NANO_CONFIGS.audio_vae),
            Vocoder(NANO_CONFIGS.vocoder),
            TextEncoder(NANO_CONFIGS.text_encoder),
        )
    assert num_parameters(fusion) <= 8_000_000
    assert num_parameters(fusion) + sum(map(num_parameters, others)) <= 16_000_000


def test_nano_configs_agree_with_its_variant():
    fusion = NANO_CONFIGS.fusion
    assert fusion.num_layers == NANO.num_layers
    assert fusion.video.in_channels == VIDEO_LATENT_CHANNELS
    assert fusion.audio.in_channels == AUDIO_LATENT_CHANNELS
    assert fusion.video.text_len == NANO_CONFIGS.text_encoder.text_len == NANO.max_tokens
    assert NANO_CONFIGS.audio_vae.samples_per_latent == SAMPLES_PER_AUDIO_LATENT


def test_nano_makes_a_short_clip_whose_picture_and_sound_end_together():
    assert 1.5 <= NANO.video_seconds <= 2.0
    assert abs(NANO.video_seconds - NANO.audio_seconds) < 0.05
