"""Rule white-space."""

import re
from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Edit, Finding, Fix
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import Role, Span

_ODD = re.compile(r"\s{2,}|[^\S ]|\A\s|\s\Z")


def check(subject: Subject) -> Iterator[Finding]:
    """Line breaks, tabs, doubled blanks, blanks at an end.

    What it does
        Reports white space other than one blank between words. A prompt is one paragraph.

    Why it matters
        Nothing is rendered differently, because white space is folded before the model reads it;
        but tables, diffs and searches are easier with one way to write a prompt.

    Example
        A pale face on a  blue floor says <S>hello yellow<E>. Audio: A woman's voice.

    Use instead
        A pale face on a blue floor says <S>hello yellow<E>. Audio: A woman's voice.

    Fix safety
        Safe: every run of white space becomes one blank.
    """
    text = subject.text
    spans = subject.free_spans([Span(*match.span()) for match in _ODD.finditer(text)])
    if not spans:
        return
    edits = tuple(
        Edit(span, "" if span.start == 0 or span.end == len(text) else " ") for span in spans
    )
    # a line break can be what makes `Sound:` a caption: that is mended first
    is_settled = all(m.is_exact for m in subject.prompt.marks if m.role is Role.CAPTION_PREFIX)
    places = "one place" if len(spans) == 1 else f"{len(spans)} places"
    yield Finding(
        f"Line breaks, tabs or needless blanks in {places}: one blank does between words.",
        spans[0],
        Fix("Fold white space to single blanks", edits) if is_settled else None,
    )
