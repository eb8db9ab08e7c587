"""Checks the mel spectrogram, the audio VAE and the vocoder against one golden case.

Kinds `audio_mel`, `audio_vae` and `audio_vocoder`. Every output in the file must have been
compared with something of ours, in both flavours, or the check fails.
"""

import math
from typing import Any

import torch
from torch import Tensor

from ovi.models.audio_vae import keys as audio_vae_keys
from ovi.models.audio_vae.config import AudioVaeConfig
from ovi.models.audio_vae.mel import log_mel, mel_basis
from ovi.models.audio_vae.model import AudioVae
from ovi.models.vocoder import keys as vocoder_keys
from ovi.models.vocoder.config import VocoderConfig
from ovi.models.vocoder.model import Vocoder

from .cases import Case, assert_golden, relative_error

BF16_SLACK = 2.0
"""How much farther than the reference's own bfloat16 ours may be from the float32 output."""

MEL_SETTINGS = {
    "sampling_rate": "sample_rate",
    "sample_rate": "sample_rate",
    "n_fft": "n_fft",
    "hop_size": "hop_length",
    "hop_length": "hop_length",
    "hop": "hop_length",
    "fmin": "min_frequency",
    "f_min": "min_frequency",
    "fmax": "max_frequency",
    "f_max": "max_frequency",
}
"""Spectrogram settings that a case may give under `config.mel` or `about`, and our fields."""


def check(case: Case) -> None:
    """Compares every output of the case; fails naming the first that is too far off."""
    with torch.inference_mode():
        compared = {
            "audio_mel": check_mel,
            "audio_vae": check_vae,
            "audio_vocoder": check_vocoder,
        }[case.kind](case)
    outputs = {name for name in case.tensors if ".out." in name or ".out_bf16." in name}
    assert outputs, f"{case.file} holds no outputs"
    assert compared == outputs, f"{case.file}: not compared: {sorted(outputs - compared)}"


def check_mel(case: Case) -> set[str]:
    """Waveform to mel to latent mean; also the mel basis where it is given."""
    config = audio_vae_config(case)
    vae = load_audio_vae(case, config)
    for group in case.groups(".mel_basis"):
        expected = case.tensors[f"{group}.mel_basis"]
        assert_golden(mel_basis(config), expected, case.tolerance, "mel_basis")
    compared = set()
    for group in case.groups(".in.wave"):
        mel = log_mel(case.tensors[f"{group}.in.wave"], config)
        ours = {"logmel": mel, "latent_mean": vae.encode(mel).mean}
        compared |= compare(case, group, ours, torch.float32)
    return compared


def check_vae(case: Case) -> set[str]:
    """Latents to mel to waveform, and mel to the latent distribution."""
    compared = set()
    for dtype in (torch.float32, torch.bfloat16):
        vae = load_audio_vae(case, audio_vae_config(case)).to(dtype)
        vocoder = load_vocoder(case).to(dtype)
        for group in case.groups(".in.latent"):
            latents = case.tensors[f"{group}.in.latent"].to(dtype)
            mel = vae.decode(latents)
            normalised = vae.decode_normalised(latents)
            ours = {"mel": mel, "mel_normalised": normalised, "wave": vocoder(mel)}
            compared |= compare(case, group, ours, dtype)
        for group in case.groups(".in.mel"):
            mean, logvar = vae.encode(case.tensors[f"{group}.in.mel"].to(dtype))
            compared |= compare(case, group, {"mean": mean, "logvar": logvar}, dtype)
    return compared


def check_vocoder(case: Case) -> set[str]:
    """Mel to waveform."""
    compared = set()
    for dtype in (torch.float32, torch.bfloat16):
        vocoder = load_vocoder(case).to(dtype)
        for group in case.groups(".in.mel"):
            waveform = vocoder(case.tensors[f"{group}.in.mel"].to(dtype))
            compared |= compare(case, group, {"wave": waveform}, dtype)
    return compared


def compare(case: Case, group: str, ours: dict[str, Tensor], dtype: torch.dtype) -> set[str]:
    """Compares our outputs with the float32 ones; returns the names that this dtype settles.

    In bfloat16 the distance that the reference's own bfloat16 keeps is the measure: the figure
    that the case states, or else the one between its two stored outputs.
    """
    flavour = "out" if dtype == torch.float32 else "out_bf16"
    settled = set()
    for output, tensor in ours.items():
        name = f"{group}.{flavour}.{output}"
        if name not in case.tensors:
            continue
        expected = case.tensors[f"{group}.out.{output}"]
        tolerance = case.tolerance
        if dtype != torch.float32:
            stated = case.bf16_vs_fp32
            distance = relative_error(case.tensors[name], expected) if stated is None else stated
            tolerance = BF16_SLACK * distance
        assert_golden(tensor, expected, tolerance, name)
        settled.add(name)
    return settled


def audio_vae_config(case: Case) -> AudioVaeConfig:
    """Our config for the published settings of the case; mel statistics come with the weights."""
    published = case.config["audio_vae"]
    given: dict[str, Any] = {**case.about, **case.config.get("mel", {}), **published}
    mel_settings = {ours: given[theirs] for theirs, ours in MEL_SETTINGS.items() if theirs in given}
    return AudioVaeConfig(
        mel_bands=published["data_dim"],
        latent_channels=published["embed_dim"],
        hidden_dim=published["hidden_dim"],
        dim_mult=tuple(published["ch_mult"]),
        num_res_blocks=published["num_res_blocks"],
        downsample_levels=tuple(published["down_layers"]),
        attention_levels=tuple(published["attn_layers"]),
        mel_mean=(),
        mel_std=(),
        **mel_settings,
    )


def vocoder_config(case: Case) -> VocoderConfig:
    """Our config for the published settings of the case; another activation or block is refused."""
    published = case.config["vocoder"]
    assert str(published["resblock"]) == "1", f"{case.file}: unknown residual block"
    assert published["activation"] == "snakebeta", f"{case.file}: unknown activation"
    assert published["snake_logscale"], f"{case.file}: activation parameters are not logarithms"
    return VocoderConfig(
        mel_bands=published["num_mels"],
        hop_length=math.prod(published["upsample_rates"]),
        initial_channels=published["upsample_initial_channel"],
        upsample_rates=tuple(published["upsample_rates"]),
        upsample_kernels=tuple(published["upsample_kernel_sizes"]),
        amp_kernels=tuple(published["resblock_kernel_sizes"]),
        amp_dilations=tuple(tuple(row) for row in published["resblock_dilation_sizes"]),
    )


def load_audio_vae(case: Case, config: AudioVaeConfig) -> AudioVae:
    """The case's audio VAE in float32."""
    vae = AudioVae(config)
    state = case.weights("audio_vae", torch.float32)
    vae.load_state_dict(audio_vae_keys.from_published(state, config))
    return vae.eval()


def load_vocoder(case: Case) -> Vocoder:
    """The case's vocoder in float32."""
    config = vocoder_config(case)
    vocoder = Vocoder(config)
    state = case.weights("vocoder", torch.float32)
    vocoder.load_state_dict(vocoder_keys.from_published(state, config))
    return vocoder.eval()
