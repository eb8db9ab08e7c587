"""Checks the video VAE against one golden case: frames to latents, or latents to frames.

Kinds `vae22_enc` and `vae22_dec`. Every output in the file must have been compared with something
of ours, or the check fails. The clip is worked through one latent frame at a time and also several
at a time.
"""

from dataclasses import replace

import torch
from torch import Tensor

from ovi.models.video_vae.config import VideoVaeConfig
from ovi.models.video_vae.keys import from_published
from ovi.models.video_vae.model import VideoVae

from .cases import Case, assert_golden

BF16_SLACK = 2.0
"""How much farther than the reference's own bfloat16 ours may be from the float32 output."""

LATENTS_PER_STEP = (1, 2, 5)


def check(case: Case) -> None:
    """Compares every output of the case; fails naming the first that is too far off."""
    outputs = {name for name in case.tensors if ".out." in name or ".out_bf16." in name}
    assert outputs, f"{case.file} holds no outputs"
    compute = {"vae22_enc": encode, "vae22_dec": decode}[case.kind]
    compared: set[str] = set()
    with torch.inference_mode():
        for dtype in (torch.float32, torch.bfloat16):
            for step in LATENTS_PER_STEP:
                compared |= compare(case, compute(case, dtype, step), dtype)
    assert compared == outputs, f"{case.file}: not compared: {sorted(outputs - compared)}"


def encode(case: Case, dtype: torch.dtype, latents_per_step: int) -> dict[tuple[str, str], Tensor]:
    """Our outputs by group and name, from the frames in the case."""
    vae = load_video_vae(case, dtype)
    ours: dict[tuple[str, str], Tensor] = {}
    for group in groups_in(case, ".in.video", dtype):
        frames = case.tensors[f"{group}.in.video"].float()
        latents = vae.encode(frames, latents_per_step=latents_per_step)
        ours[group, "latent"] = latents
        ours[group, "latent_unnormalised"] = vae.denormalize(latents)
    return ours


def decode(case: Case, dtype: torch.dtype, latents_per_step: int) -> dict[tuple[str, str], Tensor]:
    """Our outputs by group and name, from the latents in the case."""
    vae = load_video_vae(case, dtype)
    ours: dict[tuple[str, str], Tensor] = {}
    for group in groups_in(case, ".in.latent", dtype):
        latents = case.tensors[f"{group}.in.latent"].float()
        for name, clamp in (("video_clamped", True), ("video_unclamped", False)):
            stream = vae.decode_stream(latents, latents_per_step=latents_per_step, clamp=clamp)
            ours[group, name] = torch.cat(list(stream), dim=2)
    return ours


def compare(case: Case, ours: dict[tuple[str, str], Tensor], dtype: torch.dtype) -> set[str]:
    """Compares our outputs with the float32 ones; returns the names that this dtype settles."""
    settled = set()
    for (group, output), tensor in ours.items():
        name = f"{group}.{flavour(dtype)}.{output}"
        if name not in case.tensors:
            continue
        tolerance = case.tolerance
        if dtype != torch.float32:
            assert case.bf16_vs_fp32 is not None, f"{case.file} does not say how far bf16 may be"
            tolerance = BF16_SLACK * case.bf16_vs_fp32
        assert_golden(tensor, case.tensors[f"{group}.out.{output}"], tolerance, name)
        settled.add(name)
    return settled


def groups_in(case: Case, suffix: str, dtype: torch.dtype) -> list[str]:
    """The groups whose input ends in `suffix` and that hold outputs of this dtype's flavour."""
    return [
        group
        for group in case.groups(suffix)
        if any(name.startswith(f"{group}.{flavour(dtype)}.") for name in case.tensors)
    ]


def flavour(dtype: torch.dtype) -> str:
    """How output names say that they were computed in `dtype`."""
    return "out" if dtype == torch.float32 else "out_bf16"


def load_video_vae(case: Case, dtype: torch.dtype) -> VideoVae:
    """The model that rendering uses, with the weights of the case."""
    config = video_vae_config(case)
    vae = VideoVae(config)
    vae.load_state_dict(from_published(case.weights("video_vae", torch.float32), config))
    return vae.to(dtype)


def video_vae_config(case: Case) -> VideoVaeConfig:
    """Our config for the published settings of the case.

    The latents' scale is the one recorded in the case, or else the published one, which is
    checked in the model's own tests.
    """
    published = case.config["video_vae"]
    assert not published.get("attn_scales"), f"{case.file}: attention inside stages is unknown"
    config = VideoVaeConfig(
        encoder_dim=published["dim"],
        decoder_dim=published["dec_dim"],
        latent_channels=published["z_dim"],
        dim_mult=tuple(published["dim_mult"]),
        num_res_blocks=published["num_res_blocks"],
        temporal_downsample=tuple(published["temperal_downsample"]),
    )
    if "scale.mean" not in case.tensors:
        return config
    return replace(
        config,
        latent_mean=tuple(case.tensors["scale.mean"].tolist()),
        latent_std=tuple((1 / case.tensors["scale.inv_std"].double()).tolist()),
    )
