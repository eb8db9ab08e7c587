"""All models of one variant, loaded and placed.

Brings together what its neighbours do: files, sizes, loading, weight storage, random weights. The
order in which a render uses the models is `ovi/pipeline.py`'s.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import torch
from torch import nn

from ovi.errors import PlacementError
from ovi.models.audio_vae.keys import from_published as audio_vae_keys
from ovi.models.audio_vae.model import AudioVae
from ovi.models.fusion.attention import set_attention
from ovi.models.fusion.model import FusionModel
from ovi.models.text_encoder.keys import from_published as text_encoder_keys
from ovi.models.text_encoder.model import TextEncoder
from ovi.models.text_encoder.tokenizer import ByteTokenizer, Tokenizer, load_tokenizer
from ovi.models.video_vae.keys import from_published as video_vae_keys
from ovi.models.video_vae.model import VideoVae
from ovi.models.vocoder.keys import from_published as vocoder_keys
from ovi.models.vocoder.model import Vocoder
from ovi.ops.attention import attention_backend
from ovi.runtime.devices import compute_dtype
from ovi.runtime.loading import Convert, check_files, load_model
from ovi.runtime.quantize import store_fp8, store_int8
from ovi.runtime.random_weights import fill_random, fill_random_fast
from ovi.runtime.sizes import ModelConfigs, configs_of
from ovi.spec.placement import Offload, Placement
from ovi.spec.request import Precision, TransformerPrecision
from ovi.spec.variants import Variant
from ovi.weights.manifest import NANO_SEED
from ovi.weights.store import locate_files

RANDOM_VOLUME = 0.003
"""Of a vocoder with random weights, against one that fills the range."""

OnMegabytes = Callable[[int, int], None]
"""(megabytes done, megabytes in all); 1 MB is 1,000,000 bytes. Raises to stop."""


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
    """Where they compute; at Offload.MODEL they wait on the CPU (see `resident`)."""
    compute_dtype: torch.dtype
    """What the fusion model takes its inputs in."""
    picture_source: str | None = None
    """Folder or hub name of the image model that draws first frames, if any."""
    has_random_weights: bool = False
    """Nothing is trained: clips are noise."""


@dataclass(frozen=True, slots=True, eq=False)
class _Recipe:
    """How one model is made: plain, and with the weights of its file."""

    build: Callable[[], nn.Module]
    convert: Convert
    dtype: torch.dtype
    store: Callable[[nn.Module], nn.Module] = lambda model: model
    """Changes how weights are held."""

    def build_stored(self) -> nn.Module:
        """The model with its weights held as they are to be."""
        return self.store(self.build())


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
    """The models of `variant` at `precision`, on `device`, or on the CPU until their turn.

    `device` is the resolved one of `placement`; `ckpt_dir` None means `./ckpts`. All headers are
    checked before any weight is read. `use_random_weights` makes models of the full size without
    any file, and takes bytes for tokens: for benchmarks. Raises WeightsError or PlacementError.
    """
    fp8 = precision.transformer is TransformerPrecision.FP8
    if fp8 and device.type == "mps":
        raise PlacementError("Device mps has no eight-bit floats: use precision int8 or bf16.")
    files = None if use_random_weights else locate_files(variant, precision, ckpt_dir)
    configs = configs_of(variant, ckpt_dir)
    recipes = _recipes(configs, precision)
    dtype = recipes["fusion"].dtype
    attend = attention_backend(placement.attention, device, dtype)
    home = torch.device("cpu") if placement.offload is Offload.MODEL else device

    text_len = configs.text_encoder.text_len
    if files is None or variant.is_embedded:
        tokenizer: Tokenizer = ByteTokenizer(text_len)
    else:
        tokenizer = load_tokenizer(files["tokenizer"], text_len)
    if files is None:
        make = _random_model if variant.is_embedded else _random_model_of_full_size
        models = {name: make(recipe, device).to(home) for name, recipe in recipes.items()}
        _quieten(cast("Vocoder", models["vocoder"]))
    else:
        models = _load_files(recipes, files, home, on_progress)
    set_attention(models["fusion"], attend)
    return Models(
        fusion=cast("FusionModel", models["fusion"]),
        video_vae=cast("VideoVae", models["video_vae"]),
        audio_vae=cast("AudioVae", models["audio_vae"]),
        vocoder=cast("Vocoder", models["vocoder"]),
        text_encoder=cast("TextEncoder", models["text_encoder"]),
        tokenizer=tokenizer,
        device=device,
        compute_dtype=dtype,
        picture_source=picture_source,
        has_random_weights=files is None,
    )


def _recipes(configs: ModelConfigs, precision: Precision) -> dict[str, _Recipe]:
    """How each model is made, by model name."""
    storage = {TransformerPrecision.FP8: store_fp8, TransformerPrecision.INT8: store_int8}
    return {
        "fusion": _Recipe(
            lambda: FusionModel(configs.fusion),
            dict,
            compute_dtype(precision.transformer),
            storage.get(precision.transformer, lambda model: model),
        ),
        "video_vae": _Recipe(
            lambda: VideoVae(configs.video_vae),
            partial(video_vae_keys, config=configs.video_vae),
            compute_dtype(precision.video_vae),
        ),
        # Sound stays in float32: it costs next to nothing there, and bfloat16 is audible.
        "audio_vae": _Recipe(
            lambda: AudioVae(configs.audio_vae),
            partial(audio_vae_keys, config=configs.audio_vae),
            torch.float32,
        ),
        "vocoder": _Recipe(
            lambda: Vocoder(configs.vocoder),
            partial(vocoder_keys, config=configs.vocoder),
            torch.float32,
        ),
        "text_encoder": _Recipe(
            lambda: TextEncoder(configs.text_encoder),
            partial(text_encoder_keys, config=configs.text_encoder),
            compute_dtype(precision.text_encoder),
        ),
    }


def _random_model(recipe: _Recipe, device: torch.device) -> nn.Module:
    """The model with random weights that are the same everywhere."""
    model = recipe.build()
    fill_random(model, NANO_SEED)
    return recipe.store(model.to(recipe.dtype)).to(device).requires_grad_(False).eval()


def _random_model_of_full_size(recipe: _Recipe, device: torch.device) -> nn.Module:
    """The model with random weights that were made on the device, in the dtype they are to have."""
    with torch.device("meta"):
        model = recipe.build()
    if any(True for _ in model.buffers()):  # whose values only a real building gives: small models
        model = recipe.build().to(recipe.dtype).to(device)
    else:
        model = model.to(recipe.dtype).to_empty(device=device)
    fill_random_fast(model, NANO_SEED)
    return recipe.store(model).requires_grad_(False).eval()


def _quieten(vocoder: Vocoder) -> None:
    """Turns random sound down: noise at full volume would startle whoever plays the clip."""
    vocoder.output.weight.mul_(RANDOM_VOLUME)


def _load_files(
    recipes: Mapping[str, _Recipe],
    files: Mapping[str, Path],
    device: torch.device,
    on_progress: OnMegabytes | None,
) -> dict[str, nn.Module]:
    """Every model with the weights of its file."""
    for name, recipe in recipes.items():
        check_files(recipe.build, [files[name]], recipe.convert, name=name)
    sizes = {name: files[name].stat().st_size for name in recipes}
    total = sum(sizes.values())
    before = 0
    models: dict[str, nn.Module] = {}
    for name, recipe in recipes.items():

        def report(share: float, before: int = before, size: int = sizes[name]) -> None:
            if on_progress is not None:
                on_progress(int(before + share * size) // 1_000_000, total // 1_000_000)

        models[name] = load_model(
            recipe.build_stored,
            [files[name]],
            recipe.convert,
            device=device,
            dtype=recipe.dtype,
            name=name,
            on_progress=report,
        )
        before += sizes[name]
    return models
