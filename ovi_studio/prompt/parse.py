"""Reads a prompt: text in, `Prompt` out. Never fails, loses no character, linear in length.

How marks are understood, also when they are wrong:

- Start and end tags are matched like brackets, speech and caption each for themselves. A speech
  that holds another is one speech to its outer end.
- An unmatched start tag still begins a speech or caption; it runs to the next mark or to the end.
- A prefixed caption (`Audio: ...`) runs to the next mark or to the end of the prompt.
- Inside a closed speech nothing is a caption; inside a whole tagged caption nothing is a speech.
- A misspelt prefix (`audio:`, `Sound:`) counts only where no caption has its right mark.

Which of these deserve a complaint, and how to mend them, is the business of `lint/`.
"""

from dataclasses import replace

from ovi.spec.variants import AudioForm
from ovi_studio.prompt.marks import closes_anything, find_marks
from ovi_studio.prompt.model import (
    AudioCaption,
    Irregularity,
    IrregularityKind,
    Mark,
    Prompt,
    Role,
    Segment,
    SegmentKind,
    Span,
    Speech,
)

_END_OF = {Role.SPEECH_START: Role.SPEECH_END, Role.CAPTION_START: Role.CAPTION_END}
_NONE = -1
"""Index of the partner of a mark that has none."""


def parse_prompt(text: str) -> Prompt:
    """The structure of `text`, whatever it holds."""
    marks = find_marks(text)
    for mark in marks:
        if not mark.is_exact:
            marks = _without_idle_prefixes(_with_closers_decided(marks))
            break
    return _Reading(text, marks).prompt()


def _with_closers_decided(marks: list[Mark]) -> list[Mark]:
    """The same marks, those that close whatever is open made to close a caption if one is."""
    decided: list[Mark] = []
    opened: Role | None = None
    for mark in marks:
        if opened is Role.CAPTION_START and closes_anything(mark):
            mark = replace(mark, role=Role.CAPTION_END)
        if mark.role in _END_OF:
            opened = mark.role
        elif opened is not None and mark.role is _END_OF[opened]:
            opened = None
        decided.append(mark)
    return decided


def _without_idle_prefixes(marks: list[Mark]) -> list[Mark]:
    """Misspelt prefixes dropped, but for the first one where nothing else begins a caption."""
    partners = _partners(marks)
    idle: set[int] = set()
    misspelt: list[int] = []
    has_caption = False
    index = 0
    while index < len(marks):
        mark = marks[index]
        if mark.role in _END_OF and partners[index] != _NONE:
            has_caption |= mark.role is Role.CAPTION_START
            inside = range(index + 1, partners[index])
            idle.update(k for k in inside if _is_misspelt_prefix(marks[k]))
            index = partners[index]
        elif _is_misspelt_prefix(mark):
            misspelt.append(index)
        elif mark.role in (Role.CAPTION_START, Role.CAPTION_PREFIX):
            has_caption = True
        index += 1
    idle.update(misspelt if has_caption else misspelt[1:])
    return [mark for k, mark in enumerate(marks) if k not in idle]


def _is_misspelt_prefix(mark: Mark) -> bool:
    return mark.role is Role.CAPTION_PREFIX and not mark.is_exact


def _partners(marks: list[Mark]) -> list[int]:
    """For each mark the index of the tag it is matched with, or _NONE."""
    partners = [_NONE] * len(marks)
    opened: dict[Role, list[int]] = {end: [] for end in _END_OF.values()}
    for index, mark in enumerate(marks):
        end = _END_OF.get(mark.role)
        if end is not None:
            opened[end].append(index)
        elif opened.get(mark.role):
            start = opened[mark.role].pop()
            partners[start], partners[index] = index, start
    return partners


