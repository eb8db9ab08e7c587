"""Rule speech-line-too-long."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """One spoken line with more words than any published line.

    What it does
        Counts the words of each line. The longest published one has 19 in clips of 5 seconds and
        33 in clips of 10; for `nano` the limit is 6.

    Why it matters
        Long lines lose their end, or are spoken too fast to follow.

    Example (960x960_10s)
        A man in a grey coat stands on a wooden pier at dusk, the harbour lights behind him, and
        speaks calmly to the camera with his hands in his pockets. He says, <S>So I put it on a
        boat and it sat in the sun for a year or two and then we got it all back one fine day in
        May as good as new.<E> Audio: A calm male voice, water lapping.

    Use instead (960x960_10s)
        A man in a grey coat stands on a wooden pier at dusk, the harbour lights behind him, and
        speaks calmly to the camera with his hands in his pockets. He says, <S>So I put it on a
        boat and it sat in the sun for a year or two.<E> He smiles and adds, <S>Then we got it
        all back.<E> Audio: A calm male voice, water lapping.

    Fix safety
        There is no fix: only you know where the line can be divided.
    """
    limit = subject.limits.line
    for line in subject.lines:
        if line.num_words > limit:
            yield Finding(
                f"This line has {line.num_words} words; {subject.variant.name} is known to follow "
                f"{limit}. Divide or shorten it.",
                line.span,
            )
