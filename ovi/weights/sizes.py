"""Models of other sizes than the published ones: `ovi_config.json` in the checkpoint folder.

A checkpoint file does not say everything about its model: how many heads a layer has, for one,
shows in no tensor's shape. So files are taken to be of the published sizes, and loading refuses
what does not fit. Whoever trains or shrinks a model puts `ovi_config.json` beside its files, with
what differs:

    {"fusion": {"video": {"num_layers": 2}, "audio": {"num_layers": 2}}, "vocoder": {...}}

Keys are model names, then the fields of that model's config class. `runtime/sizes.py` applies it.
"""

import json
from pathlib import Path
from typing import Any

from ovi.errors import WeightsError
from ovi.weights.manifest import MODEL_NAMES

SIZES_FILE = "ovi_config.json"


def read_sizes(ckpt_dir: Path) -> dict[str, dict[str, Any]]:
    """The differing fields of each model named in the folder's `ovi_config.json`; usually none.

    Raises WeightsError when the file is there but is not JSON or names an unknown model.
    """
    path = ckpt_dir / SIZES_FILE
    if not path.exists():
        return {}
    try:
        sizes = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(sizes, dict) or not all(isinstance(v, dict) for v in sizes.values()):
        raise WeightsError(f"{path} must hold one JSON object for each model, such as {{...}}.")
    unknown = sizes.keys() - set(MODEL_NAMES)
    if unknown:
        raise WeightsError(
            f"{path} names {', '.join(sorted(unknown))}, which is no model. "
            f"Known: {', '.join(MODEL_NAMES)}."
        )
    return sizes
