"""The stages: that their losses fall, and that what they export is what the engine loads."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ovi.models.audio_vae.keys import from_published as audio_vae_keys
from ovi.models.text_encoder.tokenizer import ByteTokenizer
from ovi.models.video_vae.keys import from_published as video_vae_keys
from ovi.training.config import RunConfig, read_config
from ovi.training.draws import Draw
from ovi.training.errors import TrainingError
from ovi.training.latents import LatentSet, token_rows
from ovi.training.stages.audio_vae import AudioVaeStage
from ovi.training.stages.audio_vae import scaled_weights as scaled_audio_weights
from ovi.training.stages.fusion import FusionStage
from ovi.training.stages.stage import Stage
from ovi.training.stages.vae import VaeStage
from ovi.training.stages.vocoder import VocoderStage
from ovi.training.weight_files import read_weights

SMALL_VAE = {"video_vae": {"encoder_dim": 2, "decoder_dim": 2, "num_res_blocks": 1}}
SMALL_AUDIO = {"audio_vae": {"hidden_dim": 8, "dim_mult": [1, 2]}}
SMALL_VOCODER = {"vocoder": {"initial_channels": 32}}
SMALL_FUSION = {
    "fusion": {"dim": 32, "num_heads": 2, "num_layers": 2, "ffn_dim": 64, "text_dim": 16},
    "text_encoder": {"dim": 16, "attention_dim": 16, "ffn_dim": 32, "num_layers": 1},
}


def config_of(stage: str, settings: dict[str, Any], sizes: dict[str, Any]) -> RunConfig:
    return RunConfig(stage=stage, num_steps=1, settings=settings, sizes=sizes)


def make_vae(active_channels: int = 16) -> VaeStage:
    torch.manual_seed(0)
    settings = {"num_frames": 5, "statistics_clips": 1, "active_channels": active_channels}
    return VaeStage(config_of("vae", settings, SMALL_VAE))


def make_fusion() -> FusionStage:
    torch.manual_seed(0)
    stage = FusionStage(config_of("fusion", {"active_channels": 4}, SMALL_FUSION))
    generator = torch.Generator().manual_seed(3)
    stage.latents = LatentSet(
        video=torch.randn(4, 48, 2, 4, 4, generator=generator).half(),
        audio=torch.randn(4, 6, 20, generator=generator).half(),
        text=token_rows([f"clip {name}" for name in "abcd"], 32)[:, None],
    )
    return stage


def train(stage: Stage, num_steps: int, prepared: Any, rate: float) -> tuple[float, float]:
    """The losses before and after, of one batch."""
    optimizer = torch.optim.Adam([p for p in stage.parameters() if p.requires_grad], lr=rate)
    losses = []
    for _ in range(num_steps):
        loss = stage(stage.inputs(prepared, Draw(1, 0)))["loss"]
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses[0], losses[-1]


def test_the_video_vae_learns_and_leaves_idle_channels_at_zero() -> None:
    stage = make_vae()
    prepared = stage.prepare(Draw(1, 0), 1)
    before, after = train(stage, 15, prepared, 5e-3)
    assert after < 0.8 * before
    assert stage.vae.encoder.moments.weight[16:48].abs().max() == 0
    assert stage.vae.decoder.latents.weight[:, 16:].abs().max() == 0
    assert stage.vae.decoder.latents.weight[:, :16].abs().min() > 0


def test_exported_video_latents_have_unit_statistics_and_decode_the_same() -> None:
    stage = make_vae()
    frames = stage.world.frames(stage.prepare(Draw(1, 0), 2), stage.device)[:, :, :9]
    weights = stage.export()["video_vae"]
    plain = type(stage.vae)(stage.vae.config)
    plain.load_state_dict(dict(video_vae_keys(weights, stage.vae.config)))
    with torch.no_grad():
        raw = stage.vae.denormalize(stage.vae.encode(frames))
        latents = plain.encode(frames)
        torch.testing.assert_close(
            plain.decode(latents, clamp=False),
            stage.vae.decode(stage.vae.normalize(raw), clamp=False),
            rtol=1e-3,
            atol=1e-4,
        )
        every = stage.world.frames(stage.prepare(Draw(1, 0), 1), stage.device)
        spread = plain.encode(every, latents_per_step=12)[:, :16]
    torch.testing.assert_close(spread.mean((0, 2, 3, 4)), torch.zeros(16), rtol=0, atol=1e-2)
    assert spread.std((0, 2, 3, 4)).max() < 1.01
    assert latents[:, 16:].abs().max() < 1e-5


def test_the_audio_vae_learns_and_rescales_without_a_trace() -> None:
    torch.manual_seed(0)
    stage = AudioVaeStage(config_of("audio-vae", {"statistics_clips": 2}, SMALL_AUDIO))
    prepared = stage.prepare(Draw(1, 0), 2)
    before, after = train(stage, 25, prepared, 5e-3)
    assert after < 0.7 * before
    mel = stage._mel(prepared)
    deviation = torch.linspace(0.5, 2.0, 20)
    plain = type(stage.vae)(stage.vae.config)
    weights = scaled_audio_weights(stage.vae, deviation)
    plain.load_state_dict(audio_vae_keys(weights, stage.vae.config))
    with torch.no_grad():
        kept, moved = stage.vae.encode(mel).mean, plain.encode(mel).mean
        torch.testing.assert_close(moved * deviation[:, None], kept, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(
            plain.decode(moved), stage.vae.decode(kept), rtol=1e-4, atol=1e-4
        )


def test_the_vocoder_learns_through_a_trained_audio_vae(tmp_path: Path) -> None:
    torch.manual_seed(0)
    audio = AudioVaeStage(config_of("audio-vae", {"statistics_clips": 1}, SMALL_AUDIO))
    save_file(dict(audio.export()["audio_vae"]), tmp_path / "audio.safetensors")
    settings = {"audio_vae": str(tmp_path / "audio.safetensors"), "window": 12}
    stage = VocoderStage(config_of("vocoder", settings, SMALL_AUDIO | SMALL_VOCODER))
    prepared = stage.prepare(Draw(1, 0), 2)
    before, after = train(stage, 12, prepared, 3e-3)
    assert after < 0.8 * before
    assert all(not p.requires_grad for p in audio_parameters(stage))


def audio_parameters(stage: VocoderStage) -> list[nn.Parameter]:
    assert stage.audio_vae is not None
    return list(stage.audio_vae.parameters())


def test_the_transformer_learns_to_tell_clips_by_their_text() -> None:
    stage = make_fusion()
    before, after = train(stage, 60, 16, 5e-3)
    assert after < 0.75 * before
    assert stage.fusion.video_model.head.head.weight.view(4, 48, 32)[:, 4:].abs().max() == 0


def test_exported_transformer_does_not_read_idle_channels() -> None:
    stage = make_fusion()
    files = stage.export()
    assert set(files) == {"fusion", "text_encoder"}
    weight = files["fusion"]["video_model.patch_embedding.weight"]
    assert weight[:, 4:].abs().max() == 0
    assert torch.equal(weight[:, :4], stage.fusion.video_model.patch_embedding.weight[:, :4])
    assert "blocks.0.attn.q.weight" in files["text_encoder"]


def test_a_stage_starts_from_what_another_exported(tmp_path: Path) -> None:
    first = make_fusion()
    train(first, 3, 4, 1e-2)
    for name, tensors in first.export().items():
        save_file({k: t.detach() for k, t in tensors.items()}, tmp_path / f"{name}.safetensors")
    second = make_fusion()
    second.start_from(tmp_path)
    assert torch.equal(
        second.fusion.audio_model.head.head.weight, first.fusion.audio_model.head.head.weight
    )
    assert torch.equal(
        second.text_encoder.token_embedding.weight, first.text_encoder.token_embedding.weight
    )
    with pytest.raises(TrainingError, match=r"fusion\.safetensors"):
        second.start_from(tmp_path / "nowhere")


def test_a_frozen_encoder_keeps_the_latents(tmp_path: Path) -> None:
    trained = make_vae()
    save_file(dict(trained.export()["video_vae"]), tmp_path / "video_vae.safetensors")
    settings = {"num_frames": 5, "freeze_encoder": True, "active_channels": 16}
    stage = VaeStage(config_of("vae", settings, SMALL_VAE))
    stage.start_from(tmp_path)
    kept = {k: v.clone() for k, v in stage.vae.encoder.state_dict().items()}
    before, after = train(stage, 10, stage.prepare(Draw(1, 0), 1), 5e-3)
    assert after < before
    weights = stage.export()["video_vae"]
    assert all(torch.equal(weights[f"encoder.{k}"], v) for k, v in kept.items())


def test_text_rows_are_those_of_the_engine() -> None:
    stage = make_fusion()
    texts = ["clip a", "Someone says <S>yes<E>. Audio: A voice.", ""]
    ids = token_rows(texts, 256)
    assert torch.equal(ids.long(), ByteTokenizer(256).encode(texts).ids)
    batch = ByteTokenizer(256).encode(texts)
    with torch.no_grad():
        rows, engine = stage.embed(ids.long()), stage.text_encoder(batch.ids, batch.mask)
    torch.testing.assert_close(rows[batch.mask], engine[batch.mask])
    assert rows[~batch.mask].abs().max() == 0


def test_dropped_texts_are_dropped_where_they_should_be() -> None:
    stage = make_fusion()
    batches = [stage.inputs(500, Draw(1, number)) for number in range(4)]
    without_video = torch.cat([batch["without_video_text"] for batch in batches])
    without_audio = torch.cat([batch["without_audio_text"] for batch in batches])
    video, audio = without_video.float().mean(), without_audio.float().mean()
    both = (without_video & without_audio).float().mean()
    assert video.item() == pytest.approx(0.15, abs=0.03)
    assert audio.item() == pytest.approx(0.15, abs=0.03)
    assert both.item() == pytest.approx(0.10, abs=0.03)
    assert torch.equal(stage.inputs(500, Draw(1, 0))["ids"], batches[0]["ids"])
    assert not torch.equal(batches[1]["ids"], batches[0]["ids"])


def test_shipped_configurations_can_be_read() -> None:
    for name, stage in (("vae", "vae"), ("vae-cpu", "vae"), ("fusion", "fusion")):
        assert read_config(name).stage == stage


def test_configurations_say_what_is_wrong_in_them(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    for text, told in (
        ('stage = "vae"', "needs an end"),
        ('stage = "vae"\nnum_steps = 1\nbatchsize = 3', "no setting 'batchsize'"),
        ('stage = "vae"\nnum_steps = "many"', "num_steps is 'many'"),
        ("stage = ", "cannot be read"),
    ):
        path.write_text(text)
        with pytest.raises(TrainingError, match=told):
            read_config(str(path))
    with pytest.raises(TrainingError, match="audio-vae, fusion"):
        read_config("none")
    with pytest.raises(TrainingError, match="no size 'width'"):
        VaeStage(config_of("vae", {}, {"video_vae": {"width": 3}}))


def test_weights_of_another_model_are_named(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(TrainingError, match=r"other\.safetensors"):
        read_weights(nn.Linear(1, 1), tmp_path / "other.safetensors")
