"""Decides whether new words may stand in a prompt: the guarantees of a rewrite are kept here.

Whatever wrote the words, a prompt is accepted only if its structure and all outside the chosen part
are as before, each line fits its time, and the linter finds nothing that it had not found before.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ovi_studio.lint.checker import Checker, Found
from ovi_studio.lint.rule import Kind, Rule
from ovi_studio.lint.same_clip import row_key
from ovi_studio.lint.subject import Subject, Target
from ovi_studio.prompt.model import Prompt
from ovi_studio.prompt.parse import parse_prompt
from ovi_studio.prompt.prompt_set import TEXT_COLUMN, PromptRow
from ovi_studio.rewrite.clean import clean_answer
from ovi_studio.rewrite.order import Task
from ovi_studio.rewrite.part import assemble
from ovi_studio.rewrite.secret_keys import Secrets


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is thought of new words."""

    text: str = ""
    """The new prompt, if there is no problem."""
    words: tuple[str, ...] = ()
    """The words, cleaned."""
    problems: tuple[str, ...] = ()
    """Each in a sentence that a model or a person can act on."""

    @property
    def is_accepted(self) -> bool:
        """True if the words may be used."""
        return not self.problems


class Judge:
    """Judges the rows of one run; remembers accepted prompts, so that none comes twice."""

    def __init__(
        self,
        rules: Iterable[Rule],
        target: Target,
        *,
        secrets: Secrets | None = None,
        tolerated: Iterable[str] = (),
    ) -> None:
        """`tolerated` are codes of rules that the user's wish itself breaks."""
        skipped = frozenset(tolerated)
        self._rules = tuple(r for r in rules if r.kind is Kind.ROW and r.code not in skipped)
        self._target = target
        self.secrets = secrets or Secrets()
        self._lock = threading.Lock()
        self._holders: dict[int, tuple[str, int]] = {}

    def remember(self, rows: Iterable[PromptRow]) -> None:
        """Takes note of rows as they are: new ones may not say the same."""
        for row in rows:
            key = row_key(Subject(row, self._target))
            self._holders.setdefault(key, (row.id, 0))

    def judge(self, task: Task, answers: Sequence[str]) -> Verdict:
        """What is thought of answers, one for each slot. An accepted prompt is taken note of."""
        words: list[str] = []
        problems: list[str] = []
        for slot, budget, answer in zip(task.slots, task.budgets, answers, strict=True):
            cleaned = clean_answer(answer, slot.kind)
            problem = cleaned.problem or (budget.excess(cleaned.words) if budget else "")
            if problem:
                problems.append(f"segment {slot.number}: {problem}")
            words.append(cleaned.words)
        if not problems:
            problems = self._problems_of_whole(task, words)
        if problems:
            return Verdict(words=tuple(words), problems=tuple(problems))
        text = assemble(task.prompt.text, task.slots, words)
        if (holder := self._take_note(task, text)) is not None:
            return Verdict(
                words=tuple(words), problems=(f"it repeats row {holder}: write something else",)
            )
        return Verdict(text, tuple(words))

    def findings_of(self, row: PromptRow, task: Task) -> list[Found]:
        """What the linter finds in a row, for the task's variant."""
        return Checker(self._rules, self._target._replace(variant=task.variant)).check(row)

    def _problems_of_whole(self, task: Task, words: Sequence[str]) -> list[str]:
        if all(_same(slot.text, new) for slot, new in zip(task.slots, words, strict=True)):
            return ["it is the old text again: write something new"]
        text = assemble(task.prompt.text, task.slots, words)
        if self.secrets.are_in(text):
            return ["it holds a key"]
        if _structure(parse_prompt(text)) != _structure(task.prompt):
            return ["it would change the tags of the prompt; give words only"]
        before = self.findings_of(task.row, task)
        changed = with_text(task.row, text)
        return new_problems(before, self.findings_of(changed, task))

    def _take_note(self, task: Task, text: str) -> str | None:
        """Keeps the row in mind; returns which other row says the same already, if one does."""
        key = row_key(Subject(with_text(task.row, text), self._target))
        with self._lock:
            holder = self._holders.setdefault(key, task.key)
        return None if holder == task.key else holder[0]


def with_text(row: PromptRow, text: str) -> PromptRow:
    """The row with another prompt."""
    return replace(row, text=text, values={**row.values, TEXT_COLUMN: text})


def new_problems(before: Sequence[Found], after: Sequence[Found]) -> list[str]:
    """What the linter says of the new row and has not said of the old one, or not so badly."""
    problems: list[str] = []
    for rank in (2, 1, 0):
        allowed = Counter(found.rule.code for found in before if _rank(found) >= rank)
        for found in after:
            if _rank(found) < rank:
                continue
            allowed[found.rule.code] -= 1
            if allowed[found.rule.code] < 0:
                message = f"{found.rule.code} {found.rule.name}: {found.finding.message}"
                if message not in problems:
                    problems.append(message)
    return problems


def _rank(found: Found) -> int:
    return (found.finding.severity or found.rule.severity).rank


def _structure(prompt: Prompt) -> tuple[object, ...]:
    """What must not change: the kinds of segments, their order, their marks, what is wrong."""
    return (
        tuple(segment.kind for segment in prompt.segments),
        tuple((mark.role, mark.text) for mark in prompt.marks),
        tuple(found.kind for found in prompt.irregularities),
    )


def _same(old: str, new: str) -> bool:
    return "".join(filter(str.isalnum, old.lower())) == "".join(filter(str.isalnum, new.lower()))
