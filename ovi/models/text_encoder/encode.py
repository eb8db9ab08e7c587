"""From texts to embeddings without padding.

Whether gradients are kept is the caller's choice (a render runs it under
`torch.inference_mode()`). Leaves repeated texts and caching to the caller.

Shapes: B texts, n tokens of one text, D width.
"""

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

from ovi.errors import WeightsError
from ovi.models.text_encoder.model import TextEncoder
from ovi.models.text_encoder.tokenizer import TokenBatch, Tokenizer


def encode_texts(
    encoder: TextEncoder, tokenizer: Tokenizer, texts: Sequence[str], device: torch.device
) -> list[Tensor]:
    """One (n, D) embedding a text, in the encoder's dtype, on `device`, where the encoder is.

    Warns about each text that is longer than the tokenizer's limit. A caller that wants to handle
    those itself calls `tokenizer.encode` and `embed_tokens`.
    """
    batch = tokenizer.encode(texts)
    for index, num_tokens in enumerate(batch.num_tokens_before_truncation):
        if num_tokens > tokenizer.text_len:
            warnings.warn(
                f"Text {index + 1} of {len(texts)} has {num_tokens} tokens; the model reads "
                f"{tokenizer.text_len}, so its last {num_tokens - tokenizer.text_len} have no "
                f"effect. Shorten it.",
                stacklevel=2,
            )
    return embed_tokens(encoder, batch, device)


def embed_tokens(encoder: TextEncoder, batch: TokenBatch, device: torch.device) -> list[Tensor]:
    """One (n, D) embedding a text, n being its tokens in `batch`; as for `encode_texts`.

    Raises WeightsError if the tokens are not of the encoder's vocabulary.
    """
    return embed_separately(encoder, [batch], device)


def embed_separately(
    encoder: TextEncoder, batches: Sequence[TokenBatch], device: torch.device
) -> list[Tensor]:
    """The embeddings of all batches in one pass over the weights, as for `embed_tokens`.

    The results are those of separate calls, bit for bit: an embedding must not depend on which
    other texts happened to be encoded with it.
    """
    inputs: list[tuple[Tensor, Tensor]] = []
    lengths: list[list[int]] = []
    for batch in batches:
        tokens_of_texts = batch.mask.sum(1).tolist()
        # Padding changes no real token's row, so the batch is cut to its longest text.
        longest = max(tokens_of_texts, default=0)
        if longest == 0:
            continue
        highest = int(batch.ids.max())
        if highest >= encoder.config.vocab_size:
            raise WeightsError(
                f"The tokenizer gave token {highest}, but the text encoder knows only "
                f"{encoder.config.vocab_size}: they do not belong together. Check both files."
            )
        inputs.append((batch.ids[:, :longest].to(device), batch.mask[:, :longest].to(device)))
        lengths.append(tokens_of_texts)
    if not inputs:
        return []
    contexts = encoder.encode_each(inputs)
    return [
        row[:length]
        for context, tokens_of_texts in zip(contexts, lengths, strict=True)
        for row, length in zip(context, tokens_of_texts, strict=True)
    ]
