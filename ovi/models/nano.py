"""`nano`: the sizes of the toy model that ships with this package.

The same architecture as the published model, small enough for a git repository and two CPU cores:
128x128 pixels, 45 frames (1.9 s), 192 video and 59 audio tokens. Head width 40 keeps every part of
the rotary embedding (8, 6 and 6 complex channels for time, row and column); four heads divide
among two or four processes.
"""

from dataclasses import dataclass

from ovi.models.audio_vae.config import AudioVaeConfig
from ovi.models.fusion.config import BackboneConfig, FusionConfig
from ovi.models.text_encoder.config import TextEncoderConfig
from ovi.models.video_vae.config import VideoVaeConfig
from ovi.models.vocoder.config import VocoderConfig

_TEXT_LEN = 256
_TEXT_DIM = 128


def _backbone(channels: int, patch_size: tuple[int, ...], rope_time_scale: float) -> BackboneConfig:
    return BackboneConfig(
        dim=160,
        num_heads=4,
        num_layers=6,
        ffn_dim=640,
        in_channels=channels,
        out_channels=channels,
        text_dim=_TEXT_DIM,
        text_len=_TEXT_LEN,
        patch_size=patch_size,
        rope_time_scale=rope_time_scale,
    )


@dataclass(frozen=True, slots=True)
class NanoConfigs:
    """The sizes of every part of one toy model."""

    fusion: FusionConfig
    video_vae: VideoVaeConfig
    audio_vae: AudioVaeConfig
    vocoder: VocoderConfig
    text_encoder: TextEncoderConfig


NANO_CONFIGS = NanoConfigs(
    fusion=FusionConfig(
        video=_backbone(48, (1, 2, 2), 1.0),
        # Audio latents come 31.25 a second and video latents 6, whatever the model's size.
        audio=_backbone(20, (1,), 6 / 31.25),
    ),
    video_vae=VideoVaeConfig(encoder_dim=16, decoder_dim=16),
    audio_vae=AudioVaeConfig(hidden_dim=32),
    vocoder=VocoderConfig(
        initial_channels=128, upsample_rates=(4, 4, 4, 4), upsample_kernels=(8, 8, 8, 8)
    ),
    text_encoder=TextEncoderConfig(
        vocab_size=384,
        dim=_TEXT_DIM,
        attention_dim=_TEXT_DIM,
        ffn_dim=320,
        num_heads=4,
        num_layers=5,
        text_len=_TEXT_LEN,
    ),
)
"""7.9 million parameters in the transformer, 15.9 million in all."""
