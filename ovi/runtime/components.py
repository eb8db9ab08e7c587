"""Each model of a variant: how it is made, where its weights come from, where they wait.

Brings together what its neighbours do: files, sizes, loading, weight storage, random weights,
offload. `models.py` makes of the components what a render computes with.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
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
from ovi.models.video_vae.keys import from_published as video_vae_keys
from ovi.models.video_vae.model import VideoVae
from ovi.models.vocoder.keys import from_published as vocoder_keys
from ovi.models.vocoder.model import Vocoder
from ovi.ops.attention import attention_backend
from ovi.runtime.block_offload import (
    FUSION,
    TEXT_ENCODER,
    BlockParking,
    offload_fusion,
    offload_text_encoder,
)
from ovi.runtime.devices import compute_dtype
from ovi.runtime.loading import Convert, check_files, load_model, place_tensors
from ovi.runtime.offload import free_cache, resident
from ovi.runtime.parcel import Parcel
from ovi.runtime.quantize import store_fp8, store_int8
from ovi.runtime.random_weights import fill_random, fill_random_fast, random_tensors
from ovi.runtime.sizes import ModelConfigs, configs_of
from ovi.runtime.staging import Staging
from ovi.runtime.token_chunks import run_in_chunks
from ovi.spec.placement import HostMemory, Offload, Placement
from ovi.spec.request import Precision, TransformerPrecision
from ovi.spec.variants import Variant
from ovi.weights.manifest import MODEL_NAMES, NANO_SEED
from ovi.weights.store import locate_files

RANDOM_VOLUME = 0.003
"""Of a vocoder with random weights, against one that fills the range."""

EIGHT_BITS = (TransformerPrecision.FP8, TransformerPrecision.INT8)

OnMegabytes = Callable[[int, int], None]
"""(megabytes done, megabytes in all); 1 MB is 1,000,000 bytes. Raises to stop."""

Visit = Callable[[], AbstractContextManager[None]]
"""Brings a model to the device for the time of a `with`."""


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """Some models of a variant, and how each comes to the device."""

    modules: Mapping[str, nn.Module]
    """By the names in `ovi.weights.manifest.MODEL_NAMES`."""
    visits: Mapping[nn.Module, Visit]
    """For the models that wait elsewhere; the others are on the device already."""

    def on_device(self, model: nn.Module) -> AbstractContextManager[None]:
        """`model`, one of these or half of the video VAE, can compute inside the `with`."""
        return self.visits.get(model, nullcontext)()


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


@dataclass(frozen=True, slots=True, eq=False)
class _Destination:
    """Where one model goes."""

    device: torch.device
    """Its weights pass through it, and can be changed there fast."""
    home: torch.device
    """They stay there."""
    parking: BlockParking | None = None
    """Takes parts of it to host memory before the next part comes."""


def load_components(
    names: Collection[str],
    variant: Variant,
    precision: Precision,
    placement: Placement,
    device: torch.device,
    ckpt_dir: Path | None,
    *,
    use_random_weights: bool = False,
    on_progress: OnMegabytes | None = None,
) -> Components:
    """The models called `names`; everything else as for `load_models`."""
    fp8 = precision.transformer is TransformerPrecision.FP8
    if fp8 and device.type == "mps":
        raise PlacementError("Device mps has no eight-bit floats: use precision int8 or bf16.")
    files = None if use_random_weights else locate_files(variant, precision, ckpt_dir)
    configs = configs_of(variant, ckpt_dir)
    recipes = {
        name: recipe for name, recipe in _recipes(configs, precision).items() if name in names
    }
    destinations = {
        name: _destination(name, precision, placement, device, configs) for name in recipes
    }
    # Before any weight is read: a backend that cannot run must not cost a load.
    attend = attention_backend(placement.attention, device, compute_dtype(precision.transformer))
    try:
        if files is None:
            modules = _make_random(recipes, destinations, is_small=variant.is_embedded)
        else:
            modules = _load_files(recipes, destinations, files, on_progress)
    finally:
        for destination in destinations.values():
            if destination.parking is not None:
                destination.parking.close()
                free_cache(device)
    if "fusion" in modules:
        fusion = cast("FusionModel", modules["fusion"])
        set_attention(fusion, attend)
        if placement.token_chunk is not None:
            fusion.run_block = run_in_chunks(placement.token_chunk)
    return Components(modules, _visits(modules, destinations, placement, device))


def _destination(
    name: str,
    precision: Precision,
    placement: Placement,
    device: torch.device,
    configs: ModelConfigs,
) -> _Destination:
    if placement.offload is Offload.NONE:
        return _Destination(device, device)
    parking = None
    if placement.offload is Offload.BLOCKS and placement.host_memory is HostMemory.PINNED:
        if name == "fusion":
            parking = BlockParking(FUSION, configs.fusion.num_layers, device)
        elif name == "text_encoder" and precision.text_encoder in EIGHT_BITS:
            # Only what the file does not hold in this form anyway: it works once a clip, so
            # locked memory would be idle nearly always.
            parking = BlockParking(TEXT_ENCODER, configs.text_encoder.num_layers, device)
    return _Destination(device, torch.device("cpu"), parking)


def _visits(
    modules: Mapping[str, nn.Module],
    destinations: Mapping[str, _Destination],
    placement: Placement,
    device: torch.device,
) -> dict[nn.Module, Visit]:
    """How each model that waits elsewhere comes to the device."""
    if placement.offload is Offload.NONE:
        return {}
    visits: dict[nn.Module, Visit] = {
        module: partial(resident, module, device, placement.offload) for module in modules.values()
    }
    if "video_vae" in modules:  # either half works without the other
        vae = cast("VideoVae", modules["video_vae"])
        for half in (vae.encoder, vae.decoder):
            visits[half] = partial(resident, half, device, placement.offload)
    if placement.offload is Offload.BLOCKS:
        staging = Staging(device)  # one ring for both: they never stream at once

        def source(name: str) -> Mapping[int, Parcel] | Staging:
            parking = destinations[name].parking
            return staging if parking is None else parking.parcels

        if "fusion" in modules:
            fusion = cast("FusionModel", modules["fusion"])
            num_resident = placement.resident_blocks
            visits[fusion] = offload_fusion(fusion, device, num_resident, source("fusion")).visit
        if "text_encoder" in modules:
            encoder = cast("TextEncoder", modules["text_encoder"])
            visits[encoder] = offload_text_encoder(encoder, device, source("text_encoder")).visit
    return visits


def _recipes(configs: ModelConfigs, precision: Precision) -> dict[str, _Recipe]:
    """How each model is made, by model name."""
    storage = {TransformerPrecision.FP8: store_fp8, TransformerPrecision.INT8: store_int8}

    def as_built(model: nn.Module) -> nn.Module:
        return model

    recipes = {
        "fusion": _Recipe(
            lambda: FusionModel(configs.fusion),
            dict,
            compute_dtype(precision.transformer),
            storage.get(precision.transformer, as_built),
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
            storage.get(precision.text_encoder, as_built),
        ),
    }
    assert set(recipes) == set(MODEL_NAMES)
    return recipes


def _make_random(
    recipes: Mapping[str, _Recipe], destinations: Mapping[str, _Destination], *, is_small: bool
) -> dict[str, nn.Module]:
    """Every model with random weights: `nano`'s own, or any of the full size."""
    make = _random_model if is_small else _random_model_of_full_size
    modules: dict[str, nn.Module] = {}
    for name, recipe in recipes.items():
        modules[name] = make(recipe, destinations[name]).requires_grad_(False).eval()
    if "vocoder" in modules:
        # Noise at full volume would startle whoever plays the clip.
        cast("Vocoder", modules["vocoder"]).output.weight.mul_(RANDOM_VOLUME)
    return modules


