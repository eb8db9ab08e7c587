"""The twin diffusion transformer that denoises picture and sound together."""

from ovi.models.fusion.config import OVI_11B, BackboneConfig, FusionConfig
from ovi.models.fusion.model import FusionModel

__all__ = ["OVI_11B", "BackboneConfig", "FusionConfig", "FusionModel"]
