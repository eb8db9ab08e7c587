"""The parts of a prompt as values: marks, speeches, audio captions, segments, irregularities.

Every position is a `Span` in characters (code points) of the prompt text as written. Nothing here
reads text: `prompt/parse.py` makes these values, `lint/` judges them.

    "He says, <S>Hi.<E> Audio: rain"
     SCENE    SPEECH    SCENE  CAPTION      segments; joined they are the text
              <S>   <E>        Audio:       marks
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from ovi.spec.variants import AudioForm

SPEECH_START = "<S>"
SPEECH_END = "<E>"
CAPTION_START = "<AUDCAP>"
CAPTION_END = "<ENDAUDCAP>"
CAPTION_PREFIX = "Audio:"


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of characters of the prompt text."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """The characters of `text` in this range."""
        return text[self.start : self.end]

    def __len__(self) -> int:
        return self.end - self.start

    def __bool__(self) -> bool:
        """True also when empty: a span is a place, not a collection."""
        return True


class Role(StrEnum):
    """What a mark does, or was meant to do."""

    SPEECH_START = "speech-start"
    SPEECH_END = "speech-end"
    CAPTION_START = "caption-start"
    CAPTION_END = "caption-end"
    CAPTION_PREFIX = "caption-prefix"
    UNKNOWN = "unknown"
    """looks like a tag and is none: the model would read it as text"""


CANONICAL: dict[Role, str] = {
    Role.SPEECH_START: SPEECH_START,
    Role.SPEECH_END: SPEECH_END,
    Role.CAPTION_START: CAPTION_START,
    Role.CAPTION_END: CAPTION_END,
    Role.CAPTION_PREFIX: CAPTION_PREFIX,
}


class Spelling(StrEnum):
    """How a mark is written, against the one spelling the model was trained on."""

    EXACT = "exact"
    LOOSE = "loose"
    """the right letters in another dress: `<s>`, `< S >`, `＜S＞`, `&lt;S&gt;`, `[S]`, `AUDIO :`"""
    WRONG = "wrong"
    """other letters in its place: `</S>`, `<\\S>`, `<END>`, `<ENDAUDIOCAP>`, `Sound:`"""
    BROKEN = "broken"
    """a bracket is missing: `<S`, `E>`, `<AUDCAP`"""


@dataclass(frozen=True, slots=True)
class Mark:
    """One tag, caption prefix, or thing that looks like a tag."""

    role: Role
    spelling: Spelling
    span: Span
    text: str
    """As written."""

    @property
    def is_exact(self) -> bool:
        """True when it is spelled as the model knows it."""
        return self.spelling is Spelling.EXACT

    @property
    def canonical(self) -> str:
        """The right spelling; of an unknown tag, the text as written."""
        return CANONICAL.get(self.role, self.text)


@dataclass(frozen=True, slots=True)
class Speech:
    """One spoken line."""

    text: str
    """The words between the tags, as written."""
    span: Span
    """With its tags. Unclosed speech ends before the next mark, or with the prompt."""
    opening: Mark
    closing: Mark | None

    @property
    def is_closed(self) -> bool:
        """True when an end tag belongs to it."""
        return self.closing is not None

    @property
    def text_span(self) -> Span:
        """Where `text` stands."""
        return Span(
            self.opening.span.end, self.closing.span.start if self.closing else self.span.end
        )


@dataclass(frozen=True, slots=True)
class AudioCaption:
    """What is heard, in one of its two forms."""

    text: str
    """Without its marks, stripped of white space at both ends."""
    span: Span
    """With its marks. The prefixed form runs to the next mark, or to the end of the prompt."""
    form: AudioForm
    opening: Mark
    closing: Mark | None
    """Always None in the prefixed form."""

    @property
    def is_whole(self) -> bool:
        """False for `<AUDCAP>` without its end."""
        return self.form is AudioForm.PREFIXED or self.closing is not None

    @property
    def is_exact(self) -> bool:
        """True when it is whole and its marks are spelled as the model knows them."""
        return (
            self.is_whole
            and self.opening.is_exact
            and (self.closing is None or self.closing.is_exact)
        )

    @property
    def text_span(self) -> Span:
        """All between the marks, white space included."""
        return Span(
            self.opening.span.end, self.closing.span.start if self.closing else self.span.end
        )


class SegmentKind(StrEnum):
    """What a stretch of the prompt is."""

    SCENE = "scene"
    SPEECH = "speech"
    CAPTION = "caption"
    STRAY = "stray"
    """an end tag that ends nothing"""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the prompt. The segments of a prompt tile its text."""

    kind: SegmentKind
    span: Span


class IrregularityKind(StrEnum):
    """What can be wrong with the structure. Spelling is not structure: see `Mark.spelling`."""

    UNCLOSED_SPEECH = "unclosed-speech"
    """span: the start tag"""
    UNOPENED_SPEECH = "unopened-speech"
    """span: the end tag"""
    NESTED_SPEECH = "nested-speech"
    """span: the inner start tag"""
    CROSSED_TAGS = "crossed-tags"
    """span: the tag that opens inside one pair and closes outside it"""
    UNCLOSED_CAPTION = "unclosed-caption"
    """span: the start tag"""
    UNOPENED_CAPTION = "unopened-caption"
    """span: the end tag"""
    NESTED_CAPTION = "nested-caption"
    """a caption mark inside a tagged caption; span: that mark"""
    CAPTION_IN_SPEECH = "caption-in-speech"
    """span: the caption's first mark, inside a closed speech"""
    SPEECH_IN_CAPTION = "speech-in-caption"
    """span: the start tag, inside a tagged caption"""
    SECOND_CAPTION = "second-caption"
    """span: every caption after the first"""
    TEXT_AFTER_CAPTION = "text-after-caption"
    """span: from the first to the last non-blank character that follows a caption and is none"""


@dataclass(frozen=True, slots=True)
class Irregularity:
    """One thing wrong with the structure, and where it stands."""

    kind: IrregularityKind
    span: Span


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt text and everything that can be seen in it."""

    text: str
    """As written."""
    segments: tuple[Segment, ...]
    """In order, none empty; joined they are `text`."""
    speeches: tuple[Speech, ...]
    captions: tuple[AudioCaption, ...]
    """Captions outside speech, in order. A regular prompt has one, and it stands last."""
    marks: tuple[Mark, ...]
    """Every mark wherever it stands, in order, never overlapping."""
    irregularities: tuple[Irregularity, ...]
    """In order of position; empty for a regular prompt."""

    @property
    def audio(self) -> AudioCaption | None:
        """The audio caption: the first one written."""
        return self.captions[0] if self.captions else None

    @property
    def scene(self) -> tuple[Span, ...]:
        """Where the scene is described: all that is neither speech, caption nor stray tag."""
        return tuple(s.span for s in self.segments if s.kind is SegmentKind.SCENE)

    @property
    def scene_text(self) -> str:
        """The scene's words, each stretch stripped, joined by one blank."""
        stretches = (span.of(self.text).strip() for span in self.scene)
        return " ".join(stretch for stretch in stretches if stretch)

    def irregularities_of(self, *kinds: IrregularityKind) -> Iterator[Irregularity]:
        """The irregularities of these kinds, in order."""
        return (found for found in self.irregularities if found.kind in kinds)
