"""One cheap look at a row that tells which rules can apply to it.

Each clue is a bit. A rule is loaded and run only for rows that show one of the clues it waits for
(`Rule.clues`), so that an ordinary prompt costs little and most rules are never imported.
"""

import re
from typing import TYPE_CHECKING

from ovi_studio.lint.limits import NEARLY_FULL, Limits, count_words
from ovi_studio.lint.subject import MODE_COLUMN, VARIANT_COLUMNS, Subject
from ovi_studio.lint.text_hygiene import CURLY_QUOTES
from ovi_studio.lint.token_bound import may_exceed
from ovi_studio.prompt.model import IrregularityKind, Prompt, Role, Spelling
from ovi_studio.prompt.prompt_set import (
    AUDIO_NEGATIVE_COLUMNS,
    IMAGE_COLUMN,
    VIDEO_NEGATIVE_COLUMNS,
)

if TYPE_CHECKING:
    from ovi_studio.project.prompt_records import Header

PROMPT = 1 << 0
"""the cell holds a prompt"""
NO_PROMPT = 1 << 1
UNCLOSED_SPEECH = 1 << 2
UNOPENED_SPEECH = 1 << 3
NESTED_SPEECH = 1 << 4
CROSSED_TAGS = 1 << 5
UNBALANCED_CAPTION = 1 << 6
CAPTION_IN_SPEECH = 1 << 7
SECOND_CAPTION = 1 << 8
TEXT_AFTER_CAPTION = 1 << 9
ODD_CLOSER = 1 << 10
ODD_TAG = 1 << 11
ODD_PREFIX = 1 << 12
UNKNOWN_TAG = 1 << 13
SPEECH = 1 << 14
NO_SPEECH = 1 << 15
EMPTY_SPEECH = 1 << 16
LONG_LINE = 1 << 17
MANY_LINES = 1 << 18
ODD_WORDS = 1 << 19
"""speech holds more than plain words and punctuation"""
BEYOND_LATIN = 1 << 20
"""speech holds letters that are not Latin"""
NO_CAPTION = 1 << 21
EMPTY_CAPTION = 1 << 22
FOREIGN_CAPTION = 1 << 23
"""a caption in the form of another variant"""
ODD_CAPTION = 1 << 24
"""fewer or more words than usual"""
ODD_BLANK = 1 << 25
"""a newline, tab, doubled blank, or a blank at an end"""
ODD_CHARACTER = 1 << 26
"""a character that is neither printable nor a blank"""
QUOTE = 1 << 27
"""a straight one"""
CURLY = 1 << 28
AMPERSAND = 1 << 29
BRACKET = 1 << 30
ODD_LENGTH = 1 << 31
"""perhaps fewer or more words than usual"""
LONG = 1 << 32
"""perhaps more than the encoder reads"""
IMAGE = 1 << 33
"""a first frame is named and will be used"""
OTHER_CELLS = 1 << 34
"""something is said about variant, mode, size or image"""
NEGATIVE = 1 << 35
RAGGED = 1 << 36
"""more or fewer cells than columns"""
MORE_COLUMNS = 1 << 37
"""than the prompt"""
NO_TEXT_COLUMN = 1 << 38
"""about a file, as are the rest"""
NO_IMAGE_COLUMN = 1 << 39
ODD_DELIMITER = 1 << 40
ODD_ENCODING = 1 << 41

_OF_KIND = {
    IrregularityKind.UNCLOSED_SPEECH: UNCLOSED_SPEECH,
    IrregularityKind.UNOPENED_SPEECH: UNOPENED_SPEECH,
    IrregularityKind.NESTED_SPEECH: NESTED_SPEECH,
    IrregularityKind.CROSSED_TAGS: CROSSED_TAGS,
    IrregularityKind.SPEECH_IN_CAPTION: CROSSED_TAGS,
    IrregularityKind.UNCLOSED_CAPTION: UNBALANCED_CAPTION,
    IrregularityKind.UNOPENED_CAPTION: UNBALANCED_CAPTION,
    IrregularityKind.CAPTION_IN_SPEECH: CAPTION_IN_SPEECH,
    IrregularityKind.SECOND_CAPTION: SECOND_CAPTION,
    IrregularityKind.NESTED_CAPTION: SECOND_CAPTION,
    IrregularityKind.TEXT_AFTER_CAPTION: TEXT_AFTER_CAPTION,
}

_CAPTION_ROLES = (Role.CAPTION_START, Role.CAPTION_END, Role.CAPTION_PREFIX)
_ROW_COLUMNS = (*VARIANT_COLUMNS, MODE_COLUMN, "size", "height", "width")
_NEGATIVE_COLUMNS = (*VIDEO_NEGATIVE_COLUMNS, *AUDIO_NEGATIVE_COLUMNS)
_LAST_LATIN = "\u024f"
_PLAIN_WORDS = re.compile(r"(?:[a-zß-öø-ÿ ',!?;:\"()\[\]¡¿-]|\.(?![a-z])|[A-ZÀ-Þ](?![A-Z]))*")
"""Words in small letters, with capitals at their head, and punctuation: what anyone can speak."""

_WORD_COUNT_SLACK = 12
"""Blanks and words of a prompt without odd blanks differ by less: by its tags."""


