"""The fusion transformer: noisy picture and sound in, the velocity of both out.

Two branches of equal depth run block by block, each reading the other. Offload, compilation,
quantization and parallelism are applied from outside: attention through `set_attention`, whole
fusion blocks through the attribute `run_block`.

B batch, C channels, F latent frames, H W latent rows and columns, L audio latents, D text width.
"""

from collections.abc import Iterable
from typing import cast

from torch import Tensor, nn

from ovi.models.fusion.backbone import AudioBackbone, VideoBackbone
from ovi.models.fusion.block import BackboneBlock, Conditioning, RunBlock, run_fusion_block
from ovi.models.fusion.config import FusionConfig


class FusionModel(nn.Module):
    """The transformer; parameter names are those of the published checkpoint."""

    def __init__(self, config: FusionConfig) -> None:
        super().__init__()
        self.config = config
        self.video_model = VideoBackbone(config.video)
        self.audio_model = AudioBackbone(config.audio)
        self.run_block: RunBlock = run_fusion_block
        """Runs one fusion block; replace it to stream, compile or checkpoint blocks."""

    def forward(
        self,
        video: Tensor,
        audio: Tensor,
        timestep: Tensor,
        video_text: Tensor,
        audio_text: Tensor,
        *,
        first_frame_is_clean: bool = False,
        skip_layer: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The flow velocity (noise minus clean), shaped like the latents, in the model's dtype.

        `video` (B, C, F, H, W), `audio` (B, L, C), `timestep` (B,) from 0 to 1000,
        `video_text` and `audio_text` (B, n, D), n at most text_len rows; rows of a batch that
        are shorter are filled with zeros, which is what the model does beyond n anyway. All
        tensors lie on the model's device; latents and text may be of any floating dtype.
        `first_frame_is_clean` says that frame 0 holds a given image rather than noise.
        `skip_layer` leaves one fusion block out; see `skipped_block`.
        """
        video_grid, audio_grid = self.video_model.grid_of(video), self.audio_model.grid_of(audio)
        video_given = self.video_model.condition(
            video_grid, timestep, video_text, num_clean_frames=int(first_frame_is_clean)
        )
        audio_given = self.audio_model.condition(audio_grid, timestep, audio_text)

        video_tokens, audio_tokens = self.run_blocks(
            self.video_model.embed(video),
            self.audio_model.embed(audio),
            video_given,
            audio_given,
            skip_layer=skip_layer,
        )
        return (
            self.video_model.project(video_tokens, video_given, video_grid),
            self.audio_model.project(audio_tokens, audio_given),
        )

    def run_blocks(
        self,
        video: Tensor,
        audio: Tensor,
        video_given: Conditioning,
        audio_given: Conditioning,
        *,
        skip_layer: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Tokens of both branches (B, L, D) through all fusion blocks but a skipped one."""
        skipped = skipped_block(skip_layer, self.config.num_layers)
        pairs = cast(
            "Iterable[tuple[BackboneBlock, BackboneBlock]]",
            zip(self.video_model.blocks, self.audio_model.blocks, strict=True),
        )
        for index, (video_block, audio_block) in enumerate(pairs):
            if index != skipped:
                video, audio = self.run_block(
                    video_block, audio_block, video, audio, video_given, audio_given
                )
        return video, audio


def skipped_block(skip_layer: int | None, num_layers: int) -> int | None:
    """The block that `skip_layer` leaves out, counted from 0, or None.

    Published settings mean "off" by 0, by a negative number or by one past the last block, so
    the first block can never be skipped.
    """
    if skip_layer is None or not 0 < skip_layer < num_layers:
        return None
    return skip_layer
