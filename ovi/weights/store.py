"""Finds the weight files of a variant on disk, and says what they are.

Downloading is left to others; a missing file is named together with who published it.
"""

from pathlib import Path

from ovi.errors import WeightsError
from ovi.spec.request import Precision, TransformerPrecision
from ovi.spec.variants import Variant
from ovi.weights.hashes import OnBytes, hash_files, hash_folder
from ovi.weights.licences import licence_of, licences_of
from ovi.weights.manifest import (
    FP8_FUSION_PATH,
    MODEL_NAMES,
    NANO_SEED,
    RANDOM_WEIGHTS_VERSION,
    Component,
    components_of,
    nano_files,
)
from ovi.weights.quantized import METHODS, check_method, is_quantized, read_origin
from ovi.weights.sizes import SIZES_FILE
from ovi.weights.verify import read_record

DEFAULT_CKPT_DIR = Path("ckpts")
"""The published checkpoint folder, relative to the working directory."""

TOKENIZER_FILES = ("tokenizer.json", "spiece.model")
"""One of these makes a folder a tokenizer."""


def locate_files(
    variant: Variant, precision: Precision, ckpt_dir: Path | None
) -> dict[str, Path] | None:
    """The file of each model by name, and the folder `tokenizer`.

    `ckpt_dir` None means `./ckpts`; `nano` does not look at it: its files ship with this package,
    without a tokenizer folder. None where they are not installed: it runs on random weights then.
    Raises WeightsError that lists everything that is missing, or for a file saved by `ovi weights
    quantize` that this program cannot use.
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
            continue
        found[component.name] = path
        if is_quantized(path):
            check_method(path, _stored_as(precision)[component.name])
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

    Weights that are quantized while they load, say so and by which method: `sha256:... as
    int8-rows-1`. A file that `ovi weights quantize` saved has the identity of its original
    quantized while loading, since it gives the same clips, as long as its own hash is the one
    recorded when it was saved; a file that came another way is known by its own hash. So the clips
    of a published fp8 file, of ours, and of weights quantized while loading never get confused.
    Sizes that differ from the published ones (see `sizes.py`) are a component of their own.
    Without its files, `nano` has `random:<seed>:<version>`. The first call reads every file,
    which `on_bytes` can watch; later ones take what was remembered. Raises WeightsError for missing
    or unreadable files.
    """
    files = locate_files(variant, precision, ckpt_dir)
    methods = {name: METHODS.get(wanted) for name, wanted in _stored_as(precision).items()}
    if files is None:
        random = f"random:{NANO_SEED}:{RANDOM_WEIGHTS_VERSION}"
        return {name: _quantized(random, methods.get(name)) for name in MODEL_NAMES}
    folder = ckpt_dir or DEFAULT_CKPT_DIR
    hashes = hash_files([path for path in files.values() if path.is_file()], on_bytes)
    identities: dict[str, str] = {}
    for name, path in files.items():
        digest = hashes[path] if path in hashes else hash_folder(path)
        if methods.get(name) is None or path.name == Path(FP8_FUSION_PATH).name:
            identities[name] = f"sha256:{digest}"
        elif is_quantized(path):
            identities[name] = _saved_identity(folder, path, digest)
        else:
            identities[name] = _quantized(f"sha256:{digest}", methods[name])
    sizes = None if variant.is_embedded else folder / SIZES_FILE
    if sizes is not None and sizes.is_file():
        identities["sizes"] = f"sha256:{hash_files([sizes])[sizes]}"
    return identities


def licences_for_render(
    variant: Variant, precision: Precision, ckpt_dir: Path | None, picture_source: str | None = None
) -> dict[str, str]:
    """The name of the licence of each repository whose weights a render takes; for recipes.

    `nano` needs none. `picture_source` is the image model of mode t2i2v: a repository, or a
    folder, of which nothing is known. Raises WeightsError for missing files.
    """
    files = locate_files(variant, precision, ckpt_dir)
    sources: list[str] = []
    for component in components_of(variant, precision):
        assert files is not None, "a published variant has files"
        path = files[component.name].relative_to(ckpt_dir or DEFAULT_CKPT_DIR).as_posix()
        sources.append(component.source_of(path))
    licences = {licence.source: licence.name for licence in licences_of(sources)}
    if picture_source is not None:
        is_folder = Path(picture_source).is_absolute()
        source = "image model from a folder" if is_folder else picture_source
        licences[source] = licence_of(source).name
    return licences


def _stored_as(precision: Precision) -> dict[str, TransformerPrecision]:
    """How the models that may be held in eight bits are held."""
    return {"fusion": precision.transformer, "text_encoder": precision.text_encoder}


def _quantized(identity: str, method: str | None) -> str:
    return identity if method is None else f"{identity} as {method}"


def _saved_identity(folder: Path, path: Path, digest: str) -> str:
    recorded = read_record(folder).get(path.relative_to(folder).as_posix())
    if recorded is None or recorded.sha256 != digest:
        return f"sha256:{digest}"
    origin = read_origin(path)
    return _quantized(f"sha256:{origin.source_sha256}", origin.method)


def _is_there(component: Component, path: Path) -> bool:
    if component.name == "tokenizer":
        return any((path / name).is_file() for name in TOKENIZER_FILES)
    return path.is_file()


def _missing_message(variant: Variant, folder: Path, missing: list[Component]) -> str:
    lines = [
        f"  {' or '.join(path for path in component.paths if not is_quantized(Path(path)))}  "
        f"(from {component.source})"
        for component in missing
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
            "them. The variant nano needs no download.",
        )
    )
