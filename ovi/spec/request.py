"""A request: everything that decides one clip's pixels and samples, and nothing else."""

import math
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self

from ovi.errors import RequestError
from ovi.spec.geometry import FrameSize
from ovi.spec.variants import variant_named

SOLVERS = ("unipc", "dpm++", "euler")
"""Names of the flow-matching solvers, the default first."""

MAX_STEPS = 1000
"""The timesteps are whole numbers below 1000: more steps than that only repeat them."""

MAX_SEED = 2**63 - 1

VIDEO_NEGATIVE = "jitter, bad hands, blur, distortion"
AUDIO_NEGATIVE = "robotic, muffled, echo, distorted"


class Mode(StrEnum):
    """What a clip starts from."""

    T2V = "t2v"
    """a prompt alone"""
    I2V = "i2v"
    """a prompt and a first frame"""
    T2I2V = "t2i2v"
    """a prompt, from which an image model first draws the first frame"""


class TransformerPrecision(StrEnum):
    """How the transformer's weights are held. Arithmetic is bfloat16 unless this says fp32."""

    FP32 = "fp32"
    BF16 = "bf16"
    FP8 = "fp8"
    """stored as float8_e4m3fn, computed in bfloat16: half the memory"""
    INT8 = "int8"
    """linear layers stored as int8 with a scale per output row, computed in bfloat16"""


class NoiseSource(StrEnum):
    """Where the starting noise is drawn."""

    CPU = "cpu"
    """float32 on the CPU: the same noise on every machine"""
    CUDA = "cuda"
    """bfloat16 on the GPU, as the published engine draws it: differs between GPU models"""


@dataclass(frozen=True, slots=True)
class Caching:
    """Model passes to leave out (`ovi/caching.py`): faster, and other pixels."""

    guidance_from: float = 1.0
    """Share of the steps after which the negative pass is not run every time; 1: always is."""
    guidance_every: int = 4
    """Steps from one run of the negative pass to the next, from there on."""
    step_threshold: float = 0.0
    """Relative change of a pass's answer below which its last one is kept; 0: always run."""

    def __post_init__(self) -> None:
        if not 0 <= self.guidance_from <= 1:
            raise RequestError(
                f"guidance_from {self.guidance_from} is no share of the steps: use 0 to 1."
            )
        if self.guidance_every < 1:
            raise RequestError(
                f"The negative pass cannot run every {self.guidance_every} steps: use 1 or more."
            )
        if not 0 <= self.step_threshold < 1:
            raise RequestError(
                f"step_threshold {self.step_threshold} is out of range: use 0 (off) to below 1."
            )


@dataclass(frozen=True, slots=True)
class Sampling:
    """How noise becomes a clip."""

    seed: int = 100
    num_steps: int = 50
    """1 to 1000; each step runs the transformer twice, unless `caching` says otherwise."""
    shift: float = 5.0
    """Above 0; larger spends more steps at high noise."""
    solver: str = "unipc"
    caching: Caching | None = None
    """None: every step runs the transformer twice."""

    def __post_init__(self) -> None:
        if not 0 <= self.seed <= MAX_SEED:
            raise RequestError(f"Seed {self.seed} is out of range: use 0 to {MAX_SEED}.")
        if not 1 <= self.num_steps <= MAX_STEPS:
            raise RequestError(
                f"{self.num_steps} steps cannot be taken: use 1 to {MAX_STEPS}, 50 is usual."
            )
        if not (math.isfinite(self.shift) and self.shift > 0):
            raise RequestError(
                f"Shift {self.shift} has no schedule: use a number above 0, 5 is usual."
            )
        if self.solver not in SOLVERS:
            raise RequestError(f"There is no solver {self.solver!r}. Known: {', '.join(SOLVERS)}.")


@dataclass(frozen=True, slots=True)
class Guidance:
    """How strongly the clip follows the prompt, and what it is led away from."""

    video_scale: float = 4.0
    audio_scale: float = 3.0
    video_negative: str = ""
    audio_negative: str = ""
    skip_layer: int | None = 11
    """Block left out of the negative pass. None, 0 and numbers past the last block skip nothing."""

    def __post_init__(self) -> None:
        for name, scale in (("video", self.video_scale), ("audio", self.audio_scale)):
            if not math.isfinite(scale):
                raise RequestError(
                    f"The {name} guidance scale is {scale}: use a number, 3 to 5 is usual."
                )


