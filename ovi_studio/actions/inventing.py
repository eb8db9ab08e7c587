"""New prompts from an idea: what `ovi rewrite --idea` does, for every screen."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ovi.spec.variants import Variant
from ovi_studio.actions.connections import connection_of, key_of
from ovi_studio.actions.linting import lint_options, row_of
from ovi_studio.actions.settings import default_variant, known_variant, load_settings
from ovi_studio.errors import StudioError, UsageError
from ovi_studio.expand.locations import template_folders
from ovi_studio.expand.template import PromptTemplate, load_template
from ovi_studio.lint.checker import Checker
from ovi_studio.lint.diagnostic import Severity
from ovi_studio.project.layout import ProjectLayout, find_layout
from ovi_studio.project.prompt_sources import TextSource
from ovi_studio.project.set_changes import create_file, csv_bytes
from ovi_studio.prompt.format import format_for
from ovi_studio.prompt.prompt_set import TEXT_COLUMN
from ovi_studio.rewrite.acceptance import new_problems
from ovi_studio.rewrite.call_log import AnswerStore, log_path, now_text, question_key, store_path
from ovi_studio.rewrite.calling import Caller, Completes, Question, Spent
from ovi_studio.rewrite.connection import Connection, ResponseFormat
from ovi_studio.rewrite.estimate import Estimate
from ovi_studio.rewrite.idea import build_prompt, idea_messages, idea_schema
from ovi_studio.rewrite.order import Wish
from ovi_studio.rewrite.pace import CancelledError
from ovi_studio.rewrite.provenance import DATE, MODEL, PART, SEED, THEME
from ovi_studio.rewrite.records import Records
from ovi_studio.rewrite.request import count_request
from ovi_studio.rewrite.server import CallError, Server
from ovi_studio.rewrite.system_prompt import system_prompt

ANSWER_TOKENS = 2500
IDEA_COLUMNS = (TEXT_COLUMN, "variant", THEME, PART, MODEL, DATE, SEED)
IDEA_PART = "idea"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdeaOrder:
    """What the user asks for."""

    wish: Wish
    """Its theme is the idea."""
    count: int = 1
    template: str | None = None
    variant: str | None = None
    connection: str | None = None
    model: str | None = None
    seed: int = 0
    max_retries: int = 3
    is_fresh: bool = False


@dataclass(frozen=True, slots=True)
class IdeaResult:
    """One clip that was asked for."""

    number: int
    text: str
    """"" if none could be made."""
    reason: str = ""
    num_tries: int = 0
    time: str = ""
    is_stored: bool = False


class IdeaSession:
    """Invents prompts, one after the other, each told what the others are like."""

    def __init__(
        self,
        order: IdeaOrder,
        working_folder: Path,
        *,
        on_wait: Callable[[str, float], None] = lambda *_: None,
        connect: Callable[[Connection, str | None], Completes] = Server,
    ) -> None:
        """Raises UsageError for what is impossible; calls nobody yet."""
        if not order.wish.theme.strip():
            raise UsageError('The idea is empty: --idea "two cats argue about taxes".')
        if order.count < 1:
            raise UsageError(f"--count {order.count} asks for nothing: use 1 or more.")
        self.order = order
        self.layout: ProjectLayout = find_layout(working_folder)
        config = load_settings(working_folder)
        self.variant: Variant = known_variant(order.variant) or default_variant(config)
        self.is_variant_chosen = order.variant is not None or config.names_variant
        self.template: PromptTemplate | None = None
        if order.template is not None:
            self.template = load_template(order.template, template_folders(self.layout))
        self.connection = connection_of(config, order.connection, model=order.model)
        self.cancelled = threading.Event()
        self._config = config
        self._system = system_prompt(order.wish.purpose, order.wish.values(), self.layout)
        options = lint_options(config, working_folder)
        self._checker = Checker(options.rules, options.target(None)._replace(variant=self.variant))
        self._connect = connect
        self._on_wait = on_wait
        self._server: Completes | None = None
        self._caller: Caller | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.cancel()

    def cancel(self) -> None:
        """Stops the call that is under way, and begins no other."""
        self.cancelled.set()
        if self._server is not None:
            self._server.close()

    @property
    def spent(self) -> Spent:
        """What calls have cost so far."""
        return self._caller.spent if self._caller else Spent()

    def estimate(self) -> Estimate:
        """What the clips will cost if each is accepted at once."""
        form = self.connection.response_format or ResponseFormat.JSON_SCHEMA
        tokens = count_request(self._messages(form, 1, (), ())) * self.order.count
        answers = 250 * self.order.count
        price = self.connection.price_of(tokens, answers)
        return Estimate(self.order.count, 0, self.order.count, tokens, answers, price)

    def results(self) -> Iterator[IdeaResult]:
        """The clips as they are made. Raises StudioError where no call can work."""
        key = key_of(self._config, self.connection)
        self._server = self._connect(self.connection, key)
        secrets = self._server.secrets
        state = self.layout.state.path
        self._caller = Caller(
            self._server, Records(log_path(state), secrets), self.cancelled, on_wait=self._on_wait
        )
        store = AnswerStore(store_path(state), secrets)
        others: list[str] = []
        for number in range(1, self.order.count + 1):
            try:
                result = self._make(number, others, store)
            except CallError as error:
                if error.is_fatal:
                    raise StudioError(str(error)) from error
                result = IdeaResult(number, "", str(error))
            except CancelledError:
                return
            if result.text:
                others.append(result.text)
            yield result

    def _make(self, number: int, others: Sequence[str], store: AnswerStore) -> IdeaResult:
        assert self._caller is not None, "results() connects"
        question = question_key(
            address=self.connection.address, model=self.connection.model, seed=self.order.seed,
            messages=self._messages(ResponseFormat.TEXT, number, others, ()),
        )  # fmt: skip
        stored = None if self.order.is_fresh else store.find(question)
        if stored is not None and not self._problems(stored[0][0], is_last=True):
            return IdeaResult(number, stored[0][0], time=stored[1], is_stored=True)
        notes: list[str] = []
        for tries in range(1, self.order.max_retries + 2):
            told = tuple(notes[-4:])
            reply = self._caller.ask(
                Question(
                    messages=lambda form, told=told: self._messages(form, number, others, told),  # type: ignore[misc]
                    schema=idea_schema(self.template),
                    max_tokens=min(self.connection.max_output_tokens, ANSWER_TOKENS * tries),
                    rows=(f"idea {number}",),
                )
            )
            built = build_prompt(reply.text, self.variant, self.template)
            text = format_for(built.text, self.variant.audio_form) if built.text else ""
            is_last = tries > self.order.max_retries
            problems = list(built.problems) or self._problems(text, is_last=is_last)
            if text in others:
                problems.append("it repeats an earlier clip")
            if self._server is not None and self._server.secrets.are_in(text):
                problems.append("it holds a key")
            if not problems:
                time = now_text()
                store.add(question, [text], time)
                return IdeaResult(number, text, num_tries=tries, time=time)
            notes += [f"the model refused: {reply.refusal}"] if reply.refusal else problems
        return IdeaResult(number, "", notes[-1], self.order.max_retries + 1)

    def _problems(self, text: str, *, is_last: bool) -> list[str]:
        """What the linter says of a prompt; the last try may have what is worth knowing only."""
        found = self._checker.check(row_of(TextSource(text)))
        if is_last:
            found = [f for f in found
                     if (f.finding.severity or f.rule.severity) is not Severity.INFO]  # fmt: skip
        return new_problems((), found)

    def _messages(
        self, form: ResponseFormat, number: int, others: Sequence[str], notes: Sequence[str]
    ) -> list[dict[str, str]]:
        return idea_messages(
            self._system, form, self.variant, self.template, number=number, others=others,
            notes=notes,
        )  # fmt: skip


def save_ideas(session: IdeaSession, results: Sequence[IdeaResult], path: Path) -> int:
    """Writes the prompts as a new set; returns how many. Raises PromptFileError."""
    order = session.order
    rows = [
        {
            TEXT_COLUMN: result.text, "variant": session.variant.name, THEME: order.wish.theme,
            PART: IDEA_PART, MODEL: session.connection.label, DATE: result.time,
            SEED: str(order.seed),
        }
        for result in results if result.text
    ]  # fmt: skip
    create_file(path.resolve(), csv_bytes(IDEA_COLUMNS, rows))
    return len(rows)
