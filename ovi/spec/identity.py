"""The identity of a clip: one hash over everything that changes its pixels or its sound."""

import hashlib
import json
from collections.abc import Mapping

from ovi.spec.request import ClipRequest

RESULT_VERSION = 1
"""Raised when the engine's arithmetic changes on purpose: old clips then count as other clips."""


def clip_identity(request: ClipRequest, weights: Mapping[str, str]) -> str:
    """SHA-256, in hex, of the request and of the weights it is rendered with.

    `weights` maps component names to the identity of their files. Where a first frame or a LoRA
    lies on disk is left out: only its content counts.
    """
    data = request.to_dict()
    if data["first_frame"] is not None:
        data["first_frame"] = data["first_frame"]["sha256"]
    if data["vae_tiling"] is None:
        del data["vae_tiling"]  # clips of versions that knew no tiling keep their identity
    if data["sampling"]["caching"] is None:
        del data["sampling"]["caching"]  # likewise
    data["loras"] = [{"sha256": lora.sha256, "weight": lora.weight} for lora in request.loras]
    if not data["loras"]:
        del data["loras"]  # likewise
    document = {"result_version": RESULT_VERSION, "request": data, "weights": dict(weights)}
    canonical = json.dumps(document, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
