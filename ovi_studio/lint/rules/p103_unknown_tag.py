"""Rule unknown-tag."""

from collections.abc import Iterator
from difflib import get_close_matches

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import CANONICAL, Role


def check(subject: Subject) -> Iterator[Finding]:
    """Something in angle brackets that is no tag of the prompt language.

    What it does
        Reports `<SFX>`, `<sub1>`, `<break>` and whatever else stands in angle brackets, and names
        the nearest tag there is.

    Why it matters
        There are four tags and the prefix `Audio:`. All else is read as text: it costs tokens,
        means nothing, and inside speech it may be spoken.

    Example
        A pale face on a blue floor says <S>hello yellow<E>. <SFX> Audio: A woman's voice.

    Use instead
        A pale face on a blue floor says <S>hello yellow<E>. Audio: A woman's voice.

    Fix safety
        There is no fix: only you know what was meant.
    """
    tags = [tag for tag in CANONICAL.values() if tag.startswith("<")]
    for mark in subject.prompt.marks:
        if mark.role is Role.UNKNOWN:
            near = get_close_matches(mark.text.upper(), tags, n=1)
            hint = f"perhaps {near[0]} was meant." if near else "describe it in words instead."
            yield Finding(f"{mark.text} is no tag and would be read as text: {hint}", mark.span)
