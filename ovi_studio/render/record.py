"""The recipe of a clip: all that is needed to render it again, kept inside the MP4 and beside it.

A recipe holds no secrets and no paths but those of a given first frame and of LoRA files. How it
is stored in files is left to `ovi.media`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ovi.errors import MediaError, RequestError
from ovi.media import read_recipe, sidecar_path
from ovi.spec.placement import Placement
from ovi.spec.request import ClipRequest
from ovi.spec.variants import variant_named
from ovi.weights.store import licences_for_render
from ovi_studio.errors import UsageError
from ovi_studio.render.job import ClipSource, RenderTask

RECIPE_VERSION = 2
"""Raised when a recipe holds what an older program would have to know; see `_MIGRATIONS`."""

_MIGRATIONS: Mapping[int, Mapping[str, Any]] = {
    # The first version knew no VAE tiling, no profiles, and left the licences out.
    1: {"licences": {}, "profile": None, "fell_back_from": None},
}
"""What each version lacks of the next one, and what its clips had instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a clip was made of."""

    identity: str
    request: ClipRequest
    weights: Mapping[str, str]
    """component name -> identity of its file"""
    placement: Placement
    picture_source: str | None
    """repository of the image model, in mode t2i2v; None when it lay in a folder"""
    source: ClipSource
    versions: Mapping[str, str]
    """ovi, python, torch"""
    device: str
    created: str
    """when rendering began: UTC, ISO 8601"""
    latents_sha256: str
    """hash of the denoised latents: equal on the same device and software"""
    licences: Mapping[str, str]
    """where weights come from -> the licence they are under; empty where nobody wrote it down"""
    profile: str | None
    """name of the profile that request and placement come from"""
    fell_back_from: str | None
    """what ran out of memory before"""


def recipe_for(
    task: RenderTask,
    *,
    versions: Mapping[str, str],
    device: str,
    created: datetime,
    latents_sha256: str,
    warnings: Sequence[str],
) -> dict[str, Any]:
    """The recipe of a clip about to be written, as plain JSON values.

    `created` must be in UTC.
    """
    variant = variant_named(task.request.variant)
    return {
        "recipe_version": RECIPE_VERSION,
        "identity": task.identity,
        "request": task.request.to_dict(),
        "weights": dict(task.weights),
        "placement": task.placement.to_dict(),
        "picture_source": _without_folder(task.picture_source),
        "source": {"set": task.source.set_name, "row": task.source.row_id},
        "versions": dict(versions),
        "device": device,
        "created": created.astimezone(UTC).isoformat(timespec="seconds"),
        "duration_seconds": round(variant.video_seconds, 3),
        "latents_sha256": latents_sha256,
        "warnings": list(warnings),
        "licences": _licences(task),
        "profile": task.profile,
        "fell_back_from": task.fell_back_from,
    }


def read_clip_recipe(path: Path) -> Recipe:
    """The recipe of a clip, given the MP4 or the JSON file beside it.

    Raises UsageError for a file that is missing or holds no recipe that is understood.
    """
    if not path.is_file():
        raise UsageError(f"There is no file {path}. Name a clip, or the .json beside it.")
    try:
        data = _read_json(path) if path.suffix.lower() == ".json" else _read_clip(path)
    except (OSError, ValueError, MediaError) as error:
        raise UsageError(f"No recipe can be read from {path}: {error}") from error
    version: Any = data.get("recipe_version")
    if version != RECIPE_VERSION and version not in _MIGRATIONS:
        raise UsageError(
            f"The recipe in {path} has version {version!r}; this program knows up to "
            f"{RECIPE_VERSION}. Update the program, or render the clip with the version that made "
            "it."
        )
    for older in range(version, RECIPE_VERSION):
        data = {**_MIGRATIONS[older], **data}
    try:
        return Recipe(
            identity=data["identity"],
            request=ClipRequest.from_dict(data["request"]),
            weights=dict(data["weights"]),
            placement=Placement.from_dict(data["placement"]),
            picture_source=data["picture_source"],
            source=ClipSource(data["source"]["set"], data["source"]["row"]),
            versions=dict(data["versions"]),
            device=data["device"],
            created=data["created"],
            latents_sha256=data["latents_sha256"],
            licences=dict(data["licences"]),
            profile=data["profile"],
            fell_back_from=data["fell_back_from"],
        )
    except (KeyError, TypeError, ValueError, RequestError) as error:
        raise UsageError(f"The recipe in {path} is damaged: {error!r}.") from error


def identity_in(clip: Path) -> str | None:
    """The identity that an MP4 carries. None when it carries none, or is no complete MP4."""
    try:
        identity = read_recipe(clip).get("identity")
    except MediaError:
        return None
    return identity if isinstance(identity, str) else None


def _licences(task: RenderTask) -> dict[str, str]:
    """Publisher's repository -> licence, of every weight file that the clip was made with."""
    request = task.request
    return licences_for_render(
        variant_named(request.variant), request.precision, task.ckpt_dir, task.picture_source
    )


def _without_folder(picture_source: str | None) -> str | None:
    """A repository's name; a folder's path is nobody's business, and its identity is kept."""
    if picture_source is None or Path(picture_source).is_absolute():
        return None
    return picture_source


def _read_clip(path: Path) -> dict[str, Any]:
    """The recipe inside the MP4; a clip that lost it through editing may still have its sidecar."""
    try:
        return read_recipe(path)
    except MediaError:
        sidecar = sidecar_path(path)
        if not sidecar.is_file():
            raise
        return _read_json(sidecar)


def _read_json(path: Path) -> dict[str, Any]:
    data = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(data, dict):
        raise ValueError("it holds no JSON object")
    return data
