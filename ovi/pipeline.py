"""The order of a render: text, first frame, noise, denoising, sound, picture.

Only this file knows that order. What each stage computes stands in the models, the solvers and
the guidance; where the models live stands in the placement, applied through `Models.on_device`.
"""

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ovi.caching import CachedVelocity
from ovi.denoise import OnEstimate, denoise
from ovi.encodings import Encoding, Encodings, EncodingStore, Expected, encoding_scope
from ovi.errors import FirstFrameError, NumericalError, RequestError, WeightsError
from ovi.first_frame import prepare_first_frame, read_image
from ovi.guidance import guided_velocity
from ovi.media import frames_to_uint8
from ovi.models.audio_vae.model import transpose_latents
from ovi.models.text_encoder.encode import embed_separately
from ovi.noise import draw_noise
from ovi.picture import draw_picture
from ovi.runtime.devices import resolve_device
from ovi.runtime.lora import LoraRack
from ovi.runtime.models import Models, load_models
from ovi.runtime.tiling import decode_tiled
from ovi.solvers import solver_for
from ovi.spec.geometry import FrameSize
from ovi.spec.placement import Offload, Placement
from ovi.spec.request import (
    ClipRequest,
    Guidance,
    ImageFile,
    LoraFile,
    Precision,
    Sampling,
    VaeTiling,
)
from ovi.spec.tiles import plan_tiles
from ovi.spec.variants import FPS, SAMPLE_RATE, Variant, variant_named
from ovi.types import Latents, TextEmbeddings


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a render is. `step` counts finished steps of `num_steps` within the stage."""

    stage: str
    step: int
    num_steps: int


@dataclass(frozen=True, slots=True)
class ClipStream:
    """A clip whose frames are decoded while they are read."""

    size: FrameSize
    num_frames: int
    waveform: np.ndarray
    """float32 (samples,) in [-1, 1]"""
    frames: Iterator[np.ndarray]
    """uint8 (n, H, W, 3), n frames at a time; can be read once"""
    latents_sha256: str
    """hash of the denoised latents, to prove that two renders agree bit for bit"""
    fps: int = FPS
    sample_rate: int = SAMPLE_RATE
    picture_png: bytes | None = None
    """the first frame that was drawn, in mode t2i2v"""
    warnings: tuple[str, ...] = ()
    """what the user should know about this clip, one sentence each"""


OnProgress = Callable[[Progress], None]


def _no_progress(_: Progress) -> None:
    """The default: nobody watches."""


class OviPipeline:
    """Models of one variant on one device, ready to render requests for it."""

    def __init__(
        self,
        variant: Variant,
        models: Models,
        placement: Placement,
        encodings: Encodings | None = None,
    ) -> None:
        """`encodings` may share with other processes what texts and first frames came to."""
        self.variant = variant
        self.models = models
        self.placement = placement
        self.device = models.device
        self._encodings = encodings or Encodings()
        self._lora_rack = LoraRack(models.fusion, models.device, models.compute_dtype)

    def render(
        self,
        request: ClipRequest,
        *,
        on_progress: OnProgress = _no_progress,
        on_estimate: OnEstimate | None = None,
    ) -> ClipStream:
        """Renders one request up to its latents and sound; frames follow as the stream is read.

        `on_estimate` sees at each denoising step what the clip may become (see `ovi/denoise.py`).
        Raises RequestError for a request of another variant, FirstFrameError for an unusable
        picture, NumericalError when a stage's result is not finite, and whatever `on_progress`
        raises, which is how a render is cancelled.
        """
        if request.variant != self.variant.name:
            raise RequestError(
                f"This pipeline holds {self.variant.name}, and the request is for "
                f"{request.variant}: load that variant."
            )
        embeddings, warnings = self._encode_request(request, on_progress)
        picture = self._first_frame_pixels(request, on_progress)
        first_frame = None
        if picture is not None:
            on_progress(Progress("first_frame", 0, 1))
            first_frame = self.encode_first_frame(picture, request.size)
        noise = draw_noise(
            self.variant, request.size, request.sampling.seed, request.noise, self.device
        )
        latents = self.denoise_latents(
            embeddings,
            noise,
            first_frame,
            request.sampling,
            request.guidance,
            on_progress,
            on_estimate,
            loras=request.loras,
        )
        on_progress(Progress("audio", 0, 1))
        waveform = self.decode_audio(latents.audio)
        return ClipStream(
            size=request.size,
            num_frames=self.variant.num_frames,
            waveform=waveform,
            frames=self.decode_frames(latents.video, on_progress, request.vae_tiling),
            latents_sha256=_latents_sha256(latents),
            picture_png=None if request.picture is None or picture is None else _png(picture),
            warnings=warnings,
        )

    def encode_ahead(self, request: ClipRequest) -> None:
        """Encodes a later request's texts, from another thread than the one that renders.

        On a GPU that holds all models for good, beside the work of the other thread; elsewhere
        nothing is done, since both would want the same processor or the same memory.
        """
        if self.device.type != "cuda" or self.placement.offload is not Offload.NONE:
            return
        stream = torch.cuda.Stream(self.device)
        with torch.cuda.device(self.device), torch.cuda.stream(stream):
            self.encode_texts([*_texts_of(request).values()])

    # The stages, in order. Each is usable alone.

    def encode_text(self, text: str) -> tuple[Tensor, int]:
        """Embedding (n, D) of one text, and how many tokens it had before being cut to n."""
        return self.encode_texts([text])[0]

    def encode_texts(self, texts: Sequence[str]) -> list[tuple[Tensor, int]]:
        """As `encode_text` for each, with one visit of the text encoder for those not known yet."""
        config = self.models.text_encoder.config
        found = self._encodings.find_or_make(
            [{"text": text} for text in texts],
            Expected((config.text_len, config.dim)),
            lambda indices: self._embed([texts[index] for index in indices]),
        )
        return [(encoding.tensor.to(self.device), encoding.num_tokens) for encoding in found]

    def encode_first_frame(self, picture: np.ndarray, size: FrameSize) -> Tensor:
        """Latent (1, C, 1, h, w), float32, of a picture uint8 (H, W, 3) fitted to `size`."""
        vae = self.models.video_vae
        dtype = next(vae.parameters()).dtype

        def encode(_: Sequence[int]) -> list[Encoding]:
            with self.models.on_device(vae.encoder), torch.inference_mode():
                pixels = prepare_first_frame(picture, size).to(self.device, dtype)
                return [Encoding(vae.encode(pixels[:, :, None]).float().cpu())]

        content = hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest()
        inputs = {"picture": content, "shape": picture.shape, "size": str(size)}
        expected = Expected((1, vae.config.latent_channels, 1, *size.latent_shape))
        (encoding,) = self._encodings.find_or_make([inputs], expected, encode)
        return encoding.tensor.to(self.device)

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
        """Latents of the clip: float32 video (1, C, F, h, w) and audio (1, L, C).

        Raises WeightsError for a LoRA that does not fit, before anything is computed.
        """
        fusion = self.models.fusion
        solver = solver_for(sampling.solver, sampling.num_steps, sampling.shift)
        guided = guided_velocity(
            fusion,
            embeddings,
            video_scale=guidance.video_scale,
            audio_scale=guidance.audio_scale,
            skip_layer=guidance.skip_layer,
            dtype=self.models.compute_dtype,
            first_frame_is_clean=first_frame is not None,
        )
        caching = sampling.caching
        velocity = (
            guided if caching is None else CachedVelocity(guided, caching, sampling.num_steps)
        )

        def report(index: int, num_steps: int, _: Latents) -> None:
            on_progress(Progress("denoise", index + 1, num_steps))

        on_progress(Progress("denoise", 0, sampling.num_steps))
        with (
            self._lora_rack.applied(loras),
            self.models.on_device(fusion),
            torch.inference_mode(),
        ):
            return denoise(
                velocity,
                solver,
                noise,
                first_frame=first_frame,
                on_step=report,
                on_estimate=on_estimate,
            )

    def decode_audio(self, audio: Tensor) -> np.ndarray:
        """Waveform float32 (samples,) of audio latents (1, L, C)."""
        audio_vae, vocoder = self.models.audio_vae, self.models.vocoder
        with torch.inference_mode():
            with self.models.on_device(audio_vae):
                mel = audio_vae.decode(transpose_latents(audio.float()))
            with self.models.on_device(vocoder):
                waveform = vocoder(mel)[0, 0].float().cpu()
        if not bool(waveform.isfinite().all()):
            raise NumericalError("The decoded sound is not finite. Try --precision bf16 or fp32.")
        samples: np.ndarray = waveform.numpy()
        return samples

    def decode_video(self, video: Tensor, tiling: VaeTiling | None = None) -> Iterator[Tensor]:
        """Frames (1, 3, n, H, W) in [-1, 1], a few at a time, of video latents (1, C, F, h, w)."""
        vae = self.models.video_vae
        dtype = next(vae.parameters()).dtype
        factor = vae.config.spatial_factor
        size = FrameSize(factor * video.shape[3], factor * video.shape[4])
        tiles = plan_tiles(size, tiling)
        with self.models.on_device(vae.decoder):
            for frames in _without_gradients(decode_tiled(vae, video.to(dtype), tiles)):
                if not bool(frames.isfinite().all()):
                    raise NumericalError(
                        "The decoded frames are not finite. Try --vae-precision fp32."
                    )
                yield frames

    def decode_frames(
        self,
        video: Tensor,
        on_progress: OnProgress = _no_progress,
        tiling: VaeTiling | None = None,
    ) -> Iterator[np.ndarray]:
        """Pixels uint8 (n, H, W, 3), a few frames at a time, of video latents (1, C, F, h, w)."""
        done = 0
        on_progress(Progress("video", 0, self.variant.num_frames))
        for frames in self.decode_video(video, tiling):
            pixels = frames_to_uint8(frames[0].permute(1, 2, 3, 0)).cpu().numpy()
            done += len(pixels)
            yield pixels
            on_progress(Progress("video", done, self.variant.num_frames))

    # How `render` uses them.

    def _encode_request(
        self, request: ClipRequest, on_progress: OnProgress
    ) -> tuple[TextEmbeddings, tuple[str, ...]]:
        texts = _texts_of(request)
        warnings: list[str] = []
        if self.models.has_random_weights:
            warnings.append(
                f"{self.variant.name} runs on random weights, since no trained ones were loaded: "
                "the clip shows coloured noise and sounds like noise."
            )
        on_progress(Progress("text", 0, len(texts)))
        encoded = self.encode_texts([*texts.values()])
        for name, (embedding, num_tokens) in zip(texts, encoded, strict=True):
            if num_tokens > embedding.shape[0]:
                warnings.append(
                    f"The {name} has {num_tokens} tokens and only the first "
                    f"{embedding.shape[0]} are read; shorten it to keep its end."
                )
        return TextEmbeddings(*(embedding for embedding, _ in encoded)), tuple(warnings)

    def _embed(self, texts: Sequence[str]) -> list[Encoding]:
        """The texts through the text encoder."""
        encoder = self.models.text_encoder
        batches = [self.models.tokenizer.encode([text]) for text in texts]
        with self.models.on_device(encoder), torch.inference_mode():
            embeddings = embed_separately(encoder, batches, self.device)
        return [
            Encoding(embedding.cpu(), batch.num_tokens_before_truncation[0])
            for embedding, batch in zip(embeddings, batches, strict=True)
        ]

    def _first_frame_pixels(
        self, request: ClipRequest, on_progress: OnProgress
    ) -> np.ndarray | None:
        if request.picture is not None:
            on_progress(Progress("picture", 0, request.picture.num_steps))
            if self.models.picture_source is None:
                raise WeightsError("No image model was named for mode t2i2v: give --picture-model.")
            return draw_picture(
                request.picture,
                self.models.picture_source,
                self.device,
                lambda step, num_steps: on_progress(Progress("picture", step, num_steps)),
            )
        if request.first_frame is not None:
            return _read_unchanged(request.first_frame)
        return None


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
) -> OviPipeline:
    """Models of the variant, loaded and placed. Raises WeightsError or PlacementError.

    With the identities of the `weights`, by component, encodings are shared through the `store`.
    """
    known = variant_named(variant)
    if placement.num_threads is not None:
        torch.set_num_threads(placement.num_threads)
    models = load_models(
        known,
        precision,
        placement,
        resolve_device(placement.device),
        ckpt_dir,
        picture_source=picture_source,
        on_progress=lambda done, total: on_progress(Progress("load", done, total)),
    )
    scope = None if weights is None else encoding_scope(precision, weights, models.device)
    return OviPipeline(known, models, placement, Encodings(store, scope))


def _texts_of(request: ClipRequest) -> dict[str, str]:
    """What the text encoder reads of a request, by what messages call it."""
    return {
        "prompt": request.text,
        "video negative": request.guidance.video_negative,
        "audio negative": request.guidance.audio_negative,
    }


def _read_unchanged(image: ImageFile) -> np.ndarray:
    """The picture, uint8 (H, W, 3). Raises FirstFrameError when it is not the one planned with."""
    path = Path(image.path)
    picture = read_image(path)
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != image.sha256:
            raise FirstFrameError(
                f"{path} has changed since the clip was planned: bring the picture back, or "
                "render the prompt again to start from the new one."
            )
    return picture


def _without_gradients(frames: Iterator[Tensor]) -> Iterator[Tensor]:
    """Runs each step of a generator without recording gradients.

    A `with` around the loop would leak the mode to whoever reads the frames in between.
    """
    while True:
        with torch.inference_mode():
            try:
                frame = next(frames)
            except StopIteration:
                return
        yield frame


def _latents_sha256(latents: Latents) -> str:
    digest = hashlib.sha256()
    for part in (latents.video, latents.audio):
        digest.update(part.float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()
