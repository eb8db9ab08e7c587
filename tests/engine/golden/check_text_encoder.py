"""Golden check of the text encoder: buckets, every row, and the trimmed embeddings."""

from typing import Any

import torch

from ovi.models.text_encoder.config import TextEncoderConfig
from ovi.models.text_encoder.encode import embed_tokens
from ovi.models.text_encoder.keys import from_published
from ovi.models.text_encoder.model import TextEncoder
from ovi.models.text_encoder.position import bucket_of
from ovi.models.text_encoder.tokenizer import TokenBatch
from tests.engine.golden.cases import Case, assert_golden


def check(case: Case) -> None:
    """Float32 within the tolerance; bfloat16 within twice the published bfloat16's own distance."""
    config = read_config(case.config["text_encoder"], int(case.about["text_len"]))
    _check_buckets(case, config)
    assert case.groups(".context_full"), f"{case.file} holds no outputs"
    _check_outputs(case, config, torch.float32, case.tolerance)
    if case.bf16_vs_fp32 is not None:
        _check_outputs(case, config, torch.bfloat16, 2 * case.bf16_vs_fp32)


def read_config(published: dict[str, Any], text_len: int) -> TextEncoderConfig:
    """Our config for a published one."""
    assert not published["shared_pos"], "one position table for all layers is not umT5"
    return TextEncoderConfig(
        vocab_size=published["vocab_size"],
        dim=published["dim"],
        attention_dim=published["dim_attn"],
        ffn_dim=published["dim_ffn"],
        num_heads=published["num_heads"],
        num_layers=published["encoder_layers"],
        num_buckets=published["num_buckets"],
        max_distance=published["max_dist"],
        eps=published.get("norm_eps", 1e-6),
        text_len=text_len,
    )


def _check_buckets(case: Case, config: TextEncoderConfig) -> None:
    expected = case.tensors["aux.bucket_of_relpos"]
    reach = config.text_len - 1
    ours = bucket_of(torch.arange(-reach, reach + 1), config)
    assert torch.equal(ours, expected), f"{case.file}: position buckets differ"


def _check_outputs(
    case: Case, config: TextEncoderConfig, dtype: torch.dtype, tolerance: float
) -> None:
    encoder = TextEncoder(config)
    encoder.load_state_dict(from_published(case.weights("text_encoder"), config), strict=True)
    encoder.to(dtype).eval()
    ids, mask = case.tensors["in.ids"], case.tensors["in.mask"]
    lengths = mask.sum(1).tolist()
    with torch.inference_mode():
        context = encoder(ids, mask)
        embeddings = embed_tokens(
            encoder, TokenBatch(ids, mask == 1, tuple(lengths)), torch.device("cpu")
        )
    assert context.dtype == dtype
    where = f"{case.file} {dtype}"
    assert_golden(context, case.tensors["out.context_full"], tolerance, f"{where} context_full")
    for row, embedding in enumerate(embeddings):
        expected = case.tensors[f"out.embedding.{row}"]
        assert_golden(embedding, expected, tolerance, f"{where} embedding {row}")
