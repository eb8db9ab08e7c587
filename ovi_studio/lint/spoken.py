"""Which words are spoken, also where a tag is missing.

Rules about spoken words, and the fixes of missing tags, have to agree on where an open speech ends:
then mending a tag brings up nothing that was not said before.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass

from ovi_studio.lint.speaking_verbs import SPEAKING_VERBS
from ovi_studio.prompt.model import IrregularityKind, Prompt, SegmentKind, Span, Speech

_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s|\Z)|[。！？]")
_ANNOUNCEMENT = re.compile(r"\b([A-Za-z]+)[ ]?[,:] [\"“]?(?=\S)")


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """What is said in one go."""

    words: str
    """As written, marks inside replaced by blanks, so that positions stay."""
    span: Span
    """Where `words` stands in the prompt."""
    is_certain: bool
    """False where a tag is missing and the span is a guess."""


def spoken_lines(prompt: Prompt) -> tuple[SpokenLine, ...]:
    """All spoken lines that have words, in order."""
    if not prompt.irregularities and all(mark.is_exact for mark in prompt.marks):
        return tuple(
            SpokenLine(speech.text, speech.text_span, True)
            for speech in prompt.speeches
            if speech.text and not speech.text.isspace()
        )
    spans = [(words_span(speech), speech.is_closed) for speech in prompt.speeches]
    spans += [
        (Span(start, end_tag.start), False)
        for end_tag, start in unopened_speeches(prompt)
        if start is not None
    ]
    starts = [mark.span.start for mark in prompt.marks]
    lines = (
        SpokenLine(_without_marks(prompt, span, starts), span, is_certain)
        for span, is_certain in spans
    )
    return tuple(
        sorted((line for line in lines if line.words.strip()), key=lambda line: line.span.start)
    )


def words_span(speech: Speech) -> Span:
    """Where the words of a speech stand. Of an open one: its first sentence, else all of it."""
    span = speech.text_span
    if speech.is_closed:
        return span
    end = _SENTENCE_END.search(speech.text)
    words = speech.text[: end.end()] if end else speech.text
    return Span(span.start, span.start + len(words.rstrip()))


def unopened_speeches(prompt: Prompt) -> list[tuple[Span, int | None]]:
    """Each end tag that closes nothing, and where its speech probably begins.

    That is after the last verb of speaking, else with the last sentence; None where no words stand
    before the tag.
    """
    end_tags = [f.span for f in prompt.irregularities_of(IrregularityKind.UNOPENED_SPEECH)]
    if not end_tags:
        return []
    scenes = {s.span.end: s.span for s in prompt.segments if s.kind is SegmentKind.SCENE}
    return [
        (tag, _probable_start(prompt.text, scenes[tag.start]) if tag.start in scenes else None)
        for tag in end_tags
    ]


def _probable_start(text: str, scene: Span) -> int | None:
    words = scene.of(text)
    if not words.strip():
        return None
    written_end = len(words.rstrip())
    start = 0
    for end in _SENTENCE_END.finditer(words):
        if end.end() < written_end:
            start = end.end()
    for match in _ANNOUNCEMENT.finditer(words):
        if match[1].lower() in SPEAKING_VERBS:
            start = match.end()
    said = words[start:]
    return scene.start + start + len(said) - len(said.lstrip())


def _without_marks(prompt: Prompt, span: Span, mark_starts: list[int]) -> str:
    """The text in a span, every mark inside it replaced by as many blanks."""
    pieces: list[str] = []
    position = span.start
    for index in range(bisect_left(mark_starts, span.start), len(mark_starts)):
        mark = prompt.marks[index]
        if mark.span.end > span.end:
            break
        pieces += prompt.text[position : mark.span.start], " " * len(mark.span)
        position = mark.span.end
    return "".join([*pieces, prompt.text[position : span.end]])
