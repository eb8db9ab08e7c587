"""Sizes of the vocoder, and the published values."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VocoderConfig:
    """Shape of one vocoder. Raises ValueError when the numbers do not fit together."""

    mel_bands: int = 80
    """Bands of the log10-mel spectrogram it reads."""
    hop_length: int = 256
    """Samples per mel frame; the product of `upsample_rates`."""
    initial_channels: int = 1536
    """Width before the first stage; each stage halves it."""
    upsample_rates: tuple[int, ...] = (4, 4, 2, 2, 2, 2)
    """Factor in time of each stage, first stage first."""
    upsample_kernels: tuple[int, ...] = (8, 8, 4, 4, 4, 4)
    """Taps of each stage's transposed convolution; the rate plus an even number, or a
    stage gives one sample more than its rate says."""
    amp_kernels: tuple[int, ...] = (3, 7, 11)
    """Taps of the parallel AMP blocks of every stage; odd."""
    amp_dilations: tuple[tuple[int, ...], ...] = ((1, 3, 5), (1, 3, 5), (1, 3, 5))
    """For each AMP block, the dilation of each of its units."""

    def __post_init__(self) -> None:
        if math.prod(self.upsample_rates) != self.hop_length:
            raise ValueError(
                f"upsample_rates {self.upsample_rates} make {math.prod(self.upsample_rates)} "
                f"samples per mel frame, but hop_length is {self.hop_length}: they must agree."
            )
        if len(self.upsample_kernels) != len(self.upsample_rates):
            raise ValueError(
                f"{len(self.upsample_rates)} upsample_rates need as many upsample_kernels, "
                f"not {len(self.upsample_kernels)}."
            )
        pairs = zip(self.upsample_kernels, self.upsample_rates, strict=True)
        if any(kernel < rate for kernel, rate in pairs):
            raise ValueError(
                f"upsample_kernels {self.upsample_kernels} must each be at least their "
                f"upsample_rates {self.upsample_rates}, or samples would be left out."
            )
        if self.initial_channels % 2 ** len(self.upsample_rates):
            raise ValueError(
                f"initial_channels {self.initial_channels} cannot be halved "
                f"{len(self.upsample_rates)} times, once for each stage."
            )
        if len(self.amp_dilations) != len(self.amp_kernels):
            raise ValueError(
                f"{len(self.amp_kernels)} amp_kernels need as many tuples of amp_dilations, "
                f"not {len(self.amp_dilations)}."
            )
        if not all(kernel % 2 for kernel in self.amp_kernels):
            raise ValueError(f"amp_kernels {self.amp_kernels} must all be odd, to keep length.")


BIGVGAN_16K = VocoderConfig()
"""The published 16 kHz vocoder (BigVGAN v1, best_netG): 62.5 mel frames a second."""
