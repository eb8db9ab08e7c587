"""Rule too-many-tokens."""

import re
from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding, Severity
from ovi_studio.lint.limits import NEARLY_FULL
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import Span
from ovi_studio.prompt.tokens import clean_text, count_tokens, find_cut


def check(subject: Subject) -> Iterator[Finding]:
    """A prompt longer than the text encoder reads.

    What it does
        Counts the tokens of the prompt: more than 512 is an error, more than 450 a warning. For
        `nano` tokens are bytes, and counted exactly. For the other variants they are counted by
        umT5's own tokenizer where its file is there; else they are estimated on the high side.

    Why it matters
        The encoder cuts the rest without a word, and the audio caption stands last.

    Example
        Somewhere underground, surrounded by candlelight, countless translucent butterflies with
        iridescent wings shimmering extraordinarily brightly flutter between enormous blossoming
        chrysanthemums, rhododendrons, honeysuckles, snapdragons and forget-me-nots; thunderclouds
        gathering threateningly throughout mountainous surroundings illuminate everything
        intermittently, whereupon magnificently embroidered curtains, weatherbeaten cobblestones
        and whitewashed archways momentarily brighten, while a pale face says <S>hello
        yellow<E>. Audio: A clear woman's voice.

    Use instead
        In a wide hall with white walls a pale face with black hair looks at us across a long table
        of dark wood, and says <S>hello yellow<E>. Audio: A clear woman's voice.

    Fix safety
        There is no fix: only you know what can go.
    """
    limit = subject.variant.max_tokens
    if subject.variant.is_embedded:
        count, is_exact = len(clean_text(subject.text).encode("utf-8", "replace")) + 1, True
        unit = "bytes"
    else:
        counted = count_tokens(subject.text, subject.target.tokenizer)
        count, is_exact, unit = counted.count, counted.is_exact, "tokens"
    if count <= NEARLY_FULL:
        return
    about = "" if is_exact else "about "
    if count <= limit:
        yield Finding(
            f"The prompt takes {about}{count} of {limit} {unit}: there is little room left.",
            severity=Severity.WARNING,
        )
        return
    cut: int | None
    if subject.variant.is_embedded:
        cut = _byte_cut(subject.text, limit)
    else:
        cut = find_cut(subject.text, limit, subject.target.tokenizer)
    assert cut is not None, "the whole was too long"
    lost = " ".join(subject.text[cut:].split())
    shown = lost if len(lost) <= 40 else f"{lost[:39]}…"
    yield Finding(
        f"The prompt takes {about}{count} {unit} and the encoder reads {limit}: "
        f'"{shown}" would be cut. Shorten the prompt.',
        Span(cut, len(subject.text)),
    )


def _byte_cut(text: str, limit: int) -> int:
    """The first word of `text` that does not fit into `limit` bytes with the closing token."""
    read = clean_text(text).encode("utf-8", "replace")[: limit - 1].decode("utf-8", "ignore")
    num_words = len(read.rsplit(" ", 1)[0].split())
    words = list(re.finditer(r"\S+", text))
    return words[min(num_words, len(words) - 1)].start()