class _Reading:
    """One walk over the marks of a prompt, from left to right."""

    def __init__(self, text: str, marks: list[Mark]) -> None:
        self.text = text
        self.marks = marks
        self.partners = _partners(marks)
        self.segments: list[Segment] = []
        self.speeches: list[Speech] = []
        self.captions: list[AudioCaption] = []
        self.irregularities: list[Irregularity] = []
        self.position = 0
        """All text before it lies in a segment."""

    def prompt(self) -> Prompt:
        index = 0
        while index < len(self.marks):
            match self.marks[index].role:
                case Role.SPEECH_START:
                    index = self._read_speech(index)
                case Role.CAPTION_START:
                    index = self._read_tagged_caption(index)
                case Role.CAPTION_PREFIX:
                    index = self._read_prefixed_caption(index)
                case Role.SPEECH_END | Role.CAPTION_END:
                    index = self._read_stray_end(index)
                case _:
                    index += 1
        self._fill_scene(len(self.text))
        self._judge_captions()
        self.irregularities.sort(key=lambda found: (found.span.start, found.span.end))
        return Prompt(
            self.text,
            tuple(self.segments),
            tuple(self.speeches),
            tuple(self.captions),
            tuple(self.marks),
            tuple(self.irregularities),
        )

    def _read_speech(self, index: int) -> int:
        opening = self.marks[index]
        last = self.partners[index]
        if last == _NONE:
            self._report(IrregularityKind.UNCLOSED_SPEECH, opening)
            closing, end, following = None, self._next_mark_start(index), index + 1
        else:
            self._judge_inside_speech(index, last)
            closing = self.marks[last]
            end, following = closing.span.end, last + 1
        words_end = closing.span.start if closing else end
        span = Span(opening.span.start, end)
        self.speeches.append(
            Speech(self.text[opening.span.end : words_end], span, opening, closing)
        )
        self._add(SegmentKind.SPEECH, span)
        return following

    def _read_tagged_caption(self, index: int) -> int:
        opening = self.marks[index]
        last = self.partners[index]
        if last == _NONE:
            self._report(IrregularityKind.UNCLOSED_CAPTION, opening)
            closing, end, following = None, self._next_mark_start(index), index + 1
        else:
            self._judge_inside_caption(index, last)
            closing = self.marks[last]
            end, following = closing.span.end, last + 1
        self._add_caption(AudioForm.TAGGED, opening, closing, end)
        return following

    def _read_prefixed_caption(self, index: int) -> int:
        opening = self.marks[index]
        end = self._next_mark_start(index)
        if end < len(self.text):  # blanks before the next mark belong to the scene
            end = opening.span.end + len(self.text[opening.span.end : end].rstrip())
        self._add_caption(AudioForm.PREFIXED, opening, None, end)
        return index + 1

    def _add_caption(self, form: AudioForm, opening: Mark, closing: Mark | None, end: int) -> None:
        words_end = closing.span.start if closing else end
        words = self.text[opening.span.end : words_end].strip()
        span = Span(opening.span.start, end)
        self.captions.append(AudioCaption(words, span, form, opening, closing))
        self._add(SegmentKind.CAPTION, span)

    def _read_stray_end(self, index: int) -> int:
        mark = self.marks[index]
        if self.partners[index] == _NONE:  # with a partner, it was reported as crossed
            self._report(
                IrregularityKind.UNOPENED_SPEECH
                if mark.role is Role.SPEECH_END
                else IrregularityKind.UNOPENED_CAPTION,
                mark,
            )
        self._add(SegmentKind.STRAY, mark.span)
        return index + 1

    def _judge_inside_speech(self, first: int, last: int) -> None:
        for index in range(first + 1, last):
            mark, partner = self.marks[index], self.partners[index]
            if mark.role is Role.SPEECH_START:
                self._report(IrregularityKind.NESTED_SPEECH, mark)
            elif mark.role is Role.CAPTION_PREFIX:
                self._report(IrregularityKind.CAPTION_IN_SPEECH, mark)
            elif mark.role is Role.CAPTION_START:
                if partner > last:
                    self._report(IrregularityKind.CROSSED_TAGS, mark)
                    continue
                self._report(IrregularityKind.CAPTION_IN_SPEECH, mark)
                if partner == _NONE:
                    self._report(IrregularityKind.UNCLOSED_CAPTION, mark)
            elif mark.role is Role.CAPTION_END and partner == _NONE:
                self._report(IrregularityKind.UNOPENED_CAPTION, mark)

    def _judge_inside_caption(self, first: int, last: int) -> None:
        for index in range(first + 1, last):
            mark, partner = self.marks[index], self.partners[index]
            if mark.role in (Role.CAPTION_START, Role.CAPTION_PREFIX):
                self._report(IrregularityKind.NESTED_CAPTION, mark)
            elif mark.role is Role.SPEECH_START:
                if partner > last:
                    self._report(IrregularityKind.CROSSED_TAGS, mark)
                    continue
                self._report(IrregularityKind.SPEECH_IN_CAPTION, mark)
                if partner == _NONE:
                    self._report(IrregularityKind.UNCLOSED_SPEECH, mark)
            elif mark.role is Role.SPEECH_END and partner == _NONE:
                self._report(IrregularityKind.UNOPENED_SPEECH, mark)

    def _judge_captions(self) -> None:
        """Reports captions after the first, and text after the first."""
        if not self.captions:
            return
        for caption in self.captions[1:]:
            self.irregularities.append(Irregularity(IrregularityKind.SECOND_CAPTION, caption.span))
        first_end = self.captions[0].span.end
        start = end = _NONE
        for segment in self.segments:
            if segment.kind not in (SegmentKind.SCENE, SegmentKind.SPEECH):
                continue
            if segment.span.start < first_end:
                continue
            written = segment.span.of(self.text)
            if words := written.strip():
                if start == _NONE:
                    start = segment.span.start + written.index(words)
                end = segment.span.start + len(written.rstrip())
        if start != _NONE:
            self.irregularities.append(
                Irregularity(IrregularityKind.TEXT_AFTER_CAPTION, Span(start, end))
            )

    def _next_mark_start(self, index: int) -> int:
        """Where the next known mark begins, or the end of the text."""
        for following in range(index + 1, len(self.marks)):
            if self.marks[following].role is not Role.UNKNOWN:
                return self.marks[following].span.start
        return len(self.text)

    def _add(self, kind: SegmentKind, span: Span) -> None:
        """Appends a segment, and before it the scene that leads up to it."""
        self._fill_scene(span.start)
        self.segments.append(Segment(kind, span))
        self.position = span.end

    def _fill_scene(self, end: int) -> None:
        if self.position < end:
            self.segments.append(Segment(SegmentKind.SCENE, Span(self.position, end)))
            self.position = end

    def _report(self, kind: IrregularityKind, mark: Mark) -> None:
        self.irregularities.append(Irregularity(kind, mark.span))
