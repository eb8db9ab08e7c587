"""Writes a prompt in the form a variant expects; parses to decide, and touches no more than needed.

`format_for` is what rendering applies to every prompt; `picture_prompt` is what an image model is
given; `canonical` is the house style of `ovi fmt`.
"""

from ovi.spec.variants import AudioForm
from ovi_studio.prompt.model import (
    CAPTION_END,
    CAPTION_PREFIX,
    CAPTION_START,
    SPEECH_END,
    SPEECH_START,
    AudioCaption,
    IrregularityKind,
    Prompt,
    Role,
    SegmentKind,
    Spelling,
)
from ovi_studio.prompt.parse import parse_prompt

_CAPTION_ROLES = (Role.CAPTION_START, Role.CAPTION_END, Role.CAPTION_PREFIX)
_OPENERS = frozenset("([{<“‘«「『")


def has_plain_caption(prompt: Prompt) -> bool:
    """True if there is nothing to decide about the caption: it is the only one, in one form,
    written as the model knows it, outside speech, with no mark inside, and last in the prompt.

    For such a prompt `format_for` gives exactly what the published formatter gives.
    """
    if len(prompt.captions) != 1 or not prompt.captions[0].is_exact:
        return False
    caption = prompt.captions[0]
    if prompt.text[caption.span.end :].strip():
        return False
    others = [mark for mark in prompt.marks if mark not in (caption.opening, caption.closing)]
    return not any(
        mark.role in _CAPTION_ROLES
        or (mark.role is not Role.UNKNOWN and mark.span.start > caption.span.start)
        for mark in others
    )


def format_for(text: str, form: AudioForm) -> str:
    """The prompt with its audio caption in the form asked for, every other character as it was.

    Captions are rewritten where they stand. Only where the prefixed form would swallow what follows
    a caption are captions moved to the end. A prompt whose captions cannot be told apart for
    certain (one left open, one inside another, a misspelt tag) is returned unchanged: lint names
    the trouble. Idempotent; the result parses to the same speeches, captions and scene.
    """
    if not _mentions_caption(text):
        return text
    prompt = parse_prompt(text)
    foreign = [c for c in prompt.captions if c.form is not form]
    if not foreign or not all(_is_certain(prompt, caption) for caption in prompt.captions):
        return text
    if form is AudioForm.PREFIXED and _text_follows_caption(prompt):
        written = _with_captions_last(prompt)
    else:
        written = _with_captions_in_place(prompt, form)
    return written if _has_same_parts(prompt, parse_prompt(written)) else text


def _mentions_caption(text: str) -> bool:
    """False spares the parse: no convertible caption lacks both of these."""
    return CAPTION_PREFIX in text or CAPTION_START in text


def _is_certain(prompt: Prompt, caption: AudioCaption) -> bool:
    """True if nobody could read the caption's borders otherwise."""
    if not caption.is_exact:
        return False
    inside = caption.text_span
    return not any(
        mark.role in _CAPTION_ROLES and inside.start <= mark.span.start < inside.end
        for mark in prompt.marks
    )


def _text_follows_caption(prompt: Prompt) -> bool:
    return any(prompt.irregularities_of(IrregularityKind.TEXT_AFTER_CAPTION))


def _with_captions_in_place(prompt: Prompt, form: AudioForm) -> str:
    pieces: list[str] = []
    position = 0
    for caption in prompt.captions:
        pieces.append(prompt.text[position : caption.span.start])
        inside = caption.text_span.of(prompt.text)
        if caption.form is form:
            pieces.append(caption.span.of(prompt.text))
        elif form is AudioForm.TAGGED:
            pieces.append(f"{CAPTION_START}{inside.lstrip()}{CAPTION_END}")
        else:
            pieces.append(f"{CAPTION_PREFIX} {inside}")
        position = caption.span.end
    pieces.append(prompt.text[position:])
    return "".join(pieces)


def _with_captions_last(prompt: Prompt) -> str:
    rest: list[str] = []
    position = 0
    for caption in prompt.captions:
        rest.append(prompt.text[position : caption.span.start])
        position = caption.span.end
    rest.append(prompt.text[position:])
    parts = [rest[0].rstrip(), *(part.strip() for part in rest[1:])]
    parts += [f"{CAPTION_PREFIX} {caption.text}" for caption in prompt.captions]
    return " ".join(part for part in parts if part)


