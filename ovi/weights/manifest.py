"""The weight files of each variant, laid out in a checkpoint folder as they were published.

Which tensors a file holds is the models' business; whether it is there, `store.py`'s.
"""

from dataclasses import dataclass
from pathlib import Path

from ovi.errors import WeightsError
from ovi.spec.request import Precision, TransformerPrecision
from ovi.spec.variants import Variant

NANO_SEED = 0
"""Seed of the random weights that `nano` runs on while no trained ones ship."""

RANDOM_WEIGHTS_VERSION = 1
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
    stand_in: str | None = None
    """Path of the file that is used where the first is absent."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths it may be at, best first."""
        return (self.path,) if self.stand_in is None else (self.path, self.stand_in)


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
    """What a published variant is loaded from; empty for `nano`, which needs no folder.

    At fp8, the transformer's published fp8 file is preferred; without it, and for the variants
    that have none, the weights are cast to fp8 while they load from the ordinary file.
    """
    if variant.is_embedded:
        return ()
    path = FUSION_PATHS[variant.name]
    if precision.transformer is TransformerPrecision.FP8 and variant.name == FP8_VARIANT:
        fusion = Component("fusion", FP8_FUSION_PATH, FP8_SOURCE, stand_in=path)
    else:
        fusion = Component("fusion", path, OVI_SOURCE)
    return (fusion, *SHARED_COMPONENTS)


def nano_files() -> dict[str, Path] | None:
    """The trained weights that ship with this package, by model name, or None while none do.

    Raises WeightsError when some are there and others are not.
    """
    files = {name: NANO_DIR / f"{name}.safetensors" for name in MODEL_NAMES}
    missing = [path.name for path in files.values() if not path.is_file()]
    if len(missing) == len(files):
        return None
    if missing:
        raise WeightsError(
            f"This installation of ovi-studio lacks {', '.join(missing)} in {NANO_DIR}: "
            "install the package again."
        )
    return files
