"""Rewriting the prompts of a set: what `ovi rewrite` and `ovi translate` do, for every screen.

plan = plan_rewrite(order, folder)        reads, counts, and writes nothing
with RewriteSession(plan) as session:     connects late
    for result in session.results(): ...  rows as they are done; `session.spent` is the cost
save_new_set(plan, results, path)         `actions/rewritten_sets.py`
"""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from ovi.spec.variants import Variant
from ovi_studio.actions.authoring import variant_of
from ovi_studio.actions.connections import connection_of, key_of
from ovi_studio.actions.linting import LintOptions, lint_options
from ovi_studio.actions.settings import default_variant, known_variant, load_settings
from ovi_studio.errors import PromptFileError, StudioError, UsageError
from ovi_studio.project.config import StudioConfig
from ovi_studio.project.delimited import has_undecodable
from ovi_studio.project.layout import ProjectLayout, find_layout
from ovi_studio.project.prompt_sources import rows_of
from ovi_studio.project.sets import SetRow, set_or_row_named
from ovi_studio.prompt.parse import parse_prompt
from ovi_studio.prompt.prompt_set import PromptRow
from ovi_studio.rewrite.acceptance import Judge, Verdict
from ovi_studio.rewrite.bank import read_bank
from ovi_studio.rewrite.budget import budgets_of
from ovi_studio.rewrite.call_log import AnswerStore, log_path, now_text, store_path
from ovi_studio.rewrite.calling import Caller, Completes, Spent
from ovi_studio.rewrite.connection import Connection
from ovi_studio.rewrite.estimate import Estimate, estimate_cost
from ovi_studio.rewrite.language import foreign_reason
from ovi_studio.rewrite.offline import LABEL, OfflineWriter
from ovi_studio.rewrite.order import Purpose, RowResult, Source, Status, Task, Wish
from ovi_studio.rewrite.pace import CancelledError
from ovi_studio.rewrite.part import Part, find_slots, obstacle_to
from ovi_studio.rewrite.records import Records
from ovi_studio.rewrite.row_choice import chosen_rows
from ovi_studio.rewrite.run import ModelRun, key_of_task
from ovi_studio.rewrite.secret_keys import Secrets
from ovi_studio.rewrite.server import CallError, Server
from ovi_studio.rewrite.system_prompt import find_rewrite_file, system_prompt
from ovi_studio.rewrite.theme import read_theme
from ovi_studio.rewrite.variant_guess import guess_variant

SCRIPT_RULE = "S206"
"""Tolerated where the user asks for a language: its script is what is wanted."""

CLOSING_SECONDS = 2.0
"""How long calls that were cancelled may take to notice: a thread must not talk at the very end."""

