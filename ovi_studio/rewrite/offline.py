"""Writes lines without a model: from the line bank, by the seed, as long as the old ones."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ovi_studio.lint.limits import count_words
from ovi_studio.prompt.timing import time_speech
from ovi_studio.rewrite.bank import Bank, draw_line, fill_line
from ovi_studio.rewrite.budget import MIN_WORDS, Budget
from ovi_studio.rewrite.order import Task
from ovi_studio.rewrite.theme import Theme, Thing

NUM_CANDIDATES = 48
"""Lines made for each place, of which the best is taken."""

PAIR_CHANCE = 0.45
"""How often two lines of a row are taken from the same talk."""

LONGEST_RELATIVE = 1.25
"""A new line is at most so much longer than the old one, where it is not very short."""

BRIEF_WORDS = 6
"""Where fewer words fit, the things of a theme are called by one word."""

COMFORT_SECONDS = 0.9
"""A line may always take so long."""

_LAST_RESORTS = (
    "{}?", "{}!", "{}.", "Ah, {}.", "Oh, {}?", "Only {}.", "Just {}.", "More {}!", "Always {}.",
    "Not {}.", "For {}.", "Why {}?",
)  # fmt: skip
"""Where there is time for two or three words only."""

LABEL = "offline bank"
"""What stands in the column rewrite_model."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    text: str
    sources: tuple[str, ...]
    """The bank's lines that it is made of."""
    first: str
    """Its thing, so that things take turns."""


