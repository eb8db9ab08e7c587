"""The columns in which a rewritten row says where it came from."""

from collections.abc import Mapping

from ovi_studio.rewrite.order import RowResult, Source, Wish

THEME = "rewrite_theme"
PART = "rewrite_part"
MODEL = "rewrite_model"
DATE = "rewrite_date"
SEED = "rewrite_seed"
FROM = "rewrite_from"
ORIGINAL = "rewrite_original"

PROVENANCE_COLUMNS = (THEME, PART, MODEL, DATE, SEED, FROM, ORIGINAL)
"""In the order in which they are written."""


def provenance_of(
    result: RowResult, wish: Wish, *, label: str, seed: int, set_name: str
) -> Mapping[str, str]:
    """The cells of a rewritten row. Its first original is kept, however often it is rewritten."""
    row = result.task.row
    said = [wish.theme, f"in {wish.language}" if wish.language else "", wish.tone, wish.voice]
    return {
        THEME: "; ".join(part for part in said if part),
        PART: str(wish.part),
        MODEL: f"{label}, edited" if result.source is Source.USER else label,
        DATE: result.time,
        SEED: str(seed),
        FROM: f"{set_name}:{row.id}",
        ORIGINAL: row.values.get(ORIGINAL, "") or result.task.prompt.text,
    }
