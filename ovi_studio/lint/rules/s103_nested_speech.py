"""Rule nested-speech."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Applicability, Finding, Fix
from ovi_studio.lint.edits import deletions
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import IrregularityKind, Mark, Role, Span


def check(subject: Subject) -> Iterator[Finding]:
    """`<S>` inside a speech that is already open.

    What it does
        Reports a speech inside another one.

    Why it matters
        One voice speaks at a time; the model never saw speech inside speech.

    Example
        A pale face looks at us and says <S>hello <S>yellow<E><E>. Audio: A clear woman's voice.

    Use instead
        A pale face looks at us and says <S>hello yellow<E>. Audio: A clear woman's voice.

    Fix safety
        Unsafe: the inner tags are taken out, so that one speech is left; perhaps two were meant.
    """
    prompt = subject.prompt
    pairs = _inner_pairs(prompt.marks)
    for found in prompt.irregularities_of(IrregularityKind.NESTED_SPEECH):
        pair = [found.span, *pairs.get(found.span, ())]
        yield Finding(
            "A speech begins inside another one: close the first before it, or take out the inner "
            "tags.",
            found.span,
            Fix("Take out the inner tags", deletions(prompt.text, pair), Applicability.UNSAFE),
        )


def _inner_pairs(marks: tuple[Mark, ...]) -> dict[Span, tuple[Span, ...]]:
    """Each start tag that has an end tag, with that end tag."""
    opened: list[Span] = []
    pairs: dict[Span, tuple[Span, ...]] = {}
    for mark in marks:
        if mark.role is Role.SPEECH_START:
            opened.append(mark.span)
        elif mark.role is Role.SPEECH_END and opened:
            pairs[opened.pop()] = (mark.span,)
    return pairs
