"""All models of one variant, loaded and placed, as a render computes with them.

How each is made and where its weights wait is `components.py`'s; the order in which a render uses
the models is `ovi/pipeline.py`'s.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import torch
from torch import nn

from ovi.models.audio_vae.model import AudioVae
from ovi.models.fusion.model import FusionModel
from ovi.models.text_encoder.model import TextEncoder
from ovi.models.text_encoder.tokenizer import ByteTokenizer, Tokenizer, load_tokenizer
from ovi.models.video_vae.model import VideoVae
from ovi.models.vocoder.model import Vocoder
from ovi.runtime.components import OnMegabytes, Visit, load_components
from ovi.runtime.devices import compute_dtype
from ovi.runtime.sizes import configs_of
from ovi.spec.placement import Placement
from ovi.spec.request import Precision
from ovi.spec.variants import Variant
from ovi.weights.manifest import MODEL_NAMES
from ovi.weights.store import locate_files


@dataclass(frozen=True, slots=True, eq=False)
class Models:
    """Everything a render computes with."""

    fusion: FusionModel
    video_vae: VideoVae
    audio_vae: AudioVae
    vocoder: Vocoder
    text_encoder: TextEncoder
    tokenizer: Tokenizer
    device: torch.device
    """Where they compute; some wait elsewhere until their turn (see `on_device`)."""
    compute_dtype: torch.dtype
    """What the fusion model takes its inputs in."""
    picture_source: str | None = None
    """Folder or hub name of the image model that draws first frames, if any."""
    has_random_weights: bool = False
    """No file was loaded: clips are noise."""
    visits: Mapping[nn.Module, Visit] = field(default_factory=dict)
    """How the models that wait elsewhere come to the device."""

    def on_device(self, model: nn.Module) -> AbstractContextManager[None]:
        """`model` can compute on `device` inside the `with`: one of these, or half of the VAE."""
        return self.visits.get(model, nullcontext)()


def load_models(
    variant: Variant,
    precision: Precision,
    placement: Placement,
    device: torch.device,
    ckpt_dir: Path | None,
    *,
    picture_source: str | None = None,
    use_random_weights: bool = False,
    on_progress: OnMegabytes | None = None,
) -> Models:
    """The models of `variant` at `precision`, placed as `placement` says.

    `device` is the resolved one of `placement`; `ckpt_dir` None means `./ckpts`. All headers are
    checked before any weight is read. `use_random_weights` makes models of the full size without
    any file, and takes bytes for tokens: for benchmarks. Raises WeightsError or PlacementError.
    """
    files = None if use_random_weights else locate_files(variant, precision, ckpt_dir)
    components = load_components(
        MODEL_NAMES,
        variant,
        precision,
        placement,
        device,
        ckpt_dir,
        use_random_weights=use_random_weights,
        on_progress=on_progress,
    )
    text_len = configs_of(variant, ckpt_dir).text_encoder.text_len
    if files is None or variant.is_embedded:
        tokenizer: Tokenizer = ByteTokenizer(text_len)
    else:
        tokenizer = load_tokenizer(files["tokenizer"], text_len)
    modules = components.modules
    return Models(
        fusion=cast("FusionModel", modules["fusion"]),
        video_vae=cast("VideoVae", modules["video_vae"]),
        audio_vae=cast("AudioVae", modules["audio_vae"]),
        vocoder=cast("Vocoder", modules["vocoder"]),
        text_encoder=cast("TextEncoder", modules["text_encoder"]),
        tokenizer=tokenizer,
        device=device,
        compute_dtype=compute_dtype(precision.transformer),
        picture_source=picture_source,
        has_random_weights=files is None,
        visits=components.visits,
    )
