"""The golden cases computed by several ranks: how far each result is from the recorded one.

`python -m tests.engine.parallel.golden_ranks --ranks 2 [--guidance-degree 1] [--device cuda]`
starts the ranks and prints a JSON list: case, output, dtype, the error, and the largest allowed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ovi.models.fusion.model import FusionModel
from ovi.models.video_vae.model import VideoVae
from ovi.parallel.group import RankGroup
from ovi.parallel.layout import Layout
from ovi.parallel.stages import Stages
from ovi.parallel.velocity import shared_velocity
from ovi.runtime.lora import LoraRack
from ovi.spec.placement import Placement
from ovi.spec.request import Guidance, Sampling
from ovi.types import Latents, TextEmbeddings
from tests.engine.golden import check_fusion, check_video_vae
from tests.engine.golden.cases import Case, read_cases, relative_error

PLAIN = Placement()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--ranks", type=int, required=True)
    parser.add_argument("--guidance-degree", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rank", type=int, default=0)
    parser.add_argument("--rendezvous", type=Path)
    options = parser.parse_args()
    if options.rank == 0:
        return _lead(options)
    _check_all(options)
    return 0


def _lead(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as folder:
        options.rendezvous = Path(folder) / "meeting"
        command = [sys.executable, "-m", "tests.engine.parallel.golden_ranks", *sys.argv[1:]]
        command += ["--rendezvous", str(options.rendezvous)]
        others = [
            subprocess.Popen([*command, "--rank", str(rank)]) for rank in range(1, options.ranks)
        ]
        try:
            print(json.dumps(_check_all(options)))
            for other in others:
                assert other.wait(60) == 0
        finally:
            for other in others:
                other.kill()
    return 0


def _check_all(options: argparse.Namespace) -> list[dict[str, Any]]:
    layout = Layout.of(options.ranks)
    if options.guidance_degree is not None:
        layout = Layout(options.ranks, options.guidance_degree)
    device = torch.device(options.device)
    if device.type == "cuda":
        device = torch.device("cuda", options.rank)
        torch.backends.cudnn.allow_tf32 = False  # convolutions would keep three digits
    group = RankGroup(layout, options.rank, device, options.rendezvous)
    group.greet()
    found = []
    is_first = True
    for case in read_cases():
        if case.kind == "fusion":
            for dtype in (torch.float32, torch.bfloat16):
                found += check_velocity(case, group, dtype)
                if is_first:
                    found += check_velocity(case, group, dtype, is_sharded=True)
            is_first = False
        elif case.kind == "e2e":
            found += check_clip(case, group)
        elif case.kind == "vae22_dec":
            found += check_frames(case, group)
    group.close()
    return found


def check_velocity(
    case: Case, group: RankGroup, dtype: torch.dtype, *, is_sharded: bool = False
) -> list[dict[str, Any]]:
    """One pass of the model, taken as the negative one: it reads two texts and skips a layer."""
    model = check_fusion.build_model(case, dtype)
    if not is_sharded:
        model = model.to(group.device)
    if group.layout.sequence_degree > model.config.video.num_heads:
        return []
    stages = stages_of(group, model, None, dtype, Placement(is_sharded=is_sharded))
    inputs = {name: t.to(group.device) for name, t in case.tensors.items() if name[:3] == "in."}
    arguments = dict(case.about["case"].get("kwargs", {}))
    skip_layer = arguments.get("slg_layer")
    latents = Latents(inputs["in.video"][None].float(), inputs["in.audio"][None].float())
    texts = TextEmbeddings(
        inputs["in.audio_context"], inputs["in.vid_context"], inputs["in.audio_context"]
    )
    with (
        torch.inference_mode(),
        shared_velocity(
            model,
            group,
            stages.run_blocks,
            texts,
            Guidance(0.0, 0.0, skip_layer=None if skip_layer is False else skip_layer),
            dtype,
            latents.video.shape,
            first_frame_is_clean=arguments.get("first_frame_is_clean", False),
        ) as velocity,
    ):
        results = velocity(latents, inputs["in.t"])
        again = velocity(latents, inputs["in.t"])
    limit = case.tolerance if dtype is torch.float32 else case.bf16_vs_fp32
    assert limit is not None
    own = []
    kind = " of divided weights" if is_sharded else ""
    for name, first, second in zip(("video", "audio"), results, again, strict=True):
        for actual in (first, second):
            own.append(
                entry(
                    case, f"out.{name}{kind}", dtype, actual[0], case.tensors[f"out.{name}"], limit
                )
            )
    return own


def check_clip(case: Case, group: RankGroup) -> list[dict[str, Any]]:
    """All steps of a clip, and its frames where the case has them."""
    params, tensors = case.about["params"], case.tensors
    model = check_fusion.build_model(case, torch.float32).to(group.device)
    if group.layout.sequence_degree > model.config.video.num_heads:
        return []
    vae = check_video_vae.load_video_vae(case, torch.float32).to(group.device)
    stages = stages_of(group, model, vae, torch.float32)
    moved = {name: tensor.to(group.device) for name, tensor in tensors.items()}
    latents = stages.denoise(
        TextEmbeddings(*(moved[f"in.text_{n}"] for n in ("pos", "video_neg", "audio_neg"))),
        Latents(moved["in.video_noise"][None], moved["in.audio_noise"][None]),
        moved.get("out.image_latent"),
        Sampling(
            seed=params["seed"],
            num_steps=params["steps"],
            shift=params["shift"],
            solver=params["solver"],
        ),
        Guidance(
            video_scale=params["video_guidance_scale"],
            audio_scale=params["audio_guidance_scale"],
            skip_layer=params["slg_layer"],
        ),
        lambda *_: None,
    )
    results = {
        "out.final_video_latent": latents.video,
        "out.final_audio_latent_bcl": latents.audio.transpose(1, 2),
    }
    if "out.video_frames" in tensors:
        frames = all_frames(stages, latents.video)
        if frames is not None:
            results["out.video_frames"] = frames[0]
    return [
        entry(case, name, torch.float32, tensor, tensors[name], case.tolerance)
        for name, tensor in results.items()
    ]


def check_frames(case: Case, group: RankGroup) -> list[dict[str, Any]]:
    """The decoder on strips of a frame. Sizes too small for so many strips are left out."""
    vae = check_video_vae.load_video_vae(case, torch.float32).to(group.device)
    stages = stages_of(group, None, vae, torch.float32)
    found = []
    for name in case.groups(".in.latent"):
        latents = case.tensors[f"{name}.in.latent"].float().to(group.device)
        if max(latents.shape[-2:]) < group.layout.num_ranks:
            continue
        frames = all_frames(stages, latents)
        if frames is not None:
            label = f"{name}.out.video_clamped"
            found.append(
                entry(case, label, torch.float32, frames, case.tensors[label], case.tolerance)
            )
    return found


def all_frames(stages: Stages, latents: Tensor) -> Tensor | None:
    """The whole clip on rank 0."""
    pieces = list(stages.decode(latents, lambda: True))
    return None if stages.group.rank else torch.cat(pieces, dim=2)


def stages_of(
    group: RankGroup,
    model: FusionModel | None,
    vae: VideoVae | None,
    dtype: torch.dtype,
    placement: Placement = PLAIN,
) -> Stages:
    """The stages on this rank; models that a check does not use may be None."""
    if model is None:
        rack = LoraRack(vae, group.device, dtype)
        return Stages(group, None, vae, None, dtype, lambda _: nullcontext(), False, rack)
    return Stages.of(group, model, vae, dtype, lambda _: nullcontext(), placement)


def entry(
    case: Case, name: str, dtype: torch.dtype, actual: Tensor, expected: Tensor, limit: float
) -> dict[str, Any]:
    return {
        "case": case.file,
        "output": name,
        "dtype": str(dtype).removeprefix("torch."),
        "error": relative_error(actual.cpu().float(), expected.float()),
        "limit": limit,
    }


if __name__ == "__main__":
    sys.exit(main())
