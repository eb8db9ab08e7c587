"""Rule prompt-length."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.limits import count_words
from ovi_studio.lint.subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """A prompt much shorter or longer than those the variant is known to follow.

    What it does
        Counts the words of scene, speech and caption, tags left out. The published examples have
        48 to 180; for `nano`, which saw short prompts only, 5 to 60 are usual.

    Why it matters
        A short prompt leaves looks, light and framing to chance. Of a long one, details late in
        the text tend to be lost.

    Example
        Say <S>yes<E> Audio: A hum.

    Use instead
        A pale face before a violet wall says <S>yes<E>. Audio: A soft hum.

    Fix safety
        There is no fix: only you know the scene.
    """
    prompt, limits = subject.prompt, subject.limits
    parts = [prompt.scene_text, *(s.text for s in prompt.speeches)]
    num_words = sum(map(count_words, [*parts, *(c.text for c in prompt.captions)]))
    usual = f"{limits.prompt_from} to {limits.prompt_to} are usual for {subject.variant.name}"
    if num_words < limits.prompt_from:
        advice = "say more about looks, light, framing and motion."
    elif num_words > limits.prompt_to:
        advice = "keep to one shot and what matters in it."
    else:
        return
    words = "1 word" if num_words == 1 else f"{num_words} words"
    yield Finding(f"The prompt has {words}, and {usual}: {advice}")