def clues_of(subject: Subject) -> int:
    """The clues that a row shows."""
    clues = _clues_of_cells(subject)
    if not subject.text or subject.text.isspace():
        return (clues & ~MORE_COLUMNS) | NO_PROMPT
    clues |= PROMPT | _clues_of_structure(subject) | _clues_of_characters(subject.text)
    if may_exceed(subject.text, NEARLY_FULL, subject.variant):
        clues |= LONG
    if clues & ODD_BLANK or _is_unusually_long(subject.text, subject.limits):
        clues |= ODD_LENGTH
    return clues


def clues_of_header(header: "Header") -> int:
    """The clues that the head of a file shows."""
    clues = 0
    if not header.has_text_column:
        clues |= NO_TEXT_COLUMN
    if len(header.columns) > 1 and IMAGE_COLUMN not in header.columns:
        clues |= NO_IMAGE_COLUMN
    is_table = header.path.suffix.lower() in (".tsv", ".tab")
    if header.format.delimiter != "," and not is_table:
        clues |= ODD_DELIMITER
    if header.format.bom or header.format.encoding != "utf-8":
        clues |= ODD_ENCODING
    return clues


def closes(mark_role: Role) -> bool:
    """True for the two end tags."""
    return mark_role is Role.SPEECH_END or mark_role is Role.CAPTION_END


def _clues_of_structure(subject: Subject) -> int:
    prompt = subject.prompt
    clues = 0
    for found in prompt.irregularities:
        clues |= _OF_KIND[found.kind]
    for mark in prompt.marks:
        if mark.spelling is not Spelling.EXACT:
            clues |= _clue_of_odd_mark(mark.role, mark.spelling)
    return clues | _clues_of_speech(subject) | _clues_of_captions(prompt, subject)


def _clue_of_odd_mark(role: Role, spelling: Spelling) -> int:
    if role is Role.UNKNOWN:
        return UNKNOWN_TAG
    if role is Role.CAPTION_PREFIX:
        return ODD_PREFIX
    return ODD_CLOSER if spelling is Spelling.WRONG and closes(role) else ODD_TAG


def _clues_of_captions(prompt: Prompt, subject: Subject) -> int:
    if not prompt.captions:
        has_mark = any(mark.role in _CAPTION_ROLES for mark in prompt.marks)
        return 0 if has_mark else NO_CAPTION
    clues = 0
    limits = subject.limits
    for caption in prompt.captions:
        if not caption.text:
            clues |= EMPTY_CAPTION
            continue
        if caption.form is not subject.variant.audio_form:
            clues |= FOREIGN_CAPTION
        if not limits.caption_from <= count_words(caption.text) <= limits.caption_to:
            clues |= ODD_CAPTION
    return clues


def _clues_of_speech(subject: Subject) -> int:
    lines, limits = subject.lines, subject.limits
    clues = SPEECH if lines else NO_SPEECH
    if any(not speech.text or speech.text.isspace() for speech in subject.prompt.speeches):
        clues |= EMPTY_SPEECH
    if len(lines) > limits.num_lines:
        clues |= MANY_LINES
    for line in lines:
        if line.num_words > limits.line:
            clues |= LONG_LINE
        if not _PLAIN_WORDS.fullmatch(line.words):
            clues |= ODD_WORDS
            if not line.words.isascii() and max(line.words) > _LAST_LATIN:
                clues |= BEYOND_LATIN
    return clues


def _clues_of_characters(text: str) -> int:
    clues = 0
    if "  " in text or text[0] == " " or text[-1] == " ":
        clues |= ODD_BLANK
    if not text.isprintable():  # newlines and no-break spaces are not, by this test
        clues |= ODD_BLANK | ODD_CHARACTER
    if not text.isascii() and not CURLY_QUOTES.isdisjoint(text):
        clues |= CURLY
    if '"' in text:
        clues |= QUOTE
    if "&" in text:
        clues |= AMPERSAND
    if "[" in text or "(" in text:
        clues |= BRACKET
    return clues


def _is_unusually_long(text: str, limits: Limits) -> bool:
    num_blanks = text.count(" ")
    from_, to = limits.prompt_from + _WORD_COUNT_SLACK, limits.prompt_to - _WORD_COUNT_SLACK
    if not from_ <= num_blanks <= to:
        return True
    return not text.isascii() and max(text) > _LAST_LATIN


def _clues_of_cells(subject: Subject) -> int:
    row = subject.row
    clues = 0
    if row.num_cells != len(row.columns):
        clues |= RAGGED
    target = subject.target
    if target.mode or target.default_mode:
        clues |= OTHER_CELLS
    if len(row.columns) == 1:
        return clues
    clues |= MORE_COLUMNS
    for value in row.values.values():
        if not value.isprintable():
            clues |= ODD_CHARACTER
    if row.image_path:
        clues |= OTHER_CELLS
        if subject.mode == "i2v" and subject.target.folders:
            clues |= IMAGE
    if any(row.values.get(name) for name in _ROW_COLUMNS):
        clues |= OTHER_CELLS
    if any(row.values.get(name) for name in _NEGATIVE_COLUMNS):
        clues |= NEGATIVE
    return clues
