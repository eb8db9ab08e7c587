"""The sizes of the fusion transformer, and those of the published one."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackboneConfig:
    """One modality's transformer. Raises ValueError when the sizes do not fit together."""

    dim: int
    """Width of a token."""
    num_heads: int
    """Attention heads; divides `dim` into heads of an even width."""
    num_layers: int
    """Transformer blocks."""
    ffn_dim: int
    """Hidden width of a block's feed-forward network."""
    in_channels: int
    """Channels of the latents."""
    out_channels: int
    """Channels of the predicted velocity."""
    text_dim: int
    """Width of a text embedding row."""
    text_len: int
    """Rows of text that cross attention reads; shorter text is padded with zero rows."""
    patch_size: tuple[int, ...]
    """Latents per token: (frames, rows, columns) for video, (1,) for audio."""
    freq_dim: int = 256
    """Length of the timestep's sinusoid: half cosines, half sines."""
    eps: float = 1e-6
    """Added to the variance or mean square in every norm."""
    rope_time_scale: float = 1.0
    """The time between neighbouring tokens, in latent frames of video."""

    def __post_init__(self) -> None:
        sizes = (self.dim, self.num_heads, self.num_layers, self.ffn_dim)
        channels = (self.in_channels, self.out_channels, self.text_dim, self.text_len)
        if min(*sizes, *channels, *self.patch_size) < 1:
            raise ValueError(f"every size of a backbone must be at least 1: {self}")
        if self.dim % (2 * self.num_heads):
            raise ValueError(
                f"dim {self.dim} does not split into {self.num_heads} heads of an even width"
            )
        if self.freq_dim < 2 or self.freq_dim % 2:
            raise ValueError(f"freq_dim must be even and positive, not {self.freq_dim}")
        if len(self.patch_size) not in (1, 3) or (
            len(self.patch_size) == 1 and self.patch_size != (1,)
        ):
            raise ValueError(
                f"patch_size must be (frames, rows, columns) or (1,), not {self.patch_size}"
            )

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.dim // self.num_heads

    @property
    def patch_volume(self) -> int:
        """Latents in one token."""
        return math.prod(self.patch_size)


@dataclass(frozen=True, slots=True)
class FusionConfig:
    """The two branches. They attend to each other block by block, so depth and heads agree."""

    video: BackboneConfig
    audio: BackboneConfig

    def __post_init__(self) -> None:
        if len(self.video.patch_size) != 3 or len(self.audio.patch_size) != 1:
            raise ValueError("video needs a patch_size of three axes and audio of one")
        for name in ("dim", "num_heads", "num_layers"):
            video, audio = getattr(self.video, name), getattr(self.audio, name)
            if video != audio:
                raise ValueError(f"the branches must agree in {name}: video {video}, audio {audio}")

    @property
    def num_layers(self) -> int:
        """Fusion blocks; each holds one block of either branch."""
        return self.video.num_layers


OVI_11B = FusionConfig(
    video=BackboneConfig(
        dim=3072,
        num_heads=24,
        num_layers=30,
        ffn_dim=14336,
        in_channels=48,
        out_channels=48,
        text_dim=4096,
        text_len=512,
        patch_size=(1, 2, 2),
    ),
    audio=BackboneConfig(
        dim=3072,
        num_heads=24,
        num_layers=30,
        ffn_dim=14336,
        in_channels=20,
        out_channels=20,
        text_dim=4096,
        text_len=512,
        patch_size=(1,),
        # About 31 / 157: as many seconds pass in 31 latent frames as in 157 audio latents.
        rope_time_scale=0.19676,
    ),
)
"""The published transformer, 11,660,753,108 parameters; all variants share these sizes."""
