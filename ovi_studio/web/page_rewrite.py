"""Theme rewriting on the page: an order, what it costs, rows as they come with a diff, saving."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ovi.errors import OviError
from ovi_studio.actions.rewriting import (
    RewriteOrder,
    RewritePlan,
    RewriteSession,
    estimate_of,
    plan_rewrite,
)
from ovi_studio.actions.rewritten_sets import check_writable, new_path, save_in_place, save_new_set
from ovi_studio.actions.settings import load_settings
from ovi_studio.errors import StudioError, UsageError
from ovi_studio.project.sets import SET_SUFFIXES
from ovi_studio.report.rewriting import estimate_line, plan_lines, spent_line
from ovi_studio.rewrite.order import RowResult, Wish
from ovi_studio.rewrite.part import Part
from ovi_studio.web.context import WebContext
from ovi_studio.web.page_events import message_of, tell, tells_errors
from ovi_studio.web.page_inputs import taken_as_written
from ovi_studio.web.page_markup import Markup, counted, join, tag
from ovi_studio.web.page_sets import own_sets, set_path

OFFLINE = "the offline bank, without a model"
"""In the place of a connection."""

USUAL = "the usual connection"

_WORD = re.compile(r"\s+|[^\s\w]|\w+")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What a browser has before it and has not saved: it lives as long as its page is open."""

    plan: RewritePlan
    results: tuple[RowResult, ...]

    @property
    def offers(self) -> dict[str, RowResult]:
        """Rows with new words, by the name that the page gives them."""
        return {_name_of(result): result for result in self.results if result.is_rewritten}


@dataclass
class RewriteTab:
    """The components that are filled from outside."""

    sets: Any
    writer: Any