OFFLINE_ATTEMPTS = 12
"""Lines that the offline writer may try for a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteOrder:
    """What the user asks for."""

    source: str
    """`SET` or `SET:ROW`"""
    wish: Wish
    rows: tuple[str, ...] = ()
    """Ids of rows, and ranges of numbers such as `3-7`; none: all."""
    num_versions: int = 1
    variant: str | None = None
    connection: str | None = None
    model: str | None = None
    concurrency: int | None = None
    is_offline: bool = False
    seed: int = 0
    max_retries: int = 3
    is_fresh: bool = False
    """Answers of earlier runs do not count."""


@dataclass(frozen=True, slots=True)
class RewritePlan:
    """What a rewrite comes to. Nothing has been asked yet."""

    order: RewriteOrder
    source: SetRow
    layout: ProjectLayout
    config: StudioConfig
    options: LintOptions
    rows: tuple[PromptRow, ...]
    tasks: tuple[Task, ...]
    kept: tuple[RowResult, ...]
    """Rows that cannot be rewritten, with the reason."""
    connection: Connection | None
    """None: offline."""
    system: str
    notes: tuple[str, ...]
    """What the user should know before."""

    @property
    def label(self) -> str:
        """Who writes."""
        return LABEL if self.connection is None else self.connection.label


def plan_rewrite(order: RewriteOrder, working_folder: Path) -> RewritePlan:
    """What an order comes to. Reads files, writes none, calls nobody.

    Raises UsageError for what is impossible, PromptFileError for a set that cannot be read.
    """
    _check(order)
    layout = find_layout(working_folder)
    config = load_settings(working_folder)
    source = set_or_row_named(order.source, working_folder)
    rows = tuple(rows_of(source))
    if not rows:
        raise UsageError(f"{order.source}: there is no prompt in it. Add a row.")
    rows = chosen_rows(rows, order.rows, order.source)
    _refuse_undecodable(source, rows)
    variants, notes = _variants(order, rows, config)
    tasks: list[Task] = []
    kept: list[RowResult] = []
    for row, variant in zip(rows, variants, strict=True):
        task = task_of(row, order.wish.part, variant)
        if reason := _obstacle(task, order):
            kept.append(kept_result(task, reason))
        else:
            tasks += [replace(task, draw=draw) for draw in range(1, order.num_versions + 1)]
    connection = None
    system = ""
    if not order.is_offline:
        connection = connection_of(
            config, order.connection, model=order.model, concurrency=order.concurrency
        )
        system = system_prompt(order.wish.purpose, order.wish.values(), layout)
    elif order.wish.tone or order.wish.voice:
        notes.append("The offline bank knows no tone and no voice; a model does.")
    return RewritePlan(
        order, source, layout, config, lint_options(config, working_folder), rows, tuple(tasks),
        tuple(kept), connection, system, tuple(notes),
    )  # fmt: skip


def task_of(row: PromptRow, part: Part, variant: Variant) -> Task:
    """The first version of a row, whether it can be rewritten or not."""
    prompt = parse_prompt(row.text)
    slots = find_slots(prompt, part)
    return Task(row, 1, prompt, slots, budgets_of(prompt, slots, variant), variant)


def kept_result(task: Task, reason: str, num_tries: int = 0) -> RowResult:
    """A row that keeps its old text."""
    return RowResult(
        task=task, status=Status.KEPT, text=task.prompt.text, reason=reason, num_tries=num_tries
    )


def _check(order: RewriteOrder) -> None:
    wish = order.wish
    if wish.purpose is Purpose.TRANSLATE and not wish.language.strip():
        raise UsageError("Name the language: --to LANGUAGE.")
    if wish.purpose is Purpose.REWRITE and not any((wish.theme, wish.language, wish.tone,
                                                    wish.voice)):  # fmt: skip
        raise UsageError('Say what it should be about: --theme "...", or give --language, --tone '
                         "or --voice.")  # fmt: skip
    if order.num_versions < 1:
        raise UsageError(f"--n {order.num_versions} asks for nothing: use 1 or more.")
    if order.max_retries < 0:
        raise UsageError("--max-retries must be 0 or more.")
    if not order.is_offline:
        return
    if wish.purpose is Purpose.TRANSLATE or wish.language:
        raise UsageError("Translating needs a model: the offline bank is English. Configure a "
                         "connection and leave out --offline.")  # fmt: skip
    if wish.part is not Part.SPEECH:
        raise UsageError(f"Writing {wish.part} anew needs a model: the offline bank has spoken "
                         "lines only. Leave out --offline.")  # fmt: skip
    if not wish.theme.strip():
        raise UsageError('The offline bank needs a theme: --theme "...".')
    if not read_theme(wish.theme).is_speakable:
        raise UsageError(f"The theme {wish.theme!r} has no word that the offline bank can say. "
                         "Write it in English words, and numbers as they are spoken.")  # fmt: skip


def _refuse_undecodable(source: SetRow, rows: Sequence[PromptRow]) -> None:
    """Raises PromptFileError for bytes that are no text: no new set could be written."""
    for row in rows:
        if any(map(has_undecodable, row.values.values())):
            raise PromptFileError(
                f"{source.path}, row {row.id} holds bytes that are no text. Save it as UTF-8."
            )


def _variants(
    order: RewriteOrder, rows: Sequence[PromptRow], config: StudioConfig
) -> tuple[list[Variant], list[str]]:
    """The variant of each row, and what to say about it."""
    said = known_variant(order.variant)
    if said is not None:
        return [said] * len(rows), []
    own = [variant_of(row) for row in rows]
    if all(own):
        return [variant for variant in own if variant], []
    if config.names_variant:
        default = default_variant(config)
        return [variant or default for variant in own], []
    nameless = [row for row, variant in zip(rows, own, strict=True) if variant is None]
    guessed = guess_variant([parse_prompt(row.text) for row in nameless])
    note = (
        f"Nobody names a variant: going by its captions and speech, this is {guessed.name} "
        f"({guessed.video_seconds:.0f} s), for which lines are fitted and linted. --variant says "
        "otherwise."
    )
    return [variant or guessed for variant in own], [note]


def _obstacle(task: Task, order: RewriteOrder) -> str:
    if reason := obstacle_to(task.prompt, order.wish.part):
        return reason
    if order.is_offline:
        foreign = foreign_reason(task.prompt, [slot.text for slot in task.slots])
        if foreign:
            return f"The offline bank is English, and {foreign}: it needs a model."
    return ""


def estimate_of(plan: RewritePlan) -> Estimate | None:
    """What the rows whose answers are not stored will cost; None offline. Needs no key."""
    if plan.connection is None:
        return None
    store = AnswerStore(store_path(plan.layout.state.path), Secrets())
    new = [
        task
        for task in plan.tasks
        if plan.order.is_fresh
        or store.find(key_of_task(task, plan.connection, plan.system, plan.order.seed)) is None
    ]
    return estimate_cost(new, len(plan.tasks) - len(new), plan.system, plan.connection)


class RewriteSession:
    """A rewrite that runs: gives results, tries rows again, and can be cancelled from anywhere."""

    def __init__(
        self,
        plan: RewritePlan,
        *,
        on_wait: Callable[[str, float], None] = lambda *_: None,
        connect: Callable[[Connection, str | None], Completes] = Server,
    ) -> None:
        """`on_wait` is told why, and for how many seconds, a call is put off.

        Raises UsageError for a key that cannot be had, MissingExtraError without `openai`.
        """
        self.plan = plan
        self.cancelled = threading.Event()
        self._server: Completes | None = None
        self._model: ModelRun | None = None
        self._caller: Caller | None = None
        self._writer: OfflineWriter | None = None
        order = plan.order
        secrets = Secrets()
        if plan.connection is not None:
            key = key_of(plan.config, plan.connection)
            self._server = connect(plan.connection, key)
            secrets = self._server.secrets
        tolerated = (SCRIPT_RULE,) if order.wish.language else ()
        target = plan.options.target(plan.source.path)
        self._judge = Judge(plan.options.rules, target, secrets=secrets, tolerated=tolerated)
        self._judge.remember(plan.rows)
        if self._server is None:
            bank = read_bank(find_rewrite_file("offline.yaml", plan.layout))
            self._writer = OfflineWriter(bank, read_theme(order.wish.theme), order.seed)
            return
        state = plan.layout.state.path
        self._caller = Caller(
            self._server, Records(log_path(state), secrets), self.cancelled, on_wait=on_wait
        )
        self._model = ModelRun(
            self._caller, self._judge, AnswerStore(store_path(state), secrets), plan.system,
            self.cancelled, max_retries=order.max_retries, seed=order.seed,
            reads_store=not order.is_fresh,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.cancel()
        if self._model is not None:
            self._model.join(CLOSING_SECONDS)

    @property
    def spent(self) -> Spent:
        """What calls have cost so far."""
        return self._caller.spent if self._caller else Spent()

    def results(self, *, done: Collection[tuple[str, int]] = ()) -> Iterator[RowResult]:
        """Every row as it is done: first those that cannot be rewritten, then in any order.

        `done` are keys of tasks that need nothing more.

        Raises StudioError where no call can work; what was accepted before is stored, so that the
        same order goes on from there. Ends early when cancelled.
        """
        yield from self.plan.kept
        tasks = [task for task in self.plan.tasks if task.key not in done]
        if self._model is None:
            for task in tasks:
                if self.cancelled.is_set():
                    return
                yield self._write_offline(task, 0)
            return
        try:
            yield from self._model.results(tasks)
        except CallError as error:
            raise StudioError(str(error)) from error
        except CancelledError:
            return

    def again(self, task: Task, number: int) -> RowResult:
        """Another version of a row, the `number`-th repetition; stored answers do not count."""
        if self._model is None:
            return self._write_offline(task, number * OFFLINE_ATTEMPTS)
        try:
            result = self._model.again(replace(task, draw=task.draw + 1000 * number))
        except (CallError, CancelledError) as error:
            return kept_result(task, str(error))
        return replace(result, task=task)

    def judge_edit(self, task: Task, words: Sequence[str]) -> tuple[Verdict, RowResult]:
        """What is thought of words that the user wrote, and the row with them."""
        verdict = self._judge.judge(task, words)
        result = RowResult(
            task=task, status=Status.REWRITTEN if verdict.is_accepted else Status.KEPT,
            text=verdict.text or task.prompt.text, words=verdict.words, source=Source.USER,
            reason="; ".join(verdict.problems), time=now_text(),
        )  # fmt: skip
        return verdict, result

    def cancel(self) -> None:
        """Stops calls that are under way, and begins no other."""
        self.cancelled.set()
        if self._server is not None:
            self._server.close()

    def _write_offline(self, task: Task, first_attempt: int) -> RowResult:
        assert self._writer is not None, "only an offline session has no model"
        reason = "No line of the bank fits its time."
        for attempt in range(first_attempt, first_attempt + OFFLINE_ATTEMPTS):
            words = self._writer.write(task, attempt)
            if words is None:
                continue
            verdict = self._judge.judge(task, words)
            if verdict.is_accepted:
                return RowResult(
                    task=task, status=Status.REWRITTEN, text=verdict.text, words=verdict.words,
                    source=Source.OFFLINE, num_tries=1, time=now_text(),
                )  # fmt: skip
            reason = "; ".join(verdict.problems)
        return kept_result(task, reason, num_tries=1)
