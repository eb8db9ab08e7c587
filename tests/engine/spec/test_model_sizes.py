"""The sizes that plans reckon with are those of the models."""

import pytest
import torch
from torch import nn

from ovi.models.audio_vae.model import AudioVae
from ovi.models.fusion.model import FusionModel
from ovi.models.text_encoder.model import TextEncoder
from ovi.models.video_vae.model import VideoVae
from ovi.models.vocoder.model import Vocoder
from ovi.runtime.sizes import configs_of
from ovi.spec.model_sizes import sizes_of
from ovi.spec.variants import VARIANTS

from .full_size import on_meta


def count(model: nn.Module, part: str = "") -> int:
    return sum(p.numel() for name, p in model.named_parameters() if part in name)


def rows(model: nn.Module, part: str) -> int:
    return sum(
        layer.out_features
        for name, layer in model.named_modules()
        if part in name and isinstance(layer, nn.Linear)
    )


def test_sizes_are_those_of_the_published_models() -> None:
    variant = VARIANTS["720x720_5s"]
    configs, sizes = configs_of(variant, None), sizes_of(variant)
    fusion = on_meta(lambda: FusionModel(configs.fusion), torch.bfloat16)
    transformer, video = sizes.transformer, configs.fusion.video
    assert (
        transformer.dim, transformer.ffn_dim, transformer.num_heads, transformer.num_layers,
    ) == (video.dim, video.ffn_dim, video.num_heads, video.num_layers)  # fmt: skip
    assert (transformer.text_dim, transformer.text_len) == (video.text_dim, video.text_len)
    assert transformer.parameters == count(fusion)
    assert transformer.block_parameters == count(fusion, ".blocks.")
    assert transformer.block_rows == rows(fusion, ".blocks.")

    encoder = on_meta(lambda: TextEncoder(configs.text_encoder), torch.bfloat16)
    text, config = sizes.text_encoder, configs.text_encoder
    assert (text.dim, text.attention_dim, text.ffn_dim, text.num_heads, text.num_layers) == (
        config.dim, config.attention_dim, config.ffn_dim, config.num_heads, config.num_layers,
    )  # fmt: skip
    assert text.parameters == count(encoder)
    assert text.layer_parameters == count(encoder, "layers.")
    assert text.layer_rows == rows(encoder, "layers.")
    assert text.embedding_parameters == encoder.token_embedding.weight.numel()

    vae, vae_config = sizes.video_vae, configs.video_vae
    model = on_meta(lambda: VideoVae(vae_config), torch.bfloat16)
    assert vae.parameters == count(model)
    assert vae.encoder_parameters == count(model.encoder)
    assert (vae.decoder_dim, vae.encoder_dim) == (vae_config.decoder_dim, vae_config.encoder_dim)
    assert (vae.latent_channels, vae.dim_mult) == (vae_config.latent_channels, vae_config.dim_mult)
    assert vae.num_res_blocks == vae_config.num_res_blocks
    assert vae.temporal_downsample == vae_config.temporal_downsample

    audio = on_meta(lambda: AudioVae(configs.audio_vae), torch.float32)
    assert sizes.audio_vae_parameters == count(audio)
    assert sizes.vocoder_parameters == count(Vocoder(configs.vocoder))


def test_sizes_of_nano_are_about_right() -> None:
    """It is retrained at other sizes now and then, and takes next to nothing at any of them."""
    configs, sizes = configs_of(VARIANTS["nano"], None), sizes_of(VARIANTS["nano"])
    assert sizes.transformer.num_layers == configs.fusion.num_layers
    fusion = on_meta(lambda: FusionModel(configs.fusion), torch.bfloat16)
    vae = on_meta(lambda: VideoVae(configs.video_vae), torch.bfloat16)
    assert sizes.transformer.parameters == pytest.approx(count(fusion), rel=0.5)
    assert sizes.video_vae.parameters == pytest.approx(count(vae), rel=0.5)
