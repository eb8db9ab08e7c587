"""Finds the weight files of a variant on disk, and says what they are.

Downloading is left to others; a missing file is named together with who published it.
"""

from pathlib import Path

from ovi.errors import WeightsError
from ovi.spec.request import Precision, TransformerPrecision
from ovi.spec.variants import Variant
from ovi.weights.hashes import OnBytes, hash_files, hash_folder
from ovi.weights.manifest import (
    FP8_FUSION_PATH,
    MODEL_NAMES,
    NANO_SEED,
    RANDOM_WEIGHTS_VERSION,
    Component,
    components_of,
    nano_files,
)
from ovi.weights.sizes import SIZES_FILE

DEFAULT_CKPT_DIR = Path("ckpts")
"""The published checkpoint folder, relative to the working directory."""

TOKENIZER_FILES = ("tokenizer.json", "spiece.model")
"""One of these makes a folder a tokenizer."""


def locate_files(
    variant: Variant, precision: Precision, ckpt_dir: Path | None
) -> dict[str, Path] | None:
    """The file of each model by name, and the folder `tokenizer`; None for untrained `nano`.

    `ckpt_dir` None means `./ckpts`; `nano` does not look at it, and has no tokenizer folder.
    Raises WeightsError that lists everything that is missing.
    """
    if variant.is_embedded:
        return nano_files()
    folder = DEFAULT_CKPT_DIR if ckpt_dir is None else ckpt_dir
    found: dict[str, Path] = {}
    missing: list[Component] = []
    for component in components_of(variant, precision):
        paths = [folder / path for path in component.paths]
        path = next((path for path in paths if _is_there(component, path)), None)
        if path is None:
            missing.append(component)
        else:
            found[component.name] = path
    if missing:
        raise WeightsError(_missing_message(variant, folder, missing))
    return found


def weight_identities(
    variant: Variant,
    precision: Precision,
    ckpt_dir: Path | None,
    on_bytes: OnBytes | None = None,
) -> dict[str, str]:
    """What the weights of a variant are: `sha256:...` of each component's file.

    A transformer that is cast to fp8 while it loads says so, and sizes that differ from the
    published ones (see `sizes.py`) are a component of their own. Untrained `nano` has
    `random:<seed>:<version>`. The first call reads every file, which `on_bytes` can watch; later
    ones take what was remembered. Raises WeightsError for missing or unreadable files.
    """
    files = locate_files(variant, precision, ckpt_dir)
    if files is None:
        return dict.fromkeys(MODEL_NAMES, f"random:{NANO_SEED}:{RANDOM_WEIGHTS_VERSION}")
    hashes = hash_files([path for path in files.values() if path.is_file()], on_bytes)
    identities = {
        name: f"sha256:{hashes[path] if path in hashes else hash_folder(path)}"
        for name, path in files.items()
    }
    if is_cast_to_fp8(precision, files["fusion"]):
        identities["fusion"] += " cast to fp8"
    sizes = None if variant.is_embedded else (ckpt_dir or DEFAULT_CKPT_DIR) / SIZES_FILE
    if sizes is not None and sizes.is_file():
        identities["sizes"] = f"sha256:{hash_files([sizes])[sizes]}"
    return identities


def is_cast_to_fp8(precision: Precision, fusion_file: Path) -> bool:
    """Whether the transformer becomes fp8 while loading, rather than coming from an fp8 file."""
    wants_fp8 = precision.transformer is TransformerPrecision.FP8
    return wants_fp8 and fusion_file.name != Path(FP8_FUSION_PATH).name


def _is_there(component: Component, path: Path) -> bool:
    if component.name == "tokenizer":
        return any((path / name).is_file() for name in TOKENIZER_FILES)
    return path.is_file()


def _missing_message(variant: Variant, folder: Path, missing: list[Component]) -> str:
    lines = [
        f"  {' or '.join(component.paths)}  (from {component.source})" for component in missing
    ]
    where = (
        f"{folder.resolve()}" if folder.is_dir() else f"{folder.resolve()}, which does not exist"
    )
    return "\n".join(
        (
            f"Weight files of {variant.name} are missing in {where}:",
            *lines,
            f"Fetch them with: ovi weights download {variant.name}. Or download them from these "
            "Hugging Face repositories to these paths, or name the checkpoint folder that has "
            "them. The variant nano needs no files.",
        )
    )
