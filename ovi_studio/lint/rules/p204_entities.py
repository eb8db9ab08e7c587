"""Rule entities."""

import html
import re
from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Edit, Finding, Fix
from ovi_studio.lint.edits import deletion
from ovi_studio.lint.subject import Subject
from ovi_studio.lint.text_hygiene import plain
from ovi_studio.prompt.model import Span

_ENTITY = re.compile(r"&(?:amp;){0,2}#?\w{1,32};|&#?\w{1,32}")
_BORDER_OF_TAG = re.compile(r"[<>＜＞﹤﹥〈〉‹›\[\]&:：]")


def check(subject: Subject) -> Iterator[Finding]:
    """HTML entities such as `&amp;` or `&#39;`.

    What it does
        Reports entities that stand for a character. Entities that are part of a tag are
        tag-spelling's business.

    Why it matters
        They are unescaped before the model reads them, so nothing is rendered differently; but
        the prompt is hard to read, and words are counted wrong.

    Example
        A pale face &amp; a cat on a blue floor says <S>hello yellow<E>. Audio: A woman's voice.

    Use instead
        A pale face & a cat on a blue floor says <S>hello yellow<E>. Audio: A woman's voice.

    Fix safety
        Safe: it writes what the model reads. Entities of brackets and colons, which could make a
        tag, are left to you.
    """
    text = subject.text
    matches = [m for m in _ENTITY.finditer(text) if _unescaped(m[0]) != m[0]]
    spans = subject.free_spans([Span(*match.span()) for match in matches])
    if not spans:
        return
    edits = [edit for span in spans if (edit := _edit(text, span)) is not None]
    places = "An HTML entity" if len(spans) == 1 else f"{len(spans)} HTML entities"
    fix = Fix("Write the characters themselves", tuple(edits)) if len(edits) == len(spans) else None
    yield Finding(f"{places}: write the character itself.", spans[0], fix)


def _unescaped(written: str) -> str:
    """What the text encoder's cleaning makes of it."""
    return html.unescape(html.unescape(written))


def _edit(text: str, span: Span) -> Edit | None:
    """Writes the entity as the character it stands for; None where that could make a tag."""
    written = span.of(text)
    characters = plain(_unescaped(written))
    if characters != "&" and _BORDER_OF_TAG.search(characters):
        return None
    following = characters + text[span.end : span.end + 40]
    if characters == "&" and _unescaped(following) != following:
        return None  # what follows would turn it into another entity
    if not characters.strip():
        return deletion(text, span) if _meets_blank(text, span) else Edit(span, characters)
    return Edit(span, characters)


def _meets_blank(text: str, span: Span) -> bool:
    return text[span.start - 1 : span.start].isspace() or text[span.end : span.end + 1].isspace()
