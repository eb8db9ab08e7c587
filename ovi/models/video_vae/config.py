"""Sizes of the video VAE and the statistics of its latents, and the published values."""

from dataclasses import dataclass, field

WAN22_LATENT_MEAN = (
    -0.2289, -0.0052, -0.1323, -0.2339, -0.2799, 0.0174, 0.1838, 0.1557, -0.1382, 0.0542,
    0.2813, 0.0891, 0.157, -0.0098, 0.0375, -0.1825, -0.2246, -0.1207, -0.0698, 0.5109,
    0.2665, -0.2108, -0.2158, 0.2502, -0.2055, -0.0322, 0.1109, 0.1567, -0.0729, 0.0899,
    -0.2799, -0.123, -0.0313, -0.1649, 0.0117, 0.0723, -0.2839, -0.2083, -0.052, 0.3748,
    0.0152, 0.1957, 0.1433, -0.2944, 0.3573, -0.0548, -0.1681, -0.0667,
)  # fmt: skip
"""Mean of each latent channel over the published training set."""

WAN22_LATENT_STD = (
    0.4765, 1.0364, 0.4514, 1.1677, 0.5313, 0.499, 0.4818, 0.5013, 0.8158, 1.0344,
    0.5894, 1.0901, 0.6885, 0.6165, 0.8454, 0.4978, 0.5759, 0.3523, 0.7135, 0.6804,
    0.5833, 1.4146, 0.8986, 0.5659, 0.7069, 0.5338, 0.4889, 0.4917, 0.4069, 0.4999,
    0.6866, 0.4093, 0.5709, 0.6065, 0.6415, 0.4944, 0.5726, 1.2042, 0.5458, 1.6887,
    0.3971, 1.06, 0.3943, 0.5537, 0.5444, 0.4089, 0.7468, 0.7744,
)  # fmt: skip
"""Standard deviation of each latent channel over the published training set."""

PATCH = 2
"""Rows and columns of pixels that are folded into channels before the first convolution."""


@dataclass(frozen=True, slots=True)
class VideoVaeConfig:
    """Shape of one video VAE. Raises ValueError when the numbers do not fit together.

    The encoder has one stage for each entry of `dim_mult`, finest first; the decoder has the same
    stages in reverse. Every stage but the coarsest changes the size of the picture by two.
    """

    encoder_dim: int = 160
    """Width that `dim_mult` multiplies in the encoder."""
    decoder_dim: int = 256
    """Width that `dim_mult` multiplies in the decoder."""
    latent_channels: int = 48
    """Channels of the video latents."""
    dim_mult: tuple[int, ...] = (1, 2, 4, 4)
    """Width of each stage in units of the two dims, finest picture first."""
    num_res_blocks: int = 2
    """Residual blocks per encoder stage; a decoder stage has one more."""
    temporal_downsample: tuple[bool, ...] = (False, True, True)
    """For each stage but the coarsest, whether it changes the number of frames by two as well."""
    latent_mean: tuple[float, ...] = field(default=WAN22_LATENT_MEAN, repr=False)
    """Mean of each latent channel, which normalisation removes."""
    latent_std: tuple[float, ...] = field(default=WAN22_LATENT_STD, repr=False)
    """Standard deviation of each latent channel, which normalisation brings to one."""

    def __post_init__(self) -> None:
        sizes = (self.encoder_dim, self.decoder_dim, self.latent_channels, self.num_res_blocks)
        if min(*sizes, *self.dim_mult) < 1:
            raise ValueError(f"Every size of a video VAE must be at least 1: {self}.")
        if len(self.temporal_downsample) != len(self.dim_mult) - 1:
            raise ValueError(
                f"dim_mult {self.dim_mult} makes {len(self.dim_mult)} stages, of which all but the "
                f"coarsest need an entry of temporal_downsample, not {self.temporal_downsample}."
            )
        for name, values in (("latent_mean", self.latent_mean), ("latent_std", self.latent_std)):
            if len(values) != self.latent_channels:
                raise ValueError(
                    f"{name} has {len(values)} values for {self.latent_channels} latent channels; "
                    "give one for each."
                )
        if min(self.latent_std) <= 0:
            raise ValueError(f"latent_std must be positive throughout, not {self.latent_std}.")

    @property
    def spatial_factor(self) -> int:
        """Pixels along each side of the square that one latent covers."""
        return PATCH << len(self.temporal_downsample)

    @property
    def temporal_factor(self) -> int:
        """Frames that one latent frame covers; the first one covers a single frame."""
        return 1 << sum(self.temporal_downsample)


WAN22 = VideoVaeConfig()
"""The published video VAE (Wan2.2_VAE.pth)."""
