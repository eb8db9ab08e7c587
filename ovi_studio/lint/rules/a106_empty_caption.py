"""Rule empty-caption."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding, Fix
from ovi_studio.lint.edits import deletion
from ovi_studio.lint.subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """An audio caption without words.

    What it does
        Reports `Audio:` with nothing behind it, and `<AUDCAP><ENDAUDCAP>`.

    Why it matters
        The caption tells the model about voices, room, sounds and music. An empty one leaves the
        sound to chance.

    Example
        A pale face says <S>hello yellow<E>. Audio: Audio: A clear woman's voice.

    Use instead
        A pale face says <S>hello yellow<E>. Audio: A clear woman's voice.

    Fix safety
        Safe: where there is another caption with words, the empty one goes. Else there is no fix:
        only you know what is heard.
    """
    captions = subject.prompt.captions
    has_words = any(caption.text for caption in captions)
    for caption in captions:
        if not caption.text and caption.is_whole:
            fix = None
            if has_words:
                fix = Fix("Take out the empty caption", (deletion(subject.text, caption.span),))
            yield Finding(
                "The audio caption is empty: say what is heard, voices, room, sounds and music.",
                caption.span,
                fix,
            )
