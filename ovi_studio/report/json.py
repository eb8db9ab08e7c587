"""Results as one JSON document."""

import json
from typing import Any


def json_text(document: Any) -> str:
    """The document, indented, with every script's letters as they are."""
    return json.dumps(document, indent=2, ensure_ascii=False)
