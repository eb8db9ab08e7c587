"""Sound beside picture: a fusion block whose two branches run on two streams of a GPU.

The branch of the sound is short of tokens: its kernels leave most of the GPU idle, and fill the
time in which the picture waits for an exchange.
"""

import torch
from torch import Tensor

from ovi.models.fusion.block import BackboneBlock, Conditioning


class TwoStreams:
    """Runs fusion blocks as `run_fusion_block` does, in its order, the branches on a stream each.

    Each pass through the blocks is framed by `start` and `join`.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._picture = torch.cuda.current_stream(device)
        self._sound = torch.cuda.Stream(device, priority=-1)
        self._lent: tuple[Tensor, torch.cuda.Event] | None = None
        """Tokens of the picture that the sound still reads, and when it will have."""

    def start(self, audio: Tensor) -> None:
        """Lets the sound's stream have what the present one has made, its first tokens too."""
        self._picture = torch.cuda.current_stream(self._device)
        self._sound.wait_stream(self._picture)
        audio.record_stream(self._sound)

    def run_block(
        self,
        video_block: BackboneBlock,
        audio_block: BackboneBlock,
        video: Tensor,
        audio: Tensor,
        video_given: Conditioning,
        audio_given: Conditioning,
    ) -> tuple[Tensor, Tensor]:
        """Tokens of both branches (B, L, D), one fusion block further.

        Those of the sound are ready on its own stream, and on the picture's only after `join`.
        """
        with torch.cuda.stream(self._sound):
            audio_attention, audio_ffn = audio_block.modulation(audio_given.time)
            audio = audio_block.attend_to_self(audio, audio_attention, audio_given)
            audio.record_stream(self._picture)
            heard = self._sound.record_event()

        video_attention, video_ffn = video_block.modulation(video_given.time)
        video = video_block.attend_to_self(video, video_attention, video_given)
        seen = self._picture.record_event()

        with torch.cuda.stream(self._sound):
            self._sound.wait_event(seen)
            further = audio_block.attend_to_others(audio, audio_given, video, video_given.rope)
            read = self._sound.record_event()
            further = audio_block.feed_forward(further, audio_ffn, audio_given)

        # The allocator knows of one stream only: what the picture lent last time may be let go of
        # once the sound has read it, which it has long since.
        self._take_back()
        self._lent = video, read

        self._picture.wait_event(heard)
        video = video_block.attend_to_others(video, video_given, audio, audio_given.rope)
        return video_block.feed_forward(video, video_ffn, video_given), further

    def join(self, audio: Tensor) -> None:
        """Makes the picture's stream wait for the sound's, whose tokens it may then use."""
        self._take_back()
        self._picture.wait_stream(self._sound)
        audio.record_stream(self._picture)

    def _take_back(self) -> None:
        if self._lent is not None:
            self._picture.wait_event(self._lent[1])
            self._lent = None
