"""Rendering a clip again from the recipe inside it: what `ovi reproduce` does, for every screen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ovi.spec.identity import clip_identity
from ovi.spec.request import ClipRequest, Mode
from ovi.spec.variants import variant_named
from ovi.weights.hashes import hash_files
from ovi_studio.errors import UsageError
from ovi_studio.render.choices import Choices
from ovi_studio.render.input_files import InputFiles, ckpt_dir_for, read_first_frame
from ovi_studio.render.job import RenderTask
from ovi_studio.render.record import Recipe, read_clip_recipe
from ovi_studio.render.settings import placement_for

NOT_THERE = "not there"
"""Stands for the weights of a component that one of the two does not have."""


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A clip to be rendered again."""

    recipe: Recipe
    """of the original"""
    task: RenderTask
    notes: tuple[str, ...]
    """what differs from the original's circumstances, one sentence each"""


def plan_reproduction(
    clip: Path,
    working_folder: Path,
    *,
    said: Choices,
    accepts_differences: bool = False,
    on_weight_bytes: Callable[[int, int], None] | None = None,
) -> Reproduction:
    """How to render a clip again, given its MP4 or the JSON file beside it.

    Of `said` only the output folder, the checkpoint folder, the picture model, the placement and
    other paths of the first frame and of LoRA files are looked at; the rest is the recipe's. Other
    weights or another first frame are an error, unless `accepts_differences`. Raises UsageError,
    WeightsError and FirstFrameError.
    """
    clip = working_folder / clip
    recipe = read_clip_recipe(clip)
    files = InputFiles(on_weight_bytes)
    request, differences = _with_first_frame(recipe.request, said, working_folder)
    request = _with_loras(request, said, (working_folder, clip.parent))
    variant = variant_named(request.variant)
    ckpt_dir = None if variant.is_embedded else ckpt_dir_for(said, working_folder)
    weights = dict(files.weights(variant, request.precision, ckpt_dir))
    picture_source = None
    if request.mode is Mode.T2I2V:
        model = files.picture_model(said.picture_model or recipe.picture_source, working_folder)
        picture_source, weights["picture_model"] = model.source, model.identity
    differences += [
        f"{name} was {recipe.weights.get(name, NOT_THERE)} and is {weights.get(name, NOT_THERE)}"
        for name in sorted({*recipe.weights, *weights})
        if recipe.weights.get(name) != weights.get(name)
    ]
    if differences and not accepts_differences:
        raise UsageError(
            f"{clip.name} cannot be reproduced, because what it was made from has changed:\n  "
            + "\n  ".join(differences)
            + "\nBring back the same files, or render with what is there: --anyway."
        )
    then = recipe.placement
    offload = said.offload or then.offload
    placement = placement_for(
        replace(
            said,
            device=said.device or then.device,
            offload=offload,
            resident_blocks=then.resident_blocks if offload is then.offload else None,
            host_memory=then.host_memory,
            attention=said.attention or then.attention,
        ),
        request.mode,
    )
    task = RenderTask(
        identity=clip_identity(request, weights),
        request=request,
        placement=replace(placement, num_threads=then.num_threads, token_chunk=then.token_chunk),
        weights=weights,
        ckpt_dir=ckpt_dir,
        picture_source=picture_source,
        source=recipe.source,
        output=_free_name(clip, said, working_folder),
        is_forced=True,
    )
    return Reproduction(recipe, task, tuple(differences))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether a reproduction has the latents of its original."""

    is_equal: bool
    sentence: str


def compare_latents(original: Recipe, copy: Path) -> Comparison:
    """Compares the latents of a reproduction with its original's, by the hashes in the recipes."""
    again = read_clip_recipe(copy)
    if again.latents_sha256 == original.latents_sha256:
        return Comparison(True, "Its latents are the original's, bit for bit.")
    changes = [
        f"{name}: {before}, now {now}"
        for name, before, now in (
            ("device", original.device, again.device),
            ("threads", original.placement.num_threads, again.placement.num_threads),
            ("attention", original.placement.attention, again.placement.attention),
            *((k, v, again.versions.get(k, "none")) for k, v in original.versions.items()),
        )
        if before != now
    ]
    why = f" ({'; '.join(changes)})" if changes else ""
    return Comparison(
        False,
        f"Its latents differ from the original's{why}: only the same kind of device and the same "
        "software give the same bits.",
    )


def _with_first_frame(
    request: ClipRequest, said: Choices, working_folder: Path
) -> tuple[ClipRequest, list[str]]:
    """The request with the first frame where it lies now, and how that differs from then."""
    if request.first_frame is None:
        return request, []
    path = Path(request.first_frame.path)
    if said.image is not None:
        path = working_folder / said.image
    if not path.is_file():
        raise UsageError(
            f"The first frame {path} is not there any more. Bring it back, or say with --image "
            "where it is."
        )
    image, _ = read_first_frame(path.resolve())
    differences = []
    if image.sha256 != request.first_frame.sha256:
        differences.append(f"the first frame {path} is another picture than then")
    return replace(request, first_frame=image), differences


def _with_loras(request: ClipRequest, said: Choices, folders: Sequence[Path]) -> ClipRequest:
    """The request with its LoRA files where they lie now, known again by their content.

    Looked for where they were, where `--lora` says, and by name in `folders`. Raises UsageError.
    """
    named = [folders[0] / choice.name for choice in said.loras or ()]
    found = []
    for lora in request.loras:
        then = Path(lora.path)
        candidates = [then, *named, *(folder / then.name for folder in folders)]
        there = [path for path in candidates if path.is_file()]
        hashes = hash_files(there)
        path = next((path for path in there if hashes[path] == lora.sha256), None)
        if path is None:
            raise UsageError(
                f"The LoRA {then.name} (SHA-256 {lora.sha256[:12]}...) is not at {then} any more, "
                f"nor in {' or '.join(map(str, folders))}. Say with --lora where it is."
            )
        found.append(replace(lora, path=str(path.resolve())))
    return replace(request, loras=tuple(found))


def _free_name(clip: Path, said: Choices, working_folder: Path) -> Path:
    """A path for the copy that no clip has: the original's name where it is free."""
    folder = clip.parent if said.output is None else working_folder / said.output
    endings = ("", "-again", *(f"-again{number}" for number in range(2, 10_000)))
    for ending in endings:
        path = (folder / f"{clip.stem}{ending}.mp4").resolve()
        if not path.exists() and not path.with_suffix(".json").exists():
            return path
    raise UsageError(f"{folder} holds too many copies of {clip.stem}; name another folder with -o.")
