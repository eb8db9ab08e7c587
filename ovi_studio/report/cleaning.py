"""How what `ovi gc` frees is shown."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from ovi_studio.actions.cleaning import Waste
from ovi_studio.report.paths import short_path


def waste_text(waste: Sequence[Waste]) -> str:
    """A line a kind, with number and size, and a line for all."""
    kinds: dict[str, list[Waste]] = defaultdict(list)
    for item in waste:
        kinds[item.kind].append(item)
    lines = [f"{size_text(items):>10}  {len(items):>5}  {kind}" for kind, items in kinds.items()]
    return "\n".join((*lines, f"{size_text(waste):>10}  {len(waste):>5}  in all"))


def waste_document(waste: Sequence[Waste], *, is_removed: bool) -> dict[str, Any]:
    """Every file or folder as plain JSON values; `is_removed`: it is gone, not only found."""
    return {
        "removed": is_removed,
        "bytes": sum(item.num_bytes for item in waste),
        "items": [
            {"kind": item.kind.name.lower(), "path": str(item.path), "bytes": item.num_bytes}
            for item in waste
        ],
    }


def waste_listing(waste: Sequence[Waste]) -> str:
    """Every path, one a line."""
    return "\n".join(short_path(item.path) for item in waste)


def size_text(waste: Sequence[Waste]) -> str:
    """The size of all together, for people."""
    megabytes = sum(item.num_bytes for item in waste) / 1e6
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:.1f} MB"
