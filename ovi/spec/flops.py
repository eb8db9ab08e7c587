"""Floating-point operations of each stage of a render, from shapes: two for each multiply-add.

Norms, softmax, activations and rotary embeddings are left out: they are bound by memory, and
`ovi/spec/seconds.py` accounts for them by bytes.
"""

from dataclasses import dataclass

from ovi.spec.geometry import FrameSize
from ovi.spec.model_sizes import TransformerSizes, VideoVaeSizes, sizes_of
from ovi.spec.variants import Variant

PIXELS_PER_TOKEN = 32 * 32
"""Of one latent frame: 16 pixels a latent, two latents a token, along both sides."""


@dataclass(frozen=True, slots=True)
class ForwardFlops:
    """One pass of the transformer."""

    linear: float
    """matrix products on tokens of picture and sound"""
    attention: float
    """attention cores, without projections"""
    text: float
    """what depends on the text alone: its network, its keys and values in every block"""

    @property
    def needed(self) -> float:
        """Without what is the same in every step of a clip."""
        return self.linear + self.attention


def video_tokens(variant: Variant, size: FrameSize) -> int:
    """Tokens of the picture."""
    return variant.num_video_latents * (size.area // PIXELS_PER_TOKEN)


def forward_flops(variant: Variant, size: FrameSize) -> ForwardFlops:
    """One pass of the transformer over a clip."""
    sizes = sizes_of(variant).transformer
    video, audio = video_tokens(variant, size), variant.num_audio_latents
    # Each block: four projections of self attention, two of cross attention, the keys and values
    # for the other branch, and the feed-forward network.
    per_token = 8 * sizes.dim**2 + 2 * sizes.dim * sizes.ffn_dim
    linear = 2.0 * sizes.num_layers * per_token * (video + audio)
    linear += _ends_flops(sizes, video, audio)
    pairs = video**2 + audio**2 + (video + audio) * sizes.text_len + 2 * video * audio
    attention = 4.0 * sizes.num_layers * sizes.dim * pairs
    text_rows = 2 * sizes.text_len  # one embedded text for each branch
    text = 2.0 * text_rows * (sizes.text_dim * sizes.dim + sizes.dim**2)
    text += 2.0 * text_rows * 2 * sizes.dim**2 * sizes.num_layers
    return ForwardFlops(linear, attention, text)


def _ends_flops(sizes: TransformerSizes, video: int, audio: int) -> float:
    """Patch embeddings and heads."""
    patch = 48 * 4
    hidden = -(-(8 * sizes.dim // 3) // 256) * 256
    audio_embedding = 7 * (20 * sizes.dim + 3 * sizes.dim * hidden)
    return 2.0 * (video * 2 * patch * sizes.dim + audio * (audio_embedding + 20 * sizes.dim))


def denoise_flops(variant: Variant, size: FrameSize, num_steps: int, *, skips_layer: bool) -> float:
    """All steps: a positive and a negative pass each, the latter perhaps without one block."""
    flops = forward_flops(variant, size)
    layers = sizes_of(variant).transformer.num_layers
    passes = 2 - (1 / layers if skips_layer else 0)
    return num_steps * passes * (flops.needed + flops.text)


def decode_flops(variant: Variant, size: FrameSize) -> float:
    """The video decoder over all frames of a clip, each decoded whole."""
    return _decoder_flops(sizes_of(variant).video_vae, variant.num_video_latents, size)


def _decoder_flops(sizes: VideoVaeSizes, num_latents: int, size: FrameSize) -> float:
    rows, columns = size.latent_shape
    widths = [sizes.decoder_dim * mult for mult in sizes.dim_mult]
    coarsest = widths[-1]
    frames, area = num_latents, rows * columns
    macs = frames * area * sizes.latent_channels * (sizes.latent_channels + 27 * coarsest)
    macs += frames * area * (2 * 2 * 27 * coarsest**2 + 4 * coarsest**2)  # the middle's layers
    macs += 2 * frames * area**2 * coarsest  # its attention
    for stage in reversed(range(len(widths))):
        wide = widths[stage]
        entering = widths[min(stage + 1, len(widths) - 1)]
        for block in range(sizes.num_res_blocks + 1):
            before = entering if block == 0 else wide
            per_pixel = 27 * (before * wide + wide**2) + (before * wide if before != wide else 0)
            macs += frames * area * per_pixel
        if stage:
            if sizes.temporal_downsample[stage - 1]:
                macs += (frames - 1) * area * 3 * wide * 2 * wide
                frames = 1 + 2 * (frames - 1)
            area *= 4
            macs += frames * area * 9 * wide**2
    macs += frames * area * 27 * widths[0] * 12
    return 2.0 * macs


def encode_flops(variant: Variant, size: FrameSize) -> float:
    """The video encoder on one frame."""
    sizes = sizes_of(variant).video_vae
    rows, columns = size.latent_shape
    area = rows * columns << 2 * (len(sizes.dim_mult) - 1)
    macs = float(area * 27 * 12 * sizes.encoder_dim)
    before = sizes.encoder_dim
    for stage, mult in enumerate(sizes.dim_mult):
        wide = sizes.encoder_dim * mult
        for block in range(sizes.num_res_blocks):
            entering = before if block == 0 else wide
            skip = entering * wide if entering != wide else 0
            macs += area * (27 * (entering * wide + wide**2) + skip)
        before = wide
        if stage < len(sizes.dim_mult) - 1:
            area //= 4
            macs += area * 9 * wide**2
    macs += area * (4 * 27 + 4) * before**2 + 2 * area**2 * before
    return 2.0 * macs


def text_flops(variant: Variant, num_tokens: int) -> float:
    """The text encoder on one text."""
    sizes = sizes_of(variant).text_encoder
    per_token = 4 * sizes.dim * sizes.attention_dim + 3 * sizes.dim * sizes.ffn_dim
    return 2.0 * sizes.num_layers * num_tokens * (per_token + 2 * num_tokens * sizes.attention_dim)


def sound_flops(variant: Variant) -> float:
    """Audio VAE and vocoder."""
    return sizes_of(variant).sound_flops * variant.num_audio_latents