class OfflineWriter:
    """Writes the lines of one run; remembers what it has used, so as not to repeat itself."""

    def __init__(self, bank: Bank, theme: Theme, seed: int) -> None:
        self.theme = theme
        self._bank = bank
        self._seed = seed
        self._said: set[str] = set()
        self._used: Counter[str] = Counter()

    def write(self, task: Task, attempt: int = 0) -> tuple[str, ...] | None:
        """New lines for all slots of a task, which are speech; None if none fit.

        The same seed, row, version and attempt give the same lines in the same run.
        """
        draw = random.Random(f"{self._seed}|{task.row.id}|{task.draw}|{attempt}")
        olds = [slot.text for slot in task.slots]
        budgets = [budget for budget in task.budgets if budget is not None]
        if attempt % 2:  # perhaps the whole prompt got too long: no line longer than the old one
            budgets = [
                budget._replace(words=max(MIN_WORDS, min(budget.words, count_words(old))))
                for budget, old in zip(budgets, olds, strict=True)
            ]
        lines: list[str] = []
        while len(lines) < len(olds):
            index = len(lines)
            is_talk = index + 1 < len(olds) and draw.random() < PAIR_CHANCE
            pair = self._best_pair(budgets[index : index + 2], draw) if is_talk else None
            if pair is not None:
                lines += pair
                continue
            role = "open" if index == 0 and len(olds) > 1 else "reply" if index else "any"
            line = self._best_line(role, budgets[index], olds[index], draw)
            if line is None:
                return None
            lines.append(line)
        return tuple(lines)

    def _half_of(self, pairs: Sequence[str]) -> list[str]:
        """Talks are few and known by heart soon: each seed has some of its own."""
        return [pair for pair in pairs if random.Random(f"{self._seed}|{pair}").random() < 0.5]

    def _best_pair(self, budgets: Sequence[Budget], draw: random.Random) -> list[str] | None:
        found: list[tuple[float, tuple[str, ...], list[str]]] = []
        for _ in range(NUM_CANDIDATES // 2):
            things = self._things(draw)
            topic = self._half_of(self._bank.topic_of(things[0]).get("pair", ()))
            general = self._half_of(self._bank.general.get("pair", ()))
            pool = topic if topic and draw.random() < 0.4 else general
            if not pool:
                return None
            source = draw.choice(pool)
            drawn = [draw_line(part, draw) for part in source.split(" // ")]
            lines = [fill_line(part, self.theme, things, "") for part in drawn]
            texts = [line for line in lines if line is not None]
            fits = len(texts) == 2 and not any(
                budget.excess(text) or text in self._said
                for budget, text in zip(budgets, texts, strict=True)
            )
            if fits:
                found.append((self._used[source] + draw.random(), (source,), texts))
        if not found:
            return None
        _, sources, texts = min(found, key=lambda one: one[0])
        self._take_note(texts, sources)
        return texts

    def _best_line(self, role: str, budget: Budget, old: str, draw: random.Random) -> str | None:
        aim = max(COMFORT_SECONDS, LONGEST_RELATIVE * time_speech(old).seconds)
        aim = min(aim, budget.seconds)
        best: tuple[float, _Candidate] | None = None
        for candidate in self._candidates(role, aim, budget, draw):
            if candidate.text in self._said or budget.excess(candidate.text):
                continue
            seconds = time_speech(candidate.text).seconds
            worn = sum(self._used[source] for source in candidate.sources)
            repeats = self._used[f"thing:{candidate.first}"] / (1 + sum(self._used.values()))
            misfit = 0.4 * abs(aim - seconds) / max(aim, 0.1)
            cost = worn + repeats + misfit + (0.5 if seconds > aim else 0) + 0.4 * draw.random()
            if best is None or cost < best[0]:
                best = (cost, candidate)
        if best is None:
            return self._last_resort(budget, draw)
        self._take_note([best[1].text], (*best[1].sources, f"thing:{best[1].first}"))
        return best[1].text

    def _candidates(
        self, role: str, aim: float, budget: Budget, draw: random.Random
    ) -> Iterator[_Candidate]:
        for _ in range(NUM_CANDIDATES):
            things = self._things(draw)
            if budget.words < BRIEF_WORDS:
                things = [thing.brief for thing in things]
            source = self._source(role, aim, things[0], draw)
            doing = draw.choice(self.theme.doings) if self.theme.doings else ""
            text = fill_line(draw_line(source, draw), self.theme, things, doing)
            if text is None or not self.theme.is_carried_by(text):
                continue
            yield self._with_company(
                text, source, things[0].text, aim, draw, is_reply=role == "reply"
            )

    def _source(self, role: str, aim: float, thing: Thing, draw: random.Random) -> str:
        """A line of the bank for a place of so many seconds."""
        general, topic = self._bank.general, self._bank.topic_of(thing)
        if aim < 1.3 and draw.random() < 0.6:
            return draw.choice(general.get("short") or general["any"])
        pools = [topic.get("any", ()), general.get("any", ())]
        pools += [topic.get(role, ()), general.get(role, ())] if role != "any" else []
        pools += [general.get("two", ()), general.get("doing", ()), general.get("saying", ())]
        weights = [4.0, 3.0] + ([3.0, 4.0] if role != "any" else []) + [1.0, 1.0, 0.6]
        usable = [(pool, weight) for pool, weight in zip(pools, weights, strict=True) if pool]
        if not usable:
            return draw.choice(general["short"])
        (pool,) = draw.choices([p for p, _ in usable], [w for _, w in usable])
        return draw.choice(pool)

    def _with_company(
        self, text: str, source: str, thing: str, aim: float, draw: random.Random, *, is_reply: bool
    ) -> _Candidate:
        """A line with a head or tails where there is time left."""
        sources = [source]
        general = self._bank.general
        left = aim - time_speech(text).seconds
        if not is_reply and left > 0.7 and general.get("heads") and draw.random() < 0.4:
            head = draw.choice(general["heads"])
            text, left = f"{head} {text}", left - time_speech(head).seconds
            sources.append(head)
        while left > 0.9 and general.get("tails") and len(sources) < 5:
            is_thought = draw.random() < 0.5 and left > 2.0
            more, origin = self._second_thought(draw) if is_thought else (None, "")
            if more is None:
                more = origin = draw.choice(general["tails"])
            left -= time_speech(more).seconds + 0.3
            if left < 0 or origin in sources:
                break
            text = f"{text} {more}"
            sources.append(origin)
        return _Candidate(text, tuple(sources), thing)

    def _second_thought(self, draw: random.Random) -> tuple[str | None, str]:
        """Another line about the theme, and the bank's line that it is made of."""
        things = self._things(draw)
        pool = self._bank.topic_of(things[0]).get("any") or self._bank.general.get("any")
        source = draw.choice(pool) if pool else ""
        return fill_line(draw_line(source, draw), self.theme, things, "") or None, source

    def _things(self, draw: random.Random) -> list[Thing]:
        return draw.sample(self.theme.things, len(self.theme.things))

    def _last_resort(self, budget: Budget, draw: random.Random) -> str | None:
        """The thing alone, as a question or a cry."""
        for thing in self.theme.things:
            for name in (thing.text, thing.text.split()[-1]):
                for form in draw.sample(_LAST_RESORTS, len(_LAST_RESORTS)):
                    line = form.format(name)
                    line = line[:1].upper() + line[1:]
                    if line not in self._said and not budget.excess(line):
                        self._said.add(line)
                        return line
        return None

    def _take_note(self, texts: Sequence[str], sources: Sequence[str]) -> None:
        self._said.update(texts)
        self._used.update(sources)
