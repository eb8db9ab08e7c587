"""How large the models are, in numbers that memory and time follow from.

The same facts as the configs beside the models, which cannot be asked here since they bring torch;
`tests/engine/spec/test_model_sizes.py` holds both together.
"""

from dataclasses import dataclass

from ovi.spec.variants import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerSizes:
    """The twin transformer; both branches have the same widths."""

    dim: int
    ffn_dim: int
    num_heads: int
    num_layers: int
    text_dim: int
    text_len: int
    """rows that every text is padded to"""
    parameters: int
    block_parameters: int
    """in all fusion blocks together"""
    block_rows: int
    """output rows of the linear layers in all blocks: eight bits need a scale for each"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextEncoderSizes:
    """The text encoder."""

    dim: int
    attention_dim: int
    ffn_dim: int
    num_heads: int
    num_layers: int
    parameters: int
    layer_parameters: int
    """in all layers together"""
    layer_rows: int
    embedding_parameters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoVaeSizes:
    """The video VAE; widths as in its config."""

    decoder_dim: int
    encoder_dim: int
    latent_channels: int
    dim_mult: tuple[int, ...]
    num_res_blocks: int
    temporal_downsample: tuple[bool, ...]
    parameters: int
    encoder_parameters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSizes:
    """All models of one variant."""

    transformer: TransformerSizes
    text_encoder: TextEncoderSizes
    video_vae: VideoVaeSizes
    audio_vae_parameters: int
    vocoder_parameters: int
    sound_flops: float
    """of audio VAE and vocoder, per audio latent"""


PUBLISHED_SIZES = ModelSizes(
    transformer=TransformerSizes(
        dim=3072,
        ffn_dim=14336,
        num_heads=24,
        num_layers=30,
        text_dim=4096,
        text_len=512,
        parameters=11_660_753_108,
        block_parameters=10_952_785_920,
        block_rows=2_887_680,
    ),
    text_encoder=TextEncoderSizes(
        dim=4096,
        attention_dim=4096,
        ffn_dim=10240,
        num_heads=64,
        num_layers=24,
        parameters=5_680_910_336,
        layer_parameters=4_630_757_376,
        layer_rows=983_040,
        embedding_parameters=1_050_148_864,
    ),
    video_vae=VideoVaeSizes(
        decoder_dim=256,
        encoder_dim=160,
        latent_channels=48,
        dim_mult=(1, 2, 4, 4),
        num_res_blocks=2,
        temporal_downsample=(False, True, True),
        parameters=704_688_668,
        encoder_parameters=149_637_088,
    ),
    audio_vae_parameters=171_657_218,
    vocoder_parameters=112_199_473,
    sound_flops=(0.03e12 + 0.58e12) / 157,
)
"""The models that all published variants share."""

NANO_SIZES = ModelSizes(
    transformer=TransformerSizes(
        dim=160,
        ffn_dim=640,
        num_heads=4,
        num_layers=6,
        text_dim=128,
        text_len=256,
        parameters=7_931_412,
        block_parameters=5_587_200,
        block_rows=28_800,
    ),
    text_encoder=TextEncoderSizes(
        dim=128,
        attention_dim=128,
        ffn_dim=320,
        num_heads=4,
        num_layers=5,
        parameters=993_280,
        layer_parameters=944_000,
        layer_rows=6_400,
        embedding_parameters=49_152,
    ),
    video_vae=VideoVaeSizes(
        decoder_dim=20,
        encoder_dim=12,
        latent_channels=48,
        dim_mult=(1, 2, 4, 4),
        num_res_blocks=2,
        temporal_downsample=(False, True, True),
        parameters=4_467_276,
        encoder_parameters=971_532,
    ),
    audio_vae_parameters=1_227_266,
    vocoder_parameters=1_305_101,
    sound_flops=0.01e12 / 157,
)
"""The toy model."""


def sizes_of(variant: Variant) -> ModelSizes:
    """The sizes of the models that a variant is rendered with, as published."""
    return NANO_SIZES if variant.is_embedded else PUBLISHED_SIZES
