"""Writes an image model of the class that mode t2i2v draws with, at toy size, on random weights.

The folder is in diffusers' layout, as the published one is; what it draws is coloured noise. Its
pictures depend on prompt, seed and size, and the smallest step is 16 pixels, as with the real one.
"""

import json
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
)
from diffusers.utils import logging as diffusers_logging
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    PreTrainedTokenizerBase,
    T5Config,
    T5EncoderModel,
    T5TokenizerFast,
)
from transformers.utils import logging as transformers_logging

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WIDTH = 16
"""Features of a token, in all models."""

LATENT_CHANNELS = 4
PIXELS_PER_LATENT = 8


def write_tiny_flux(folder: Path) -> None:
    """Fills `folder` with the model, about 170 kB; equal each time."""
    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pipeline = FluxPipeline(
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
            vae=_vae(),
            text_encoder=_clip(),
            tokenizer=_clip_tokenizer(folder),
            text_encoder_2=_t5(),
            tokenizer_2=_t5_tokenizer(folder),
            transformer=_transformer(),
        )
    pipeline.save_pretrained(folder)


def _transformer() -> FluxTransformer2DModel:
    return FluxTransformer2DModel(
        in_channels=4 * LATENT_CHANNELS,  # a token is 2x2 latents
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=WIDTH,
        num_attention_heads=1,
        joint_attention_dim=WIDTH,
        pooled_projection_dim=WIDTH,
        guidance_embeds=True,
        axes_dims_rope=(4, 6, 6),
    )


def _vae() -> AutoencoderKL:
    stages = PIXELS_PER_LATENT.bit_length()  # each after the first halves both sides
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * stages,
        up_block_types=("UpDecoderBlock2D",) * stages,
        block_out_channels=(4,) * stages,
        norm_num_groups=2,
        latent_channels=LATENT_CHANNELS,
        scaling_factor=0.36,
        shift_factor=0.12,
        use_quant_conv=False,
        use_post_quant_conv=False,
        mid_block_add_attention=False,  # over every latent of a megapixel, it would take gigabytes
    )


def _clip() -> CLIPTextModel:
    config = CLIPTextConfig(
        vocab_size=2 + 2 * len(LETTERS),
        hidden_size=WIDTH,
        intermediate_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=1,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    return CLIPTextModel(config)


def _t5() -> T5EncoderModel:
    config = T5Config(
        vocab_size=64, d_model=WIDTH, d_kv=WIDTH, d_ff=WIDTH, num_layers=1, num_heads=1
    )
    return T5EncoderModel(config)


def _clip_tokenizer(scratch: Path) -> PreTrainedTokenizerBase:
    """Letters, within a word and at its end, with nothing to merge."""
    last_letters = [f"{letter}</w>" for letter in LETTERS]
    tokens = ["<|startoftext|>", "<|endoftext|>", *LETTERS, *last_letters]
    vocabulary, merges = scratch / "vocab.json", scratch / "merges.txt"
    vocabulary.write_text(json.dumps({token: index for index, token in enumerate(tokens)}))
    merges.write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(vocabulary), str(merges), model_max_length=77)
    vocabulary.unlink()
    merges.unlink()
    return tokenizer


def _t5_tokenizer(scratch: Path) -> PreTrainedTokenizerBase:
    """Letters and the beginning of a word."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -9.0), ("▁", -1.0)]
    tokenizer = Tokenizer(
        models.Unigram([*pieces, *((letter, -2.0) for letter in LETTERS)], unk_id=2)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    file = scratch / "letters.json"
    tokenizer.save(str(file))
    loaded = T5TokenizerFast(tokenizer_file=str(file), extra_ids=0, model_max_length=512)
    file.unlink()
    return loaded
