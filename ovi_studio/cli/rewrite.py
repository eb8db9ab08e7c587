"""`ovi rewrite`: new words for prompts, new prompts from an idea, and the log of calls."""

from enum import StrEnum
from typing import Annotated

import typer

from ovi_studio.cli.authoring_options import VariantName
from ovi_studio.cli.completion import complete_set
from ovi_studio.cli.options import Json, Rows, row_words

LOG = "log"
"""In the place of a set: the log of calls."""


class PartName(StrEnum):
    """What is rewritten."""

    SPEECH = "speech"
    AUDIO = "audio"
    SCENE = "scene"
    ALL = "all"


Tone = Annotated[str | None, typer.Option(metavar="TEXT", help="Such as dry, or a soap opera.")]
Voice = Annotated[
    str | None, typer.Option(metavar="TEXT", help="How the speakers sound, such as old sailors.")
]
Into = Annotated[
    str | None,
    typer.Option(metavar="SET", help="Name of the new set. Default: made of set and theme."),
]
InPlace = Annotated[
    bool, typer.Option("--in-place", help="Change the set itself, row by row as you accept.")
]
ConnectionName = Annotated[
    str | None, typer.Option("--connection", metavar="NAME", help="[llm.NAME] of ovi.toml.")
]
ModelName = Annotated[
    str | None, typer.Option("--model", help="Another model than the connection's.")
]
Seed = Annotated[int, typer.Option(help="Another seed gives other words.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Accept every row without asking.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what it would cost, and send and write nothing.")
]
Concurrency = Annotated[
    int | None, typer.Option(min=1, help="Requests at once. Default: the connection's, else 4.")
]
MaxRetries = Annotated[
    int, typer.Option(min=0, help="How often a row that is refused is asked for again.")
]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Ask again for what was answered in earlier runs.")
]


def rewrite(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SET",
            help="A set or SET:ROW; `log` lists the calls made so far.",
            autocompletion=complete_set,
        ),
    ] = None,
    theme: Annotated[
        str | None, typer.Option(metavar="TEXT", help='Such as "AI is taking over the world".')
    ] = None,
    idea: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Instead of a set: write new prompts about this."),
    ] = None,
    rows: Rows = None,
    part: Annotated[PartName, typer.Option(help="What is written anew.")] = PartName.SPEECH,
    language: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the speech. Default: its own.")
    ] = None,
    tone: Tone = None,
    voice: Voice = None,
    number: Annotated[int, typer.Option("--n", min=1, help="Versions of each row.")] = 1,
    count: Annotated[int, typer.Option(min=1, help="With --idea: prompts to write.")] = 1,
    template: Annotated[
        str | None, typer.Option(metavar="NAME", help="With --idea: a template to fill in.")
    ] = None,
    into: Into = None,
    in_place: InPlace = False,
    variant: VariantName = None,
    connection: ConnectionName = None,
    model: ModelName = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Use the line bank instead of a model. English.")
    ] = False,
    seed: Seed = 0,
    yes: Yes = False,
    dry_run: DryRun = False,
    json: Json = False,
    concurrency: Concurrency = None,
    max_retries: MaxRetries = 3,
    fresh: Fresh = False,
    replay: Annotated[
        int | None, typer.Option(metavar="N", help="With `log`: make call N again.")
    ] = None,
    call: Annotated[
        int | None, typer.Option(metavar="N", help="With `log`: show call N in full.")
    ] = None,
    last: Annotated[int, typer.Option(min=1, help="With `log`: how many calls.")] = 20,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take the set's last --in-place back.")
    ] = False,
) -> int:
    """Write the speech of prompts anew for a theme; nothing else in them changes.

    A model is asked for words only; this program puts them into the prompts, so that tags, scene
    and sound stay as they are. A line that does not fit its time, and a prompt in which lint would
    find anything new, is asked for again; then the row keeps its old text, and the exit code is 1.
    On a terminal you see each row beside the old one and accept, edit or reject it; else, or with
    --yes, all that pass are taken. A run that was interrupted goes on where it stopped.

    A server is [llm.NAME] in ovi.toml (base_url, model, api_key_env), or OPENAI_BASE_URL and
    OPENAI_API_KEY. The key is never written anywhere. --offline needs no server.
    """
    from ovi_studio.errors import UsageError
    from ovi_studio.rewrite.order import Wish
    from ovi_studio.rewrite.part import Part

    if source == LOG:
        from ovi_studio.cli.rewrite_log import show_log

        return show_log(replay=replay, call=call, last=last, as_json=json)
    if replay is not None or call is not None:
        raise UsageError("--replay and --call belong to the log: ovi rewrite log --replay 3.")
    if undo:
        from ovi_studio.cli.rewrite_undo import take_back

        return take_back(source, as_json=json)
    wish = Wish(
        theme=(theme or "").strip(), part=Part(part), language=(language or "").strip(),
        tone=(tone or "").strip(), voice=(voice or "").strip(),
    )  # fmt: skip
    if idea is not None:
        if source is not None or theme is not None or in_place:
            raise UsageError("--idea makes new prompts: it goes without SET, --theme, --in-place.")
        if number != 1:
            raise UsageError(f"--n is for the rows of a set. Of an idea: --count {number}.")
        if part is not PartName.SPEECH:
            raise UsageError("--idea writes whole prompts: leave out --part.")
        if rows is not None:
            raise UsageError("--rows is for the rows of a set, and --idea makes new prompts.")
        if offline:
            raise UsageError("Inventing scenes needs a model. Leave out --offline, or fill a "
                             "template yourself: ovi new.")  # fmt: skip
        from ovi_studio.cli.rewrite_idea import invent

        return invent(
            idea, wish, count=count, template=template, into=into, variant=variant,
            connection=connection, model=model, seed=seed, max_retries=max_retries, fresh=fresh,
            dry_run=dry_run, as_json=json,
        )  # fmt: skip
    if source is None:
        raise UsageError('Name a set to rewrite, or give --idea "...".')
    if template is not None:
        raise UsageError("--template belongs to --idea.")
    if count != 1:
        raise UsageError(f"--count belongs to --idea. For versions of each row: --n {count}.")
    from ovi_studio.actions.rewriting import RewriteOrder
    from ovi_studio.cli.rewrite_run import Output, run_order

    order = RewriteOrder(
        source=source, wish=wish, rows=row_words(rows), num_versions=number, variant=variant,
        connection=connection, model=model, concurrency=concurrency, is_offline=offline, seed=seed,
        max_retries=max_retries, is_fresh=fresh,
    )  # fmt: skip
    return run_order(order, Output(into, in_place, yes, dry_run, json))
