"""Golden check of the fusion transformer: both velocities, in float32 and in bfloat16.

Where a case records intermediate values (`mid.*`), every one of them is compared too, so that a
failure names the first place that went wrong.
"""

from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn

from ovi.models.fusion import BackboneConfig, FusionConfig, FusionModel
from ovi.models.fusion.block import run_fusion_block
from ovi.ops.attention import Attend
from tests.engine.golden.cases import Case, assert_golden

BF16_MARGIN = 2.0
"""How far our bfloat16 may lie from float32, in units of the published engine's own distance."""


def check(case: Case) -> None:
    """Fails unless the model computes the case's velocities, step by step where recorded."""
    model = build_model(case, torch.float32)
    recorded: dict[str, Tensor] = {}
    record_intermediates(model, recorded)
    outputs = run(model, case)
    unseen = {name for name in case.tensors if name.startswith("mid.")} - recorded.keys()
    assert not unseen, f"{case.file}: intermediates that this check cannot reach: {sorted(unseen)}"
    for name, actual in recorded.items():  # in the order of execution
        if name in case.tensors:
            expected = case.tensors[name]
            actual = in_recorded_layout(actual, expected, case, model.config)
            assert_golden(actual, expected, case.tolerance, f"{case.file} {name}")
    for name, actual in outputs.items():
        label = f"{case.file} out.{name}"
        assert_golden(actual, case.tensors[f"out.{name}"], case.tolerance, label)

    if case.groups("out_bf16.video") and case.bf16_vs_fp32 is not None:
        for name, actual in run(build_model(case, torch.bfloat16), case).items():
            limit = BF16_MARGIN * case.bf16_vs_fp32
            assert_golden(
                actual, case.tensors[f"out.{name}"], limit, f"{case.file} out.{name} in bfloat16"
            )


def build_model(case: Case, dtype: torch.dtype) -> FusionModel:
    """The case's model with its weights, loaded strictly under their published names."""
    with torch.device("meta"):
        model = FusionModel(read_config(case.config["fusion"]))
    model.load_state_dict(case.weights("fusion", dtype), strict=True, assign=True)
    return model.eval()


def read_config(published: dict[str, Any]) -> FusionConfig:
    """Our config from the published one."""
    return FusionConfig(
        video=_read_backbone(published["video"]), audio=_read_backbone(published["audio"])
    )


def run(model: FusionModel, case: Case) -> dict[str, Tensor]:
    """Both velocities, as the case calls the model."""
    arguments = dict(case.about["case"].get("kwargs", {}))
    skip_layer = arguments.pop("slg_layer", None)
    if skip_layer is False:
        skip_layer = None
    clean = arguments.pop("first_frame_is_clean", False)
    assert not arguments, f"{case.file}: unknown call arguments {sorted(arguments)}"
    tensors = case.tensors
    with torch.inference_mode():
        video, audio = model(
            tensors["in.video"][None],
            tensors["in.audio"][None],
            tensors["in.t"],
            tensors["in.vid_context"][None],
            tensors["in.audio_context"][None],
            first_frame_is_clean=clean,
            skip_layer=skip_layer,
        )
    return {"video": video[0], "audio": audio[0]}


def record_intermediates(model: FusionModel, into: dict[str, Tensor]) -> None:
    """From now on every value that a case may record lands in `into` under its `mid.` name."""

    def keep(module: nn.Module, name: str) -> None:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            into[name] = output

        module.register_forward_hook(hook)

    def keep_attention(owner: nn.Module, attribute: str, name: str) -> None:
        attend: Attend = getattr(owner, attribute)

        def recording(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            into[f"{name}.q"], into[f"{name}.k"] = q, k
            into[f"{name}.out"] = attend(q, k, v)
            return into[f"{name}.out"]

        setattr(owner, attribute, recording)

    indices: dict[int, int] = {}
    for branch, backbone in (("video", model.video_model), ("audio", model.audio_model)):
        for part in (
            "patch_embedding",
            "text_embedding",
            "time_embedding",
            "time_projection",
            "head",
        ):
            keep(getattr(backbone, part), f"mid.{branch}.{part}")
        for index, block in enumerate(cast("Iterable[Any]", backbone.blocks)):
            indices[id(block)] = index
            cross = block.cross_attn
            names = {
                "norm1": block.norm1,
                "norm3": block.norm3,
                "self_attn": block.self_attn,
                "fused_cross_attn": cross,
                "pre_attn_norm_fusion": cross.pre_attn_norm_fusion,
                "ffn": block.ffn,
            }
            for name, module in names.items():
                keep(module, f"mid.{branch}.block{index}.{name}")
            attention = f"mid.block{index}.attn.{branch}"
            keep_attention(block.self_attn, "attend", f"{attention}.self")
            keep_attention(cross, "attend_text", f"{attention}.text")
            keep_attention(cross, "attend", f"{attention}.fusion")

    def recording_block(video_block: Any, *rest: Any) -> tuple[Tensor, Tensor]:
        video, audio = run_fusion_block(video_block, *rest)
        index = indices[id(video_block)]
        into[f"mid.block{index}.video"], into[f"mid.block{index}.audio"] = video, audio
        return video, audio

    model.run_block = recording_block


def in_recorded_layout(
    actual: Tensor, expected: Tensor, case: Case, config: FusionConfig
) -> Tensor:
    """Our value in the layout of the recorded one, which holds one time vector per token and
    video tokens as a grid right after their embedding."""
    if expected.ndim == 5:
        return actual.transpose(1, 2).reshape(expected.shape)
    if actual.ndim == 3 and actual.shape[1] == 1:
        return actual.expand(-1, expected.shape[1], -1)
    if actual.ndim == 3 and actual.shape[1] == 2 and expected.shape[1] != 2:
        _, rows, columns = config.video.patch_size
        _, _, height, width = case.tensors["in.video"].shape
        clean = height // rows * (width // columns)
        runs = torch.tensor([clean, expected.shape[1] - clean])
        return actual.repeat_interleave(runs, dim=1)
    return actual


def _read_backbone(published: dict[str, Any]) -> BackboneConfig:
    """Our config of one branch. Fails on a published option that no checkpoint uses."""
    assert published["qk_norm"]
    assert published["cross_attn_norm"]
    assert list(published["window_size"]) == [-1, -1]
    return BackboneConfig(
        dim=published["dim"],
        num_heads=published["num_heads"],
        num_layers=published["num_layers"],
        ffn_dim=published["ffn_dim"],
        in_channels=published["in_dim"],
        out_channels=published["out_dim"],
        text_dim=published["text_dim"],
        text_len=published["text_len"],
        patch_size=tuple(published["patch_size"]),
        freq_dim=published["freq_dim"],
        eps=published["eps"],
        rope_time_scale=published.get("temporal_rope_scaling_factor", 1.0),
    )
