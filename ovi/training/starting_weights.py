"""Initial weights where torch's own are not right for the architecture."""

import torch
from torch import nn

from ovi.models.fusion.model import FusionModel
from ovi.models.text_encoder.layers import SelfAttention
from ovi.models.text_encoder.model import TextEncoder


@torch.no_grad()
def start_fusion(model: FusionModel) -> None:
    """Velocity zero, and no influence of the timestep yet beyond the modulation tables.

    Each branch's residual sums then grow with depth as if every layer were small.
    """
    for backbone in (model.video_model, model.audio_model):
        projection = backbone.time_projection[1]
        assert isinstance(projection, nn.Linear)
        for layer in (backbone.head.head, projection):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)


@torch.no_grad()
def start_text_encoder(model: TextEncoder) -> None:
    """Logits of order one: this attention divides by nothing, so its queries must start small."""
    head_dim = model.config.attention_dim // model.config.num_heads
    for module in model.modules():
        if isinstance(module, SelfAttention):
            module.query.weight.mul_(head_dim**-0.5)
            module.position_bias.weight.mul_(0.1)
