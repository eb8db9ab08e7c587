"""Rule encoding."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import Span


def check(subject: Subject) -> Iterator[Finding]:
    """Bytes that are no text.

    What it does
        Reports cells with bytes that are not valid in the file's encoding, UTF-8 as a rule.

    Why it matters
        The file was written in another encoding, Windows-1252 for instance, and its accents and
        quotation marks are lost. Such a row cannot be rendered.

    Example (csv, escapes)
        text_prompt
        A pale caf\\xe9 singer says <S>hello yellow<E>. Audio: A voice.

    Use instead (csv, escapes)
        text_prompt
        A pale caf\\xc3\\xa9 singer says <S>hello yellow<E>. Audio: A voice.

    Fix safety
        There is no fix: save the file as UTF-8 with the program that wrote it.
    """
    for cell, value in subject.row.values.items():
        place = next((k for k, c in enumerate(value) if "\ud800" <= c <= "\udfff"), None)
        if place is not None:
            yield Finding(
                "Bytes that are no text in the file's encoding: save the file as UTF-8.",
                Span(place, place + 1),
                cell=cell,
            )