@dataclass(frozen=True, slots=True)
class Precision:
    """Number formats that change pixels. The audio decoder always runs in float32."""

    transformer: TransformerPrecision = TransformerPrecision.BF16
    text_encoder: TransformerPrecision = TransformerPrecision.BF16
    """fp32, bf16 or int8"""
    video_vae: TransformerPrecision = TransformerPrecision.FP32
    """fp32 or bf16"""

    def __post_init__(self) -> None:
        if self.text_encoder is TransformerPrecision.FP8:
            raise RequestError("The text encoder runs in fp32, bf16 or int8 only.")
        if self.video_vae not in (TransformerPrecision.FP32, TransformerPrecision.BF16):
            raise RequestError("The video vae runs in fp32 or bf16 only.")


@dataclass(frozen=True, slots=True)
class VaeTiling:
    """The picture is decoded in square tiles: less memory, the same picture up to rounding.

    Time needs no tiles: the decoder streams through it exactly.
    """

    side: int = 384
    """of a tile, in pixels; a multiple of 32, at least 128"""

    def __post_init__(self) -> None:
        if self.side % 32 or self.side < 128:
            raise RequestError(
                f"A tile of {self.side} pixels cannot be decoded: use a multiple of 32, 128 or "
                "more."
            )


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A picture on disk. Only its content decides the clip; the path says where it was found."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class LoraFile:
    """An adapter of the transformer. Its content and weight decide the clip, not its path."""

    path: str
    sha256: str
    weight: float = 1.0
    """How strongly it works: 0 not at all, 1 as it was trained."""

    def __post_init__(self) -> None:
        if not math.isfinite(self.weight):
            raise RequestError(f"The LoRA {self.path} has the weight {self.weight}: use a number.")


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """A first frame for an image model to draw (mode t2i2v)."""

    prompt: str
    size: FrameSize
    seed: int
    guidance_scale: float = 4.5
    num_steps: int = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRequest:
    """One clip, completely described. Equal requests on equal weights give equal clips."""

    text: str
    """The prompt exactly as the text encoder gets it, before the tokenizer's own cleaning."""
    variant: str
    size: FrameSize
    """The size that comes out, already fitted to the variant: both sides multiples of 32."""
    first_frame: ImageFile | None = None
    picture: PictureRequest | None = None
    loras: tuple[LoraFile, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    guidance: Guidance = field(default_factory=Guidance)
    precision: Precision = field(default_factory=Precision)
    vae_tiling: VaeTiling | None = None
    """None: each frame is decoded whole."""
    noise: NoiseSource = NoiseSource.CPU

    def __post_init__(self) -> None:
        variant_named(self.variant)
        if self.size.height % 32 or self.size.width % 32:
            raise RequestError(
                f"The size {self.size} is not made of multiples of 32: fit it first."
            )
        if self.first_frame is not None and self.picture is not None:
            raise RequestError("A clip starts from a given first frame or a drawn one, not both.")

    @property
    def mode(self) -> Mode:
        """What the clip starts from."""
        if self.picture is not None:
            return Mode.T2I2V
        return Mode.I2V if self.first_frame is not None else Mode.T2V

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `from_dict` gives the request back."""
        data = asdict(self)
        return {**data, "loras": list(data["loras"])}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """A request from `to_dict`. Raises RequestError naming what is missing or wrong."""
        try:
            first_frame, picture = data["first_frame"], data["picture"]
            tiling = data.get("vae_tiling")  # recipes of the first release have none
            return cls(
                text=data["text"],
                variant=data["variant"],
                size=FrameSize(**data["size"]),
                first_frame=None if first_frame is None else ImageFile(**first_frame),
                picture=None
                if picture is None
                else PictureRequest(**{**picture, "size": FrameSize(**picture["size"])}),
                loras=tuple(LoraFile(**lora) for lora in data.get("loras", ())),
                sampling=_read_sampling(data["sampling"]),
                guidance=Guidance(**data["guidance"]),
                precision=Precision(
                    **{k: TransformerPrecision(v) for k, v in data["precision"].items()}
                ),
                vae_tiling=None if tiling is None else VaeTiling(**tiling),
                noise=NoiseSource(data["noise"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, RequestError):
                raise
            raise RequestError(f"The request cannot be read: {error!r}.") from error


def _read_sampling(data: dict[str, Any]) -> Sampling:
    caching = data.get("caching")  # recipes of the first release have none
    return Sampling(**{**data, "caching": None if caching is None else Caching(**caching)})


def default_sampling(variant: str) -> Sampling:
    """The sampling a variant is rendered with when nothing else is said."""
    return Sampling(num_steps=20) if variant_named(variant).is_embedded else Sampling()
