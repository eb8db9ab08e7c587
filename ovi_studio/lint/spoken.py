"""Which words are spoken, also where a tag is missing.

Rules about spoken words, and the fixes of missing tags, have to agree on where an open speech ends:
then mending a tag brings up nothing that was not said before.
"""

import re
from dataclasses import dataclass

from ovi_studio.prompt.model import IrregularityKind, Prompt, SegmentKind, Span

SPEAKING_VERBS = frozenset(
    f"{stem}{ending}"
    for stem, endings in (
        ("say", " s ing"), ("said", " "), ("speak", " s ing"), ("spoke", " n"),
        ("ask", " s ed ing"), ("repl", "y ies ied ying"), ("answer", " s ed ing"),
        ("shout", " s ed ing"), ("yell", " s ed ing"), ("scream", " s ed ing"),
        ("whisper", " s ed ing"), ("murmur", " s ed ing"), ("mutter", " s ed ing"),
        ("mumble", " s d"), ("mumbling", " "), ("sing", " s ing"), ("sang", " "), ("chant", " s ed ing"),
        ("exclaim", " s ed ing"), ("announc", "e es ed ing"), ("declar", "e es ed ing"),
        ("stat", "es ed ing"), ("explain", " s ed ing"), ("continu", "e es ed ing"),
        ("add", " s ed ing"), ("respond", " s ed ing"), ("call", " s ed ing"),
        ("cr", "y ies ied ying"), ("bellow", " s ed ing"), ("roar", " s ed ing"),
        ("growl", " s ed ing"), ("hiss", " es ed ing"), ("sigh", " s ed ing"),
        ("laugh", " s ed ing"), ("narrat", "e es ed ing"), ("recit", "e es ed ing"),
        ("read", " s ing"), ("tell", " s ing"), ("told", " "), ("articulat", "e es ed ing"),
        ("begin", " s ning"), ("remark", " s ed ing"), ("comment", " s ed ing"),
        ("insist", " s ed ing"), ("plead", " s ed ing"), ("beg", " s ged ging"),
        ("mention", " s ed ing"), ("utter", " s ed ing"), ("voic", "e es ed ing"),
        ("demand", " s ed ing"), ("warn", " s ed ing"), ("promis", "e es ed ing"),
        ("admit", " s ted ting"), ("confess", " es ed ing"), ("joke", " s d"), ("joking", " "),
        ("greet", " s ed ing"), ("welcom", "e es ed ing"), ("report", " s ed ing"),
        ("quip", " s ped ping"), ("interject", " s ed ing"), ("retort", " s ed ing"),
        ("gasp", " s ed ing"), ("command", " s ed ing"), ("order", " s ed ing"),
        ("rap", " s ped ping"), ("hum", " s med ming"), ("talk", " s ed ing"),
        ("relat", "e es ed ing"), ("conclud", "e es ed ing"), ("repeat", " s ed ing"),
    )
    for ending in ("" if e == " " else e for e in endings.replace(" ", " ").split(" "))
)  # fmt: skip
"""English verbs, in their forms, that announce a spoken line."""

_SENTENCE_END = re.compile(r"[.!?…。！？]+[\"'”’)\]]*(?=\s|\Z)|[。！？]")
_ANNOUNCEMENT = re.compile(r"\b([A-Za-z]+)\s*[,:]\s*[\"“]?(?=\S)")


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """What is said in one go."""

    words: str
    """As written, marks inside replaced by blanks, so that positions stay."""
    span: Span
    """Where `words` stands in the prompt."""
    is_closed: bool
    """False where a tag is missing and the span is a guess."""


def spoken_lines(prompt: Prompt) -> tuple[SpokenLine, ...]:
    """All spoken lines that have words, in order."""
    if not prompt.irregularities and len(prompt.marks) <= 2 * len(prompt.speeches) + 2:
        return tuple(
            SpokenLine(speech.text, speech.text_span, True)
            for speech in prompt.speeches
            if speech.text and not speech.text.isspace()
        )
    spans = [(speech_words_span(prompt, index), speech.is_closed)
             for index, speech in enumerate(prompt.speeches)]  # fmt: skip
    for found in prompt.irregularities_of(IrregularityKind.UNOPENED_SPEECH):
        start = unopened_start(prompt, found.span)
        if start is not None:
            spans.append((Span(start, found.span.start), False))
    lines = (SpokenLine(_without_marks(prompt, span), span, closed) for span, closed in spans)
    return tuple(
        sorted((line for line in lines if line.words.strip()), key=lambda line: line.span.start)
    )


def speech_words_span(prompt: Prompt, index: int) -> Span:
    """Where the words of a speech stand. Of an open one: its first sentence, else all of it."""
    speech = prompt.speeches[index]
    span = speech.text_span
    if speech.is_closed:
        return span
    end = _SENTENCE_END.search(speech.text)
    words = speech.text[: end.end()] if end else speech.text
    return Span(span.start, span.start + len(words.rstrip()))


def unopened_start(prompt: Prompt, end_tag: Span) -> int | None:
    """Where the speech probably begins that an end tag without a start closes: after the last verb
    of speaking, else with the last sentence. None where no words stand before the tag."""
    before = next(
        (s for s in prompt.segments if s.span.end == end_tag.start and s.kind is SegmentKind.SCENE),
        None,
    )
    if before is None:
        return None
    words = before.span.of(prompt.text)
    if not words.strip():
        return None
    start = 0
    for end in _SENTENCE_END.finditer(words.rstrip()):
        if words[end.end() :].strip():
            start = end.end()
    for match in _ANNOUNCEMENT.finditer(words):
        if match[1].lower() in SPEAKING_VERBS:
            start = match.end()
    return before.span.start + start + len(words[start:]) - len(words[start:].lstrip())


def _without_marks(prompt: Prompt, span: Span) -> str:
    """The text in a span, every mark inside it replaced by as many blanks."""
    words = span.of(prompt.text)
    for mark in prompt.marks:
        if span.start <= mark.span.start and mark.span.end <= span.end:
            place = mark.span.start - span.start
            words = words[:place] + " " * len(mark.span) + words[place + len(mark.span) :]
    return words
