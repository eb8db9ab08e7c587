"""The audio decoder: audio latents to a normalised mel spectrogram.

Legend: B batch, C channels, T mel frames, L audio latents.
"""

from torch import Tensor, nn

from ovi.models.audio_vae.config import AudioVaeConfig
from ovi.models.audio_vae.layers import Level, Middle, OutputConv, make_conv


class Upsample(nn.Module):
    """Doubles time by repeating each step, then smooths with three taps."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = make_conv(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to (B, C, 2T)."""
        doubled: Tensor = self.conv(x.repeat_interleave(2, dim=-1))
        return doubled


class Decoder(nn.Module):
    """The middle, then levels from coarse to fine, then a convolution to the mel bands.

    Levels keep the encoder's numbers, so that level i has the width and, after its upsampling, the
    time step of the encoder's level i; they run from the last to the first.
    """

    def __init__(self, config: AudioVaeConfig) -> None:
        super().__init__()
        widths = [config.hidden_dim * multiple for multiple in config.dim_mult]
        coarser_widths = [*widths[1:], widths[-1]]
        self.input = make_conv(config.latent_channels, widths[-1], 3)
        self.middle = Middle(widths[-1])
        self.levels = nn.ModuleList()
        self.upsamples = nn.ModuleDict()
        for level, (width, coarser) in enumerate(zip(widths, coarser_widths, strict=True)):
            has_attention = level in config.attention_levels
            self.levels.append(
                Level(coarser, width, config.num_res_blocks + 1, has_attention=has_attention)
            )
            # Where the encoder halved time after level i - 1, level i ends by doubling it.
            if level - 1 in config.downsample_levels:
                self.upsamples[str(level)] = Upsample(width)
        self.output = OutputConv(widths[0], config.mel_bands)

    def forward(self, latents: Tensor) -> Tensor:
        """(B, latent channels, L) to (B, mel bands, T)."""
        x = self.middle(self.input(latents))
        for level in reversed(range(len(self.levels))):
            x = self.levels[level](x)
            if str(level) in self.upsamples:
                x = self.upsamples[str(level)](x)
        mel: Tensor = self.output(x)
        return mel