def _random_model(recipe: _Recipe, destination: _Destination) -> nn.Module:
    """The model with random weights that are the same everywhere."""
    model = recipe.build()
    fill_random(model, NANO_SEED)
    model = recipe.store(model.to(recipe.dtype)).to(destination.home)
    if destination.parking is not None:
        destination.parking.park_all(model)
    return model


def _random_model_of_full_size(recipe: _Recipe, destination: _Destination) -> nn.Module:
    """The model with random weights that are made on the device, in the dtype they are to have."""
    with torch.device("meta"):
        model, stored = recipe.build(), recipe.build_stored()
    if any(True for _ in model.buffers()):  # whose values only a real building gives: small models
        model = recipe.build().to(recipe.dtype).to(destination.device)
        fill_random_fast(model, NANO_SEED)
        return recipe.store(model).to(destination.home)
    parking = destination.parking
    order = None if parking is None else parking.part_of
    tensors = random_tensors(model, NANO_SEED, destination.device, recipe.dtype, order)
    target = destination.home if parking is None else destination.device
    place_tensors(stored, tensors, device=target, dtype=recipe.dtype, parking=parking)
    return stored


def _load_files(
    recipes: Mapping[str, _Recipe],
    destinations: Mapping[str, _Destination],
    files: Mapping[str, Path],
    on_progress: OnMegabytes | None,
) -> dict[str, nn.Module]:
    """Every model with the weights of its file."""
    for name, recipe in recipes.items():
        check_files(recipe.build_stored, [files[name]], recipe.convert, name=name)
    sizes = {name: files[name].stat().st_size for name in recipes}
    total = sum(sizes.values())
    before = 0
    modules: dict[str, nn.Module] = {}
    for name, recipe in recipes.items():

        def report(share: float, before: int = before, size: int = sizes[name]) -> None:
            if on_progress is not None:
                on_progress(int(before + share * size) // 1_000_000, total // 1_000_000)

        destination = destinations[name]
        parking = destination.parking
        modules[name] = load_model(
            recipe.build_stored,
            [files[name]],
            recipe.convert,
            device=destination.home if parking is None else destination.device,
            dtype=recipe.dtype,
            name=name,
            parking=parking,
            on_progress=report,
        )
        before += sizes[name]
    return modules