def picture_prompt(text: str) -> str:
    """What an image model should draw: the prompt without speech and caption, stripped.

    Source: the published engine's cleaning of prompts for its image model; `Audio:` and all after
    it is dropped wherever it stands outside exact tags.
    """
    text = _without_pairs(text, SPEECH_START, SPEECH_END)
    text = _without_pairs(text, CAPTION_START, CAPTION_END)
    return text.partition(CAPTION_PREFIX)[0].strip()


def _without_pairs(text: str, start_tag: str, end_tag: str) -> str:
    """`text` without each stretch from a start tag to the nearest end tag after it."""
    kept: list[str] = []
    position = 0
    while (start := text.find(start_tag, position)) >= 0:
        end = text.find(end_tag, start + len(start_tag))
        if end < 0:
            break
        kept.append(text[position:start])
        position = end + len(end_tag)
    kept.append(text[position:])
    return "".join(kept)


def canonical(prompt: Prompt, form: AudioForm) -> str:
    """The prompt in house style, for `ovi fmt`. Words are untouched; idempotent.

    White space is folded to single blanks and dropped inside the edges of speech and caption; tags
    get their exact spelling; a speech is set off by one blank, but a full stop directly after it
    stays there; the caption stands last, in the form asked for. A prompt whose structure is in
    doubt only has its white space folded.
    """
    folded = _fold(prompt.text)
    if not _has_same_parts(prompt, parse_prompt(folded)):
        return prompt.text
    if not _is_settled(prompt):
        return folded
    written = _assemble(prompt, form)
    return written if _has_same_parts(prompt, parse_prompt(written)) else folded


def _is_settled(prompt: Prompt) -> bool:
    """True if every part's borders are certain, however they are spelled."""
    doubtful = any(
        found.kind is not IrregularityKind.TEXT_AFTER_CAPTION for found in prompt.irregularities
    )
    return not doubtful and all(
        mark.spelling in (Spelling.EXACT, Spelling.LOOSE)
        for mark in prompt.marks
        if mark.role is not Role.UNKNOWN
    )


def _assemble(prompt: Prompt, form: AudioForm) -> str:
    written = ""
    was_glued = False
    speeches = iter(prompt.speeches)
    for segment in prompt.segments:
        raw = segment.span.of(prompt.text)
        if segment.kind is SegmentKind.SPEECH:
            part = f"{SPEECH_START}{_fold(next(speeches).text)}{SPEECH_END}"
            stays_glued = was_glued and _may_touch_speech(written[-1:])
        elif segment.kind is SegmentKind.SCENE:
            part = _fold(raw)
            stays_glued = was_glued and not raw[0].isspace() and _may_follow_speech(raw[0])
        else:
            was_glued = False
            continue
        if part:
            written += part if stays_glued or not written else f" {part}"
        was_glued = bool(part) and not raw[-1].isspace()
    for caption in prompt.captions:
        words = _fold(caption.text)
        if form is AudioForm.TAGGED:
            written += f" {CAPTION_START}{words}{CAPTION_END}"
        else:
            written += f" {CAPTION_PREFIX} {words}"
    return written.strip()


def _may_touch_speech(before: str) -> bool:
    """True for what may stand directly before `<S>`: an opening bracket, or a script without
    blanks."""
    return before in _OPENERS or before in "\"'" or _is_written_without_blanks(before)


def _may_follow_speech(after: str) -> bool:
    """True for what may stand directly after `<E>`: closing punctuation, or such a script."""
    return _is_written_without_blanks(after) or not (after.isalnum() or after in _OPENERS)


def _is_written_without_blanks(character: str) -> bool:
    return "\u2e80" <= character <= "\u9fff" or "\uff00" <= character <= "\uffef"


def _fold(text: str) -> str:
    return " ".join(text.split())


def _has_same_parts(before: Prompt, after: Prompt) -> bool:
    """True if both have the same words in the same roles, however they are spaced."""
    return _parts(before) == _parts(after)


def _parts(prompt: Prompt) -> tuple[list[str], list[str], str]:
    return (
        [_fold(speech.text) for speech in prompt.speeches],
        [_fold(caption.text) for caption in prompt.captions],
        _fold(prompt.scene_text),
    )
