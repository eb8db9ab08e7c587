"""Looks at the files that clips are made from: first frames, weights and the image model.

Each is read once per command, however many rows name it.
"""

import hashlib
import importlib.util
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ovi.errors import FirstFrameError, WeightsError
from ovi.image_header import open_image, read_image_size
from ovi.spec.geometry import FrameSize
from ovi.spec.request import ImageFile, LoraFile, Precision
from ovi.spec.variants import Variant
from ovi.weights.hashes import hash_files
from ovi.weights.store import weight_identities
from ovi_studio.errors import MissingExtraError
from ovi_studio.project.layout import find_layout
from ovi_studio.render.choices import Choices
from ovi_studio.render.lora_choice import LoraChoice

DEFAULT_PICTURE_MODEL = "black-forest-labs/FLUX.1-Krea-dev"
"""The published image model of mode t2i2v, as its Hugging Face repository."""

LORA_SUFFIX = ".safetensors"
"""Of the only kind of file that LoRAs are read from: it holds numbers and nothing else."""

PICTURE_MODEL_INDEX = "model_index.json"
"""What makes a folder an image model for diffusers."""

_REPOSITORY = re.compile(r"\w[\w.-]*/[\w.-]+")
"""What the name of a Hugging Face repository looks like; everything else is a path."""


@dataclass(frozen=True, slots=True)
class PictureModel:
    """The model that draws first frames."""

    source: str
    """folder or repository"""
    identity: str


class InputFiles:
    """The files of one command, each looked at when first asked for."""

    def __init__(self, on_weight_bytes: Callable[[int, int], None] | None = None) -> None:
        """`on_weight_bytes` gets (bytes done, bytes in all) while weight files are read."""
        self._on_weight_bytes = on_weight_bytes
        self._first_frames: dict[Path, tuple[ImageFile, FrameSize]] = {}
        self._weights: dict[tuple[str, Precision, Path | None], Mapping[str, str]] = {}
        self._missing_weights: dict[tuple[str, Precision, Path | None], WeightsError] = {}
        self._picture_models: dict[str, PictureModel] = {}

    def first_frame(self, name: str, folders: Sequence[Path]) -> tuple[ImageFile, FrameSize]:
        """The picture of that name in the first folder that has it, and its upright size.

        Raises FirstFrameError that names every path tried, or what is wrong with the picture.
        """
        tried = list(dict.fromkeys((folder / name).resolve() for folder in folders))
        path = next((path for path in tried if path.exists()), None)
        if path is None:
            raise FirstFrameError(
                f"there is no first frame {name}; tried {' and '.join(map(str, tried))}. "
                "Correct the path, or leave it out to start from the prompt alone."
            )
        if path not in self._first_frames:
            self._first_frames[path] = read_first_frame(path)
        return self._first_frames[path]

    def lora(self, choice: LoraChoice, folders: Sequence[Path]) -> LoraFile:
        """The LoRA of that name in the first folder that has it.

        Raises WeightsError that names every path tried.
        """
        tried = list(dict.fromkeys((folder / choice.name).resolve() for folder in folders))
        path = next((path for path in tried if path.is_file()), None)
        if path is None:
            raise WeightsError(
                f"there is no LoRA {choice.name}; tried {' and '.join(map(str, tried))}. Correct "
                "the path, or train one with `ovi train lora`."
            )
        if path.suffix != LORA_SUFFIX:
            raise WeightsError(f"{path} is no LoRA file: it must be a {LORA_SUFFIX} file.")
        return LoraFile(str(path), hash_files([path])[path], choice.weight)

    def weights(
        self, variant: Variant, precision: Precision, ckpt_dir: Path | None
    ) -> Mapping[str, str]:
        """Component -> identity of its file. Raises WeightsError when files are missing."""
        key = variant.name, precision, ckpt_dir
        if key in self._missing_weights:
            raise self._missing_weights[key]
        if key not in self._weights:
            try:
                self._weights[key] = weight_identities(
                    variant, precision, ckpt_dir, self._on_weight_bytes
                )
            except WeightsError as error:
                self._missing_weights[key] = error
                raise
        return self._weights[key]

    def picture_model(self, name: str | None, working_folder: Path) -> PictureModel:
        """The image model: a folder, a repository, or the published one for None.

        Raises MissingExtraError without the packages that run it, WeightsError for a folder that
        is missing, unreadable or no image model.
        """
        name = name or DEFAULT_PICTURE_MODEL
        if name not in self._picture_models:
            self._picture_models[name] = _find_picture_model(name, working_folder)
        return self._picture_models[name]


def ckpt_dir_for(chosen: Choices, working_folder: Path) -> Path:
    """The folder of the published weight files: as chosen, else the project's."""
    if chosen.ckpt_dir is None:
        return find_layout(working_folder).checkpoint_folder
    return (working_folder / chosen.ckpt_dir).resolve()


def read_first_frame(path: Path) -> tuple[ImageFile, FrameSize]:
    """A picture by its content, and its upright size. Raises FirstFrameError."""
    size = read_image_size(path)
    with open_image(path) as image:
        image.load()  # that a picture was cut short shows itself nowhere else
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ImageFile(str(path), digest), size


def _find_picture_model(name: str, working_folder: Path) -> PictureModel:
    if not all(importlib.util.find_spec(package) for package in ("diffusers", "transformers")):
        raise MissingExtraError(
            "Mode t2i2v draws its first frame with diffusers, which is not installed: "
            'pip install "ovi-studio[image]".'
        )
    folder = working_folder / name
    if not folder.is_dir():
        if not _REPOSITORY.fullmatch(name):
            raise WeightsError(
                f"there is no image model folder {folder.resolve()}. Name a folder in diffusers' "
                "layout, or a Hugging Face repository, with --picture-model."
            )
        return PictureModel(name, f"repository:{name}")
    if not (folder / PICTURE_MODEL_INDEX).is_file():
        raise WeightsError(
            f"{folder.resolve()} is no image model in diffusers' layout: it has no "
            f"{PICTURE_MODEL_INDEX}. Name the folder that has one with --picture-model."
        )
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    hashes = hash_files(files)
    listing = "\n".join(f"{path.relative_to(folder).as_posix()} {hashes[path]}" for path in files)
    digest = hashlib.sha256(listing.encode()).hexdigest()
    return PictureModel(str(folder.resolve()), f"sha256:{digest}")
