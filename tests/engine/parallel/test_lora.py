"""Clips with LoRA files: one pipeline for all of them, of one process and of two."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ovi.errors import WeightsError
from ovi.models.nano import NANO_CONFIGS
from ovi.parallel.layout import Layout
from ovi.spec.request import LoraFile
from ovi.weights.hashes import hash_files
from tests.engine.parallel.pipelines import load, load_pair, request_of

NAMES = tuple(f"audio_model.blocks.{i}.self_attn.v" for i in range(6))


@pytest.fixture
def lora(tmp_path: Path) -> LoraFile:
    path, width = tmp_path / "a.safetensors", NANO_CONFIGS.fusion.audio.dim
    generator = torch.Generator().manual_seed(0)
    halves = {}
    for name in NAMES:
        halves[f"{name}.lora_A.weight"] = torch.randn(2, width, generator=generator)
        halves[f"{name}.lora_B.weight"] = torch.randn(width, 2, generator=generator)
    save_file(halves, path)
    return LoraFile(str(path), hash_files([path])[path], 0.8)


def test_a_pipeline_goes_back_to_the_base_and_ranks_agree(lora: LoraFile, tmp_path: Path) -> None:
    plain, adapted = request_of(), replace(request_of(), loras=(lora,))
    broken = replace(lora, path=str(tmp_path / "none.safetensors"), sha256="0")
    alone = load(1)
    clips = [alone.render(request) for request in (plain, adapted, plain, adapted)]
    base, with_lora = clips[0].latents_sha256, clips[1].latents_sha256
    assert base != with_lora
    assert [clip.latents_sha256 for clip in clips[2:]] == [base, with_lora]

    pair = load_pair(layout=Layout(2, 1))
    try:
        with pytest.raises(WeightsError, match=r"none\.safetensors"):
            pair.render(replace(plain, loras=(broken,)))
        for request, clip in ((adapted, clips[1]), (plain, clips[0])):
            stream = pair.render(request)
            for _ in stream.frames:
                pass
            np.testing.assert_allclose(stream.waveform, clip.waveform, rtol=0, atol=1e-4)
    finally:
        pair.close()
    assert np.abs(clips[0].waveform - clips[1].waveform).max() > 1e-2
