"""A pipeline whose denoising and picture decoding are spread over several devices of one host."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ovi import pipeline as single
from ovi.denoise import OnEstimate
from ovi.encodings import Encodings, EncodingStore, encoding_scope
from ovi.errors import OviError, RequestError
from ovi.parallel.frames import FramesOnTheWay, one_ahead
from ovi.parallel.group import RankGroup
from ovi.parallel.layout import Layout
from ovi.parallel.messages import Decode, Denoise, Setup, TensorShape
from ovi.parallel.placing import devices_for, shared_placement
from ovi.parallel.ranks import RANK_COMMAND, Ranks
from ovi.parallel.stages import Stages
from ovi.pipeline import OnProgress, OviPipeline, Progress
from ovi.runtime.models import Models, load_models
from ovi.runtime.sizes import configs_of
from ovi.spec.placement import Placement
from ovi.spec.request import Guidance, LoraFile, Precision, Sampling, VaeTiling
from ovi.spec.variants import Variant, variant_named
from ovi.types import Latents, TextEmbeddings


def _no_progress(_: Progress) -> None:
    """The default: nobody watches."""


class ParallelPipeline(OviPipeline):
    """Rank 0: renders as any pipeline does, and has other processes share the heavy stages.

    A clip's frames must have been read to the end, or their iterator closed, before the next clip
    is denoised. When a rank is lost, RankError is raised and the pipeline is of no further use.
    """

    def __init__(
        self,
        variant: Variant,
        models: Models,
        placement: Placement,
        stages: Stages,
        ranks: Ranks,
        encodings: Encodings | None = None,
    ) -> None:
        super().__init__(variant, models, placement, encodings)
        self._stages = stages
        self._ranks = ranks

    def close(self) -> None:
        """Ends the other ranks. Harmless when that is done already."""
        self._ranks.close()

    def denoise_latents(
        self,
        embeddings: TextEmbeddings,
        noise: Latents,
        first_frame: Tensor | None,
        sampling: Sampling,
        guidance: Guidance,
        on_progress: OnProgress = _no_progress,
        on_estimate: OnEstimate | None = None,
        *,
        loras: Sequence[LoraFile] = (),
    ) -> Latents:
        """As on one device, up to rounding; only this rank tells of estimates.

        Raises RequestError for a request with caches, which one device has only.
        """
        if sampling.caching is not None:
            raise RequestError(
                "Caches work with one GPU for a clip only: leave them out, or give each clip one."
            )
        noise = Latents(noise.video.float(), noise.audio.float())
        given = [embeddings.positive, embeddings.video_negative, embeddings.audio_negative]
        given += [noise.video, noise.audio, *([] if first_frame is None else [first_frame])]
        given = [tensor.to(self.device).contiguous() for tensor in given]
        texts, first = TextEmbeddings(*given[:3]), given[5] if first_frame is not None else None

        self._stages.lora_rack.prepare(loras)  # before the other ranks would fail of it
        on_progress(Progress("denoise", 0, sampling.num_steps))
        order = Denoise(tuple(map(_shape_of, given)), sampling, guidance, tuple(loras))
        with self._ranks.work(order) as work:

            def lead(index: int, num_steps: int, _: Latents) -> None:
                try:
                    on_progress(Progress("denoise", index + 1, num_steps))
                except BaseException:
                    work.stop()
                    raise
                work.go_on()
                work.is_settled = index + 1 == num_steps

            self._stages.group.broadcast(given)
            return self._stages.denoise(
                texts,
                Latents(*given[3:5]),
                first,
                sampling,
                guidance,
                lead,
                on_estimate,
                loras=loras,
            )

    def decode_video(self, video: Tensor, tiling: VaeTiling | None = None) -> Iterator[Tensor]:  # noqa: ARG002
        """As on one device, up to rounding. `tiling` is not needed: a strip is small enough."""
        for frames in self._pieces(video):
            FramesOnTheWay(frames).wait()
            yield frames

    def decode_frames(
        self,
        video: Tensor,
        on_progress: OnProgress = _no_progress,
        tiling: VaeTiling | None = None,  # noqa: ARG002
    ) -> Iterator[np.ndarray]:
        """As on one device; the next frames are decoded while the reader has these."""
        done, num_frames = 0, self.variant.num_frames
        on_progress(Progress("video", 0, num_frames))
        with closing(self._pieces(video)) as frames:
            for copy in one_ahead(FramesOnTheWay(piece) for piece in frames):
                pixels = copy.wait()
                done += len(pixels)
                yield pixels
                on_progress(Progress("video", done, num_frames))

    def _pieces(self, video: Tensor) -> Generator[Tensor]:
        """Frames (1, 3, n, H, W), unchecked; on a GPU they may not be there yet."""
        video = video.to(self.device, torch.float32).contiguous()
        with self._ranks.work(Decode(_shape_of(video))) as work:

            def lead() -> bool:
                work.go_on()
                return True

            self._stages.group.broadcast([video])
            try:
                for frames in self._stages.decode(video, lead):
                    assert frames is not None
                    self._ranks.check()
                    yield frames
            except GeneratorExit:
                work.stop()
                raise
            work.is_settled = True


def load_pipeline(
    variant: str,
    precision: Precision,
    placement: Placement,
    ckpt_dir: Path | None,
    *,
    picture_source: str | None = None,
    weights: Mapping[str, str] | None = None,
    store: EncodingStore | None = None,
    on_progress: OnProgress = _no_progress,
    layout: Layout | None = None,
    use_random_weights: bool = False,
    rank_command: Sequence[str] = RANK_COMMAND,
) -> OviPipeline:
    """`ovi.pipeline.load_pipeline` for any number of devices.

    With `placement.num_gpus` above 1 this process becomes rank 0 and starts the others. Raises
    PlacementError when there are not so many devices, and what a rank says that could not load.
    `layout` divides the work in another way than the fastest; random weights are for benchmarks.
    """
    if placement.num_gpus == 1:
        return single.load_pipeline(
            variant,
            precision,
            placement,
            ckpt_dir,
            picture_source=picture_source,
            weights=weights,
            store=store,
            on_progress=on_progress,
        )
    known = variant_named(variant)
    devices = devices_for(placement)
    layout = layout or Layout.of(placement.num_gpus)
    layout.check_heads(configs_of(known, ckpt_dir).fusion.video.num_heads)
    if placement.num_threads is not None:
        torch.set_num_threads(placement.num_threads)
    setup = Setup(
        layout=layout,
        variant=variant,
        precision=precision,
        placement=placement,
        ckpt_dir=ckpt_dir,
        use_random_weights=use_random_weights,
    )
    ranks = Ranks(setup, [str(device) for device in devices], rank_command)
    try:
        models = load_models(
            known,
            precision,
            shared_placement(placement),
            devices[0],
            ckpt_dir,
            picture_source=picture_source,
            use_random_weights=use_random_weights,
            on_progress=lambda done, total: on_progress(Progress("load", done, total)),
        )
        ranks.wait_until_ready()
        group = RankGroup(layout, 0, devices[0], ranks.rendezvous)
        ranks.watch(group)
        group.greet()
        stages = Stages.of(
            group,
            models.fusion,
            models.video_vae,
            models.compute_dtype,
            models.on_device,
            placement,
        )
    except OviError:
        ranks.close()
        raise
    except BaseException as error:
        ranks.abandon(error)
        raise
    scope = None if weights is None else encoding_scope(precision, weights, models.device)
    return ParallelPipeline(known, models, placement, stages, ranks, Encodings(store, scope))


def _shape_of(tensor: Tensor) -> TensorShape:
    return TensorShape(tuple(tensor.shape), tensor.dtype)
