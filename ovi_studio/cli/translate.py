"""`ovi translate`: the spoken lines of a set in another language."""

from typing import Annotated

import typer

from ovi_studio.cli.authoring_options import SetName, VariantName
from ovi_studio.cli.options import Json, Rows, row_words
from ovi_studio.cli.rewrite import (
    Concurrency,
    ConnectionName,
    DryRun,
    Fresh,
    InPlace,
    Into,
    MaxRetries,
    ModelName,
    Seed,
    Tone,
    Voice,
    Yes,
)


def translate(
    source: SetName,
    to: Annotated[str, typer.Option("--to", metavar="LANGUAGE", help="Such as Italian.")],
    rows: Rows = None,
    tone: Tone = None,
    voice: Voice = None,
    into: Into = None,
    in_place: InPlace = False,
    variant: VariantName = None,
    connection: ConnectionName = None,
    model: ModelName = None,
    seed: Seed = 0,
    yes: Yes = False,
    dry_run: DryRun = False,
    json: Json = False,
    concurrency: Concurrency = None,
    max_retries: MaxRetries = 3,
    fresh: Fresh = False,
) -> int:
    """Translate the spoken lines of a set, each within the time it has; all else stays as it is.

    It needs a model: see `ovi rewrite --help` for servers, review and what is guaranteed. What a
    scene says about the language spoken is not changed; `--part all` of `ovi rewrite` does that.
    """
    from ovi_studio.actions.rewriting import RewriteOrder
    from ovi_studio.cli.rewrite_run import Output, run_order
    from ovi_studio.rewrite.order import Purpose, Wish

    wish = Wish(
        language=to.strip(), tone=(tone or "").strip(), voice=(voice or "").strip(),
        purpose=Purpose.TRANSLATE,
    )  # fmt: skip
    order = RewriteOrder(
        source=source, wish=wish, rows=row_words(rows), variant=variant, connection=connection,
        model=model, concurrency=concurrency, seed=seed, max_retries=max_retries, is_fresh=fresh,
    )  # fmt: skip
    return run_order(order, Output(into, in_place, yes, dry_run, json))
