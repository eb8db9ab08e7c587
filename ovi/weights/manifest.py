"""The weight files of each variant, laid out in a checkpoint folder as they were published.

Which tensors a file holds is the models' business; whether it is there, `store.py`'s.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from ovi.errors import WeightsError
from ovi.spec.request import Precision, TransformerPrecision
from ovi.spec.variants import Variant
from ovi.weights.quantized import quantized_path

NANO_SEED = 0
"""Seed of random weights: for benchmarks, and where those of `nano` are not installed."""

RANDOM_WEIGHTS_VERSION = 2
"""Raised when `runtime/random_weights.py` or the sizes of `nano` change: other weights, then."""

MODEL_NAMES = ("fusion", "video_vae", "audio_vae", "vocoder", "text_encoder")
"""The models of every variant; each has one weight file. The tokenizer is a folder beside them."""

NANO_DIR = Path(__file__).parent / "nano"
"""Where the trained weights of `nano` ship: one `<model>.safetensors` each, published key names."""


@dataclass(frozen=True, slots=True)
class Component:
    """One file, or one folder of small files, of a checkpoint folder."""

    name: str
    """One of `MODEL_NAMES`, or `tokenizer`."""
    path: str
    """Relative to the checkpoint folder, with forward slashes."""
    source: str
    """Repository on the Hugging Face hub that published it."""
    stand_in: "Component | None" = None
    """What is used where the file is absent."""
    saved: str | None = None
    """Path of what `ovi weights quantize` makes of the file (`quantized.py`); used where it is."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths it may be at, best first."""
        parts = (self,) if self.stand_in is None else (self, self.stand_in)
        saved = tuple(part.saved for part in parts if part.saved is not None)
        return (*saved, *(part.path for part in parts))

    def source_of(self, path: str) -> str:
        """The repository that published one of the `paths`, or what it was made of."""
        stand_in = self.stand_in
        is_stand_in = stand_in is not None and path in (stand_in.path, stand_in.saved)
        return stand_in.source if stand_in is not None and is_stand_in else self.source


OVI_SOURCE = "chetwinlow1/Ovi"

FUSION_PATHS = {
    "720x720_5s": "Ovi/model.safetensors",
    "960x960_5s": "Ovi/model_960x960.safetensors",
    "960x960_10s": "Ovi/model_960x960_10s.safetensors",
}
"""The transformer of each published variant."""

FP8_VARIANT = "720x720_5s"
"""The only variant that was published in fp8 too."""

FP8_FUSION_PATH = "Ovi/model_fp8_e4m3fn.safetensors"
FP8_SOURCE = "rkfg/Ovi-fp8_quantized"

SHARED_COMPONENTS = (
    Component("video_vae", "Wan2.2-TI2V-5B/Wan2.2_VAE.pth", "Wan-AI/Wan2.2-TI2V-5B"),
    Component("audio_vae", "MMAudio/ext_weights/v1-16.pth", "hkchengrex/MMAudio"),
    Component("vocoder", "MMAudio/ext_weights/best_netG.pt", "hkchengrex/MMAudio"),
    Component(
        "text_encoder",
        "Wan2.2-TI2V-5B/models_t5_umt5-xxl-enc-bf16.pth",
        "Wan-AI/Wan2.2-TI2V-5B",
    ),
    Component("tokenizer", "Wan2.2-TI2V-5B/google/umt5-xxl", "Wan-AI/Wan2.2-TI2V-5B"),
)
"""What all published variants have in common."""


def components_of(variant: Variant, precision: Precision) -> tuple[Component, ...]:
    """What a published variant is loaded from; empty for `nano`, whose files are `nano_files()`.

    Where eight bits are wanted, a file saved by `ovi weights quantize` comes first: it is nearer to
    the original than the published fp8 file, which comes next. Without either, the weights are
    quantized while they load from the ordinary file.
    """
    if variant.is_embedded:
        return ()
    fusion = Component("fusion", FUSION_PATHS[variant.name], OVI_SOURCE)
    fusion = _saved(fusion, precision.transformer)
    if precision.transformer is TransformerPrecision.FP8 and variant.name == FP8_VARIANT:
        fusion = Component("fusion", FP8_FUSION_PATH, FP8_SOURCE, stand_in=fusion)
    shared = tuple(
        _saved(part, precision.text_encoder) if part.name == "text_encoder" else part
        for part in SHARED_COMPONENTS
    )
    return (fusion, *shared)


def _saved(component: Component, precision: TransformerPrecision) -> Component:
    """The component, with the path of its saved file where eight bits are wanted."""
    return replace(component, saved=quantized_path(component.path, precision))


def nano_paths() -> dict[str, Path]:
    """Where each weight file of `nano` belongs, by model name."""
    return {name: NANO_DIR / f"{name}.safetensors" for name in MODEL_NAMES}


def nano_files() -> dict[str, Path] | None:
    """The trained weights that ship with this package, by model name; None if stripped of them.

    Raises WeightsError when some are there and others are not.
    """
    files = nano_paths()
    missing = [path.name for path in files.values() if not path.is_file()]
    if len(missing) == len(files):
        return None
    if missing:
        raise WeightsError(
            f"This installation of ovi-studio lacks {', '.join(missing)} in {NANO_DIR}: "
            "install the package again."
        )
    return files
