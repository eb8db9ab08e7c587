"""Published parameter names to ours, and back."""

from collections.abc import Mapping

from torch import Tensor

from ovi.models.text_encoder.config import TextEncoderConfig

_IN_MODEL = {
    "token_embedding": "token_embedding",
    "norm": "final_norm",
}

_IN_LAYER = {
    "norm1": "attention_norm",
    "attn.q": "attention.query",
    "attn.k": "attention.key",
    "attn.v": "attention.value",
    "attn.o": "attention.output",
    "pos_embedding.embedding": "attention.position_bias",
    "norm2": "feed_forward_norm",
    "ffn.gate.0": "feed_forward.gate",
    "ffn.fc1": "feed_forward.widen",
    "ffn.fc2": "feed_forward.narrow",
}


def from_published(state: Mapping[str, Tensor], config: TextEncoderConfig) -> dict[str, Tensor]:
    """`state` of the published file under our names, the tensors themselves untouched.

    Names that do not belong to the model pass unchanged, for the strict load to name them.
    """
    names = published_names(config)
    return {names.get(name, name): tensor for name, tensor in state.items()}


def to_published(state: Mapping[str, Tensor], config: TextEncoderConfig) -> dict[str, Tensor]:
    """The inverse of `from_published`: our state under the published names."""
    names = {ours: published for published, ours in published_names(config).items()}
    return {names.get(name, name): tensor for name, tensor in state.items()}


def published_names(config: TextEncoderConfig) -> dict[str, str]:
    """Every published parameter name, with ours."""
    names = {f"{theirs}.weight": f"{ours}.weight" for theirs, ours in _IN_MODEL.items()}
    for layer in range(config.num_layers):
        for theirs, ours in _IN_LAYER.items():
            names[f"blocks.{layer}.{theirs}.weight"] = f"layers.{layer}.{ours}.weight"
    return names
