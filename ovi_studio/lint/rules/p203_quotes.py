"""Rule quotes."""

import re
from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Edit, Finding, Fix
from ovi_studio.lint.subject import Subject
from ovi_studio.lint.text_hygiene import STRAIGHT_QUOTES
from ovi_studio.prompt.model import Span

_CURLY = re.compile(f"[{''.join(map(chr, STRAIGHT_QUOTES))}]")


def check(subject: Subject) -> Iterator[Finding]:
    """Curly quotation marks and apostrophes.

    What it does
        Reports typographic quotation marks and apostrophes, as word processors set them.

    Why it matters
        They are straightened before the model reads them, so nothing is rendered differently;
        straight ones can be typed, searched and compared.

    Example
        A pale face on a child’s floor says <S>hello yellow<E>. Audio: A woman's voice.

    Use instead
        A pale face on a child's floor says <S>hello yellow<E>. Audio: A woman's voice.

    Fix safety
        Safe: no word changes.
    """
    spans = [Span(*match.span()) for match in _CURLY.finditer(subject.text)]
    if not spans:
        return
    edits = tuple(Edit(span, STRAIGHT_QUOTES[ord(span.of(subject.text))]) for span in spans)
    marks = "A curly quotation mark" if len(spans) == 1 else f"{len(spans)} curly quotation marks"
    yield Finding(
        f"{marks}: straight ones do the same and can be typed.",
        spans[0],
        Fix("Straighten quotation marks", edits),
    )
