"""Rule script."""

import re
import unicodedata
from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import Span

_BEYOND_LATIN = re.compile(
    r"[^\W\d_\u0041-\u024f\u1e00-\u1eff\u2c60-\u2c7f\ua720-\ua7ff\uff21-\uff5a]+"
)


def check(subject: Subject) -> Iterator[Finding]:
    """Speech in a script the model is not known to speak.

    What it does
        Notes letters in speech that are not Latin. The published examples are in languages of
        Latin script, most of them in English.

    Why it matters
        It may work, and it may come out as babble: try one clip before rendering many.

    Example
        A pale face looks at us and says <S>привет<E>. Audio: A clear woman's voice.

    Use instead
        A pale face looks at us and says <S>privet<E>. Audio: A clear woman's voice.

    Fix safety
        There is no fix: writing the words in Latin letters is a choice.
    """
    for line in subject.lines:
        match = _BEYOND_LATIN.search(line.words)
        if match is not None:
            name = unicodedata.name(match[0][0], "an unknown script").split()[0].capitalize()
            start = line.span.start + match.start()
            yield Finding(
                f"The model is not known to speak this script ({name}): try one clip first.",
                Span(start, line.span.start + match.end()),
            )