def build_rewrite(context: WebContext) -> RewriteTab:
    """The components of the tab, and what they do."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            sets = gr.Dropdown([], label="Set", elem_id="ovi-rewrite-set", filterable=False)
            theme = gr.Textbox(
                label="Theme", lines=2, placeholder="AI is taking over the coffee machine",
                elem_id="ovi-theme",
            )  # fmt: skip
            connection = gr.Dropdown([USUAL, OFFLINE], value=None, label="Written by",
                                     elem_id="ovi-connection", filterable=False)  # fmt: skip
            with gr.Accordion("More", open=False):
                part = gr.Dropdown([str(one) for one in Part], value=str(Part.SPEECH),
                                   label="What is written anew", filterable=False)  # fmt: skip
                language = gr.Textbox(label="Language (empty: each line's own)")
                tone = gr.Textbox(label="Tone")
                voice = gr.Textbox(label="Voice")
                versions = gr.Number(1, label="Versions of each row", precision=0, minimum=1)
                seed = gr.Number(0, label="Seed", precision=0, minimum=0)
            with gr.Row():
                count = gr.Button("Estimate", min_width=100)
                write = gr.Button("Rewrite", variant="primary", min_width=120,
                                  elem_id="ovi-rewrite")  # fmt: skip
                stop = gr.Button("Stop", min_width=80, visible=False,
                                 elem_id="ovi-rewrite-stop")  # fmt: skip
            talk = gr.HTML(elem_id="ovi-rewrite-talk")
        with gr.Column(scale=6, min_width=320):
            shown = gr.HTML(_empty(), elem_id="ovi-rewritten")
            taken = gr.CheckboxGroup([], label="Rows to take", visible=False,
                                     elem_id="ovi-taken")  # fmt: skip
            with gr.Row(visible=False) as saving:
                into = gr.Textbox(label="New set", placeholder="name made of set and theme",
                                  min_width=160)  # fmt: skip
                save = gr.Button("Save as a new set", variant="primary", min_width=130)
                in_place = gr.Button("Change the set itself", min_width=130)
    kept = gr.State(None)
    for field in (sets, connection, part, versions, seed, taken):
        taken_as_written(field)
    ordered = [sets, theme, connection, part, language, tone, voice, versions, seed]

    def estimated(*written: Any) -> Markup:
        plan = plan_rewrite(_order(context, written), context.working_folder)
        return tag("p", _about(plan), class_="ovi-sub")

    def written(*fields: Any) -> Iterator[tuple[Any, ...]]:
        try:
            yield from _run(context, fields)
        except (StudioError, OviError) as error:
            yield _state(tag("p", message_of(error), class_="ovi-bad"), gr.skip(), None)

    outputs = [talk, shown, taken, saving, kept, stop]
    count.click(tells_errors(estimated), ordered, talk, api_visibility="private")
    running = write.click(written, ordered, outputs, api_visibility="private",
                          concurrency_limit=4, show_progress="hidden")  # fmt: skip
    stop.click(_stopped, kept, outputs, cancels=[running], api_visibility="private",
               show_progress="hidden")  # fmt: skip

    @tells_errors
    def save_new(rewritten: Rewritten | None, names: list[str], name: str) -> str:
        plan, results = _chosen(rewritten, names)
        if name.strip().lower().endswith(SET_SUFFIXES):
            raise UsageError("Give the set a name without .csv: it goes to the folder of sets.")
        path = new_path(plan, name.strip() or None, context.working_folder)
        num_rows = save_new_set(plan, results, path)
        tell(f"The new set {path.stem} has {counted(num_rows, 'row')}.")
        return ""

    @tells_errors
    def save_here(rewritten: Rewritten | None, names: list[str]) -> None:
        plan, results = _chosen(rewritten, names)
        check_writable(plan)
        skipped = save_in_place(plan, results)
        left = f" Left alone, for they were changed meanwhile: {', '.join(skipped)}."
        tell(f"{plan.source.path.stem} is changed.{left if skipped else ''}")

    save.click(save_new, [kept, taken, into], into, api_visibility="private")
    in_place.click(save_here, [kept, taken], None, api_visibility="private")
    return RewriteTab(sets, connection)


def show_results(results: Sequence[RowResult], num_rows: int) -> Markup:
    """The rows that are done, each with what would change."""
    if not results:
        return tag("p", f"{num_rows} rows are being written.", class_="ovi-empty")
    cards = [
        tag("div",
            tag("div", tag("strong", f"Row {_name_of(result)}"),
                tag("span", str(result.source) if result.is_rewritten else "kept",
                    class_=f"ovi-state {'done' if result.is_rewritten else 'failed'}"),
                class_="top"),
            show_diff(result.task.prompt.text, result.text) if result.is_rewritten
            else tag("div", result.reason, class_="ovi-sub"),
            class_="ovi-row")
        for result in results
    ]  # fmt: skip
    return tag("div", *cards, class_="ovi-rows")


def show_diff(before: str, after: str) -> Markup:
    """What goes and what comes, word by word."""
    parts: list[Markup] = []
    for kept, gone, come in _changes(before, after):
        parts += [tag("span", kept)] if kept else []
        parts += [tag("del", gone)] if gone else []
        parts += [tag("ins", come)] if come else []
    return tag("div", tag("div", join(parts)), class_="ovi-diff")


def _changes(before: str, after: str) -> list[tuple[str, str, str]]:
    """What stays, then what goes and what comes in its place, again and again.

    Blanks between two changes count as changed, so that a sentence is replaced as one.
    """
    old, new = _WORD.findall(before), _WORD.findall(after)
    changes: list[tuple[str, str, str]] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        gone, come = "".join(old[old_from:old_to]), "".join(new[new_from:new_to])
        if kind == "equal":
            changes.append((gone, "", ""))
            continue
        kept = changes.pop()[0] if changes else ""
        if changes and not kept.strip():
            first, earlier_gone, earlier_come = changes.pop()
            changes.append((first, earlier_gone + kept + gone, earlier_come + kept + come))
        else:
            changes.append((kept, gone, come))
    return changes


def _run(context: WebContext, fields: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Writes row by row, and shows how far it is."""
    plan = plan_rewrite(_order(context, fields), context.working_folder)
    results: list[RowResult] = []
    about = _about(plan)
    yield _state(tag("p", about, class_="ovi-sub"), show_results((), len(plan.rows)), None, True)
    with RewriteSession(plan) as session:
        for result in session.results():
            results.append(result)
            done = tag("p", f"{len(results)} of {len(plan.tasks) + len(plan.kept)} rows")
            so_far = Rewritten(plan, tuple(results))
            yield _state(done, show_results(results, len(plan.rows)), so_far, True)
        spent = "" if plan.connection is None else spent_line(session.spent)
    yield _ended(Rewritten(plan, tuple(results)), "", spent)


