"""Rule control-characters."""

import re
from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Edit, Finding, Fix
from ovi_studio.lint.edits import deletion
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import Span

_ESCAPE = r"\x1b\[[0-9;]{0,16}[A-Za-z]"
_CONTROL = (
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_JOINER = r"(?<=[\x20-\x7e])[\u200c\u200d](?=[\x20-\x7e])"
"""Joiners have work to do in other scripts and in emoji, never between ASCII letters."""

_ONE = f"(?:{_ESCAPE}|{_CONTROL}|{_JOINER})"
_UNWANTED = re.compile(f"{_ONE}+(?: +{_ONE}+)*")


def check(subject: Subject) -> Iterator[Finding]:
    """Characters that cannot be seen: control characters, zero-width blanks, terminal escapes.

    What it does
        Reports control characters, soft hyphens, byte order marks inside the text, marks for the
        direction of writing, and zero-width blanks and joiners.

    Why it matters
        They come along when text is copied from a web page or a terminal. Each can split a word
        or a tag in two for the model, and nobody sees it.

    Example (escapes)
        A pale fa\\u200bce on a blue floor says <S>hello yellow<E>. Audio: A woman's voice.

    Use instead
        A pale face on a blue floor says <S>hello yellow<E>. Audio: A woman's voice.

    Fix safety
        Safe: nothing that can be seen changes.
    """
    text = subject.text
    spans = subject.free_spans([Span(*match.span()) for match in _UNWANTED.finditer(text)])
    if not spans:
        return
    names = ", ".join(sorted({f"U+{ord(text[span.start]):04X}" for span in spans}))
    yield Finding(
        f"Characters that cannot be seen ({names}): take them out.",
        spans[0],
        Fix("Take out what cannot be seen", tuple(_without(text, span) for span in spans)),
    )


def _without(text: str, span: Span) -> Edit:
    """Takes the characters out so that words stay apart, by one blank."""
    edit = deletion(text, span)
    keeps_words_apart = edit.span != span or " " not in span.of(text)
    return edit if keeps_words_apart else Edit(span, " ")
