"""Which words are spoken, also where a tag is missing.

Rules about spoken words, and the fixes of missing tags, have to agree on where an open speech ends:
then mending a tag brings up nothing that was not said before.
"""

import re
from bisect import bisect_left
from typing import NamedTuple

from ovi_studio.lint.limits import count_words
from ovi_studio.lint.speaking_verbs import SPEAKING_VERBS
from ovi_studio.prompt.model import IrregularityKind, Prompt, Role, SegmentKind, Span, Speech

_CAPTION_STARTS = (Role.CAPTION_START, Role.CAPTION_PREFIX)
_CAPTION_END = Role.CAPTION_END
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s|\Z)|[。！？]")
_ANNOUNCEMENT = re.compile(r"\b([A-Za-z]+)[ ]?[,:] [\"“]?(?=\S)")


class SpokenLine(NamedTuple):
    """What is said in one go."""

    words: str
    """As written, marks and captions inside replaced by blanks, so that positions stay."""
    span: Span
    """Where `words` stands in the prompt."""
    tags: Span
    """The same with its tags, as far as there are any."""
    num_words: int


def spoken_lines(prompt: Prompt) -> tuple[SpokenLine, ...]:
    """All spoken lines that have words, in order."""
    if not prompt.irregularities and all(mark.is_exact for mark in prompt.marks):
        return tuple(
            SpokenLine(speech.text, speech.text_span, speech.span, count_words(speech.text))
            for speech in prompt.speeches
            if speech.text and not speech.text.isspace()
        )
    spans = [(words_span(speech), speech.span) for speech in prompt.speeches]
    spans += [
        (Span(start, end_tag.start), Span(start, end_tag.end))
        for end_tag, start in unopened_speeches(prompt)
        if start is not None
    ]
    starts = [mark.span.start for mark in prompt.marks]
    lines = []
    for span, tags in sorted(spans, key=lambda pair: pair[0].start):
        words = _without_marks(prompt, span, starts)
        if words.strip():
            lines.append(SpokenLine(words, span, tags, count_words(words)))
    return tuple(lines)


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
    """The text in a span, every mark and caption inside it replaced by as many blanks."""
    pieces: list[str] = []
    position = span.start
    is_caption = False
    for index in range(bisect_left(mark_starts, span.start), len(mark_starts)):
        mark = prompt.marks[index]
        if mark.span.end > span.end:
            break
        words = prompt.text[position : mark.span.start]
        pieces += " " * len(words) if is_caption else words, " " * len(mark.span)
        position = mark.span.end
        is_caption = (is_caption or mark.role in _CAPTION_STARTS) and mark.role is not _CAPTION_END
    words = prompt.text[position : span.end]
    return "".join([*pieces, " " * len(words) if is_caption else words])