def _stopped(so_far: Rewritten | None) -> tuple[Any, ...]:
    """What is there when somebody stops it; the answers are stored, so that none is paid twice."""
    if so_far is None:
        talk = tag("p", "Stopped before a row was done.", class_="ovi-sub")
        return _state(talk, _empty(), None)
    more = "Rewrite goes on with the others."
    return _ended(so_far, "Stopped: ", more)


def _ended(rewritten: Rewritten, before: str, after: str) -> tuple[Any, ...]:
    """The rows in the order of the set, to be taken or left."""
    rows = rewritten.plan.rows
    order = {row.id: place for place, row in enumerate(rows)}
    results = sorted(
        rewritten.results, key=lambda result: (order[result.task.row.id], result.task.draw)
    )
    num_new = len(rewritten.offers)
    words = f"{before}{counted(num_new, 'row')} with new words, {len(results) - num_new} kept."
    ordered = Rewritten(rewritten.plan, tuple(results))
    return _state(tag("p", f"{words} {after}"), show_results(results, len(rows)), ordered)


def _state(
    talk: Any, shown: Any, rewritten: Rewritten | None, is_running: bool = False
) -> tuple[Any, ...]:
    names = [] if rewritten is None or is_running else list(rewritten.offers)
    return (
        talk, shown, gr.update(choices=names, value=names, visible=bool(names)),
        gr.update(visible=bool(names)), rewritten, gr.update(visible=is_running),
    )  # fmt: skip


def _order(context: WebContext, written: Sequence[Any]) -> RewriteOrder:
    name, theme, connection, part, language, tone, voice, versions, seed = written
    path = set_path(context, name)
    said = (theme, language, tone, voice)
    texts = [text.strip() if isinstance(text, str) else "" for text in said]
    is_offline = connection == OFFLINE
    if not is_offline and connection not in _connections(context):
        raise UsageError("Choose who writes.")
    return RewriteOrder(
        source=str(path),
        wish=Wish(theme=texts[0], part=Part(part), language=texts[1], tone=texts[2],
                  voice=texts[3]),
        num_versions=min(20, int(versions or 1)),
        connection=None if connection in (USUAL, OFFLINE) else connection,
        is_offline=is_offline,
        seed=int(seed or 0),
    )  # fmt: skip


def _connections(context: WebContext) -> list[str]:
    """Who may write: the connections that are configured, else the bank that needs none."""
    try:
        names = list(load_settings(context.working_folder).llm)
    except StudioError:
        names = []
    return [*names, USUAL, OFFLINE] if names else [OFFLINE, USUAL]


def _about(plan: RewritePlan) -> str:
    estimate = estimate_of(plan)
    lines = plan_lines(plan)
    if estimate is not None and plan.connection is not None:
        lines = f"{lines}\n{estimate_line(estimate, plan.connection)}"
    return lines


def _chosen(
    rewritten: Rewritten | None, names: Sequence[str]
) -> tuple[RewritePlan, list[RowResult]]:
    if rewritten is None:
        raise UsageError("There is nothing to save: rewrite a set first.")
    results = [rewritten.offers[name] for name in names if name in rewritten.offers]
    if not results:
        raise UsageError("No row is chosen: tick those that you want.")
    return rewritten.plan, results


def _name_of(result: RowResult) -> str:
    row_id, draw = result.task.key
    return row_id if draw == 1 else f"{row_id} version {draw}"


def _empty() -> Markup:
    return tag("p", "Choose a set and a theme. The new lines are shown here before anything is "
               "saved.", class_="ovi-empty")  # fmt: skip


def writer_choices(context: WebContext, chosen: object) -> Any:
    """An update of the dropdown of writers."""
    names = _connections(context)
    return gr.update(choices=names, value=chosen if chosen in names else names[0])


def set_choices(context: WebContext, chosen: object) -> Any:
    """An update of a dropdown of sets, which keeps what was chosen if it is still there."""
    names = list(own_sets(context))
    value = chosen if chosen in names else names[0] if names else None
    return gr.update(choices=names, value=value)
