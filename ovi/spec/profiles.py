"""Profiles: named settings that make a render fit a machine, or make it faster.

A profile sets both sides, the request's number formats and the placement, and is resolved before
anything is hashed: a clip is known by what came out, not by the profile's name. What somebody
chooses by hand wins over the profile, and the profile over the defaults.

The profiles named after a card keep as much of the transformer on the device as that card holds;
the rest passes through. Clips rendered with `exact`, `24gb` and `16gb` agree up to rounding. Which
profile fits a machine is left to `ovi_studio/render/fitting.py`.
"""

import bisect
import difflib
import math
from dataclasses import dataclass, replace

from ovi.errors import RequestError
from ovi.spec.flops import video_tokens
from ovi.spec.geometry import SIZE_STEP, FrameSize
from ovi.spec.memory import RenderShape, render_memory
from ovi.spec.model_sizes import sizes_of
from ovi.spec.placement import Offload
from ovi.spec.request import Precision, TransformerPrecision, VaeTiling
from ovi.spec.variants import Variant

BF16, FP32 = TransformerPrecision.BF16, TransformerPrecision.FP32
FP8, INT8 = TransformerPrecision.FP8, TransformerPrecision.INT8

TOKEN_CHUNK = 8192
"""Tokens that the transformer works on at a time on the smallest cards; costs 5 to 10 % of time."""

MANY_TOKENS = 20_000
"""Fewer are worked on all at once everywhere: they take little memory."""

MARGIN = 0.95
"""Of a card's memory, what a plan may take: plans are off by a few per cent."""

AUTO = "auto"
"""Not a profile: takes the first of them that fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One profile. None: as without a profile."""

    name: str
    meaning: str
    """what it is for, in a line"""
    transformer: TransformerPrecision | None = None
    text_encoder: TransformerPrecision | None = None
    video_vae: TransformerPrecision | None = None
    vae_tiling: VaeTiling | None = None
    offload: Offload | None = None
    chunks_tokens: bool = False
    """many tokens are worked on in chunks"""
    device: str | None = None
    card_bytes: int | None = None
    """memory of the card that it is made for, which decides how many blocks stay on the device"""

    # Caches of the denoising loop and compilation are settings of `fast` once they exist.


def _card(gigabytes: int, meaning: str, **settings: object) -> Profile:
    return Profile(
        name=f"{gigabytes}gb",
        meaning=meaning,
        offload=Offload.BLOCKS,
        card_bytes=gigabytes * 10**9,
        **settings,  # type: ignore[arg-type]
    )


PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            name="exact",
            meaning="Everything on the GPU, bf16, and the video decoder in fp32.",
            transformer=None,
            offload=Offload.NONE,
        ),
        Profile(
            name="fast",
            meaning="As exact, with the video decoder in bf16.",
            video_vae=BF16,
            offload=Offload.NONE,
        ),
        Profile(
            name="fp8",
            meaning="The transformer in fp8, everything on the GPU.",
            transformer=FP8,
            video_vae=BF16,
            offload=Offload.NONE,
        ),
        Profile(
            name="int8",
            meaning="Transformer and text encoder in int8, everything on the GPU.",
            transformer=INT8,
            text_encoder=INT8,
            video_vae=BF16,
            offload=Offload.NONE,
        ),
        _card(24, "The pixels of exact on a card with 24 GB.", vae_tiling=VaeTiling()),
        _card(16, "The pixels of exact on a card with 16 GB.", vae_tiling=VaeTiling()),
        _card(
            12,
            "int8 on a card with 12 GB.",
            transformer=INT8,
            video_vae=BF16,
            vae_tiling=VaeTiling(),
        ),
        _card(
            8,
            "int8 on a card with 8 GB.",
            chunks_tokens=True,
            transformer=INT8,
            video_vae=BF16,
            vae_tiling=VaeTiling(),
        ),
        _card(
            6,
            "int8 on a card with 6 GB.",
            chunks_tokens=True,
            transformer=INT8,
            video_vae=BF16,
            vae_tiling=VaeTiling(),
        ),
        Profile(
            name="cpu",
            meaning="No GPU: bf16 from the mapped weight files. Hours a clip, but for nano.",
            device="cpu",
            transformer=BF16,
            text_encoder=BF16,
            offload=Offload.MODEL,
        ),
    )
}
"""Every profile, those that take more memory first."""

UNNAMED = Profile(name="", meaning="Settings without a profile.")
"""What holds where nobody names a profile: the defaults."""


def profile_named(name: str | None) -> Profile:
    """The profile of that name; `UNNAMED` for None. Raises RequestError that lists the known ones.

    `auto` is none of them: it must have been resolved before.
    """
    if name is None:
        return UNNAMED
    try:
        return PROFILES[name]
    except KeyError:
        known = (*PROFILES, AUTO)
        near = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise RequestError(
            f"There is no profile {name!r}. Known: {', '.join(known)}.{hint}"
        ) from None


def precision_of(
    profile: Profile,
    *,
    on_cpu: bool,
    transformer: TransformerPrecision | None = None,
    text_encoder: TransformerPrecision | None = None,
    video_vae: TransformerPrecision | None = None,
) -> Precision:
    """The number formats: those given, else the profile's, else bf16 (fp32 on a CPU) and a VAE in
    fp32. Raises RequestError for a format that a model does not run in.
    """
    transformer = transformer or profile.transformer or (FP32 if on_cpu else BF16)
    return Precision(
        transformer=transformer,
        text_encoder=text_encoder
        or profile.text_encoder
        or (FP32 if transformer is FP32 else BF16),
        video_vae=video_vae or profile.video_vae or FP32,
    )


def fit_to_card(shape: RenderShape, profile: Profile) -> RenderShape:
    """The render with as many blocks on the device as the profile's card holds."""
    if profile.card_bytes is None or shape.placement.offload is not Offload.BLOCKS:
        return shape
    if (
        profile.chunks_tokens
        and video_tokens(shape.variant, largest_size(shape.variant)) > MANY_TOKENS
    ):
        shape = replace(shape, placement=replace(shape.placement, token_chunk=TOKEN_CHUNK))
    count = blocks_that_fit(shape, round(MARGIN * profile.card_bytes))
    return replace(shape, placement=replace(shape.placement, resident_blocks=count))


def blocks_that_fit(shape: RenderShape, budget_bytes: int) -> int:
    """How many blocks can stay on a device of which a render may take `budget_bytes`; 0 or more.

    The answer is for the largest frames of the variant, so that all clips of a set agree.
    """
    largest = largest_size(shape.variant)
    size = shape.size if shape.size.area > largest.area else largest

    def needed(count: int) -> int:
        placement = replace(shape.placement, resident_blocks=count)
        memory = render_memory(replace(shape, size=size, placement=placement))
        return memory.device_bytes_of("denoise")

    return bisect.bisect_right(
        range(1, sizes_of(shape.variant).transformer.num_layers + 1), budget_bytes, key=needed
    )


def largest_size(variant: Variant) -> FrameSize:
    """A size of the largest area that fitting to the variant's area usually gives.

    Both roundings together add up to 6 % for shapes up to 10:1.
    """
    rows = math.isqrt(math.ceil(1.06 * variant.target_area / SIZE_STEP**2))
    columns = math.ceil(1.06 * variant.target_area / SIZE_STEP**2 / rows)
    return FrameSize(SIZE_STEP * rows, SIZE_STEP * columns)
