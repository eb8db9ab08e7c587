"""What a clip will look and sound like, while it is denoised: small, cheap and approximate."""

from collections.abc import Mapping
from pathlib import Path

from ovi.preview.maps import calibrated_map, pixels_per_latent
from ovi.preview.watch import OnDrawing, PreviewWatch
from ovi.spec.variants import variant_named

__all__ = ["watch_preview"]


def watch_preview(
    variant: str,
    ckpt_dir: Path | None,
    weights: Mapping[str, str],
    on_drawing: OnDrawing,
    seconds: float,
) -> PreviewWatch:
    """To be given to a pipeline of that variant as `on_estimate`, for one clip.

    `weights` are the identities of the pipeline's weights; `on_drawing` is called in a thread, at
    most every so many `seconds`.
    """
    known = variant_named(variant)
    return PreviewWatch(
        calibrated_map(known, ckpt_dir, weights),
        on_drawing,
        pixels_per_latent=pixels_per_latent(known),
        seconds=seconds,
    )
