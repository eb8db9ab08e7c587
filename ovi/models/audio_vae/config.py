"""Sizes of the audio VAE and of the mel spectrogram it works on, and the published values."""

from dataclasses import dataclass, field

MEL_MEAN_16K = (
    -1.6058, -1.3676, -1.252, -1.2453, -1.2078, -1.2224, -1.2419, -1.2439, -1.2922, -1.2927,
    -1.317, -1.3543, -1.3401, -1.3836, -1.3907, -1.3912, -1.4313, -1.4152, -1.4527, -1.4728,
    -1.4568, -1.5101, -1.5051, -1.5172, -1.5623, -1.5373, -1.5746, -1.5687, -1.6032, -1.6131,
    -1.6081, -1.6331, -1.6489, -1.6489, -1.67, -1.6738, -1.6953, -1.6969, -1.7048, -1.728,
    -1.7361, -1.7495, -1.7658, -1.7814, -1.7889, -1.8064, -1.8221, -1.8377, -1.8417, -1.8643,
    -1.8857, -1.8929, -1.9173, -1.9379, -1.9531, -1.9673, -1.9824, -2.0042, -2.0215, -2.0436,
    -2.0766, -2.1064, -2.1418, -2.1855, -2.2319, -2.2767, -2.3161, -2.3572, -2.3954, -2.4282,
    -2.4659, -2.5072, -2.5552, -2.6074, -2.6584, -2.7107, -2.7634, -2.8266, -2.8981, -2.9673,
)  # fmt: skip
"""Mean of each log10-mel band over the published training set, lowest band first."""

MEL_STD_16K = (
    1.0291, 1.0411, 1.0043, 0.982, 0.9677, 0.9543, 0.945, 0.9392, 0.9343, 0.9297,
    0.9276, 0.9263, 0.9242, 0.9254, 0.9232, 0.9281, 0.9263, 0.9315, 0.9274, 0.9247,
    0.9277, 0.9199, 0.9188, 0.9194, 0.916, 0.9161, 0.9146, 0.9161, 0.91, 0.9095,
    0.9145, 0.9076, 0.9066, 0.9095, 0.9032, 0.9043, 0.9038, 0.9011, 0.9019, 0.901,
    0.8984, 0.8983, 0.8986, 0.8961, 0.8962, 0.8978, 0.8962, 0.8973, 0.8993, 0.8976,
    0.8995, 0.9016, 0.8982, 0.8972, 0.8974, 0.8949, 0.894, 0.8947, 0.8936, 0.8939,
    0.8951, 0.8956, 0.9017, 0.9167, 0.9436, 0.969, 1.0003, 1.0225, 1.0381, 1.0491,
    1.0545, 1.0604, 1.0761, 1.0929, 1.1089, 1.1196, 1.1176, 1.1156, 1.1117, 1.107,
)  # fmt: skip
"""Standard deviation of each log10-mel band over the published training set."""


@dataclass(frozen=True, slots=True)
class AudioVaeConfig:
    """Shape of one audio VAE. Raises ValueError when the numbers do not fit together."""

    mel_bands: int = 80
    """Mel bands, the channels of the spectrogram."""
    latent_channels: int = 20
    """Channels of the audio latents."""
    hidden_dim: int = 384
    """Width that `dim_mult` multiplies."""
    dim_mult: tuple[int, ...] = (1, 2, 4)
    """Width of each level in units of `hidden_dim`, finest in time first."""
    num_res_blocks: int = 2
    """Residual blocks per encoder level; the decoder has one more."""
    downsample_levels: tuple[int, ...] = (0,)
    """Levels after which the encoder halves time; never the last."""
    attention_levels: tuple[int, ...] = ()
    """Levels with attention after each residual block; the published model has none."""
    sample_rate: int = 16000
    """Samples per second, in Hz."""
    n_fft: int = 1024
    """Samples of one analysis window."""
    hop_length: int = 256
    """Samples from one mel frame to the next."""
    min_frequency: float = 0.0
    """Lower edge of the lowest mel band, in Hz."""
    max_frequency: float = 8000.0
    """Upper edge of the highest mel band, in Hz; at most half the sample rate."""
    mel_mean: tuple[float, ...] = field(default=MEL_MEAN_16K, repr=False)
    """Mean of each log10-mel band, or empty for 0. A checkpoint's own values replace it."""
    mel_std: tuple[float, ...] = field(default=MEL_STD_16K, repr=False)
    """Standard deviation of each log10-mel band, or empty for 1. Replaced likewise."""

    def __post_init__(self) -> None:
        coarsest = len(self.dim_mult) - 1
        outside = [level for level in self.downsample_levels if not 0 <= level < coarsest]
        if outside:
            raise ValueError(
                f"downsample_levels {outside} cannot be: with {coarsest + 1} levels they must lie "
                f"in 0..{coarsest - 1}, since the coarsest level has none below it."
            )
        if (self.n_fft - self.hop_length) % 2 or self.hop_length > self.n_fft:
            raise ValueError(
                f"n_fft {self.n_fft} must exceed hop_length {self.hop_length} by an even number, "
                "so that both ends of a waveform are padded alike."
            )
        if not 0 <= self.min_frequency < self.max_frequency <= self.sample_rate / 2:
            raise ValueError(
                f"min_frequency {self.min_frequency} and max_frequency {self.max_frequency} must "
                f"rise, from 0 Hz to at most half of sample_rate {self.sample_rate}."
            )
        for name, values in (("mel_mean", self.mel_mean), ("mel_std", self.mel_std)):
            if values and len(values) != self.mel_bands:
                raise ValueError(
                    f"{name} has {len(values)} values for {self.mel_bands} mel bands; "
                    "give one for each band or leave it empty."
                )

    @property
    def frames_per_latent(self) -> int:
        """Mel frames that one latent covers."""
        return 1 << len(set(self.downsample_levels))

    @property
    def samples_per_latent(self) -> int:
        """Waveform samples that one latent covers."""
        return self.frames_per_latent * self.hop_length


MMAUDIO_16K = AudioVaeConfig()
"""The published 16 kHz audio VAE (MMAudio, v1-16): 31.25 latents a second."""
