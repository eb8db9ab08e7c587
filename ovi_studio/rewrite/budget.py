"""How long a new line may be: the seconds of the clip, shared out to its lines.

A clip's time is divided among its lines as the old lines divide it, with a little more for the very
short ones. Words are counted too, as the lint rules count them; the linter's own numbers hold.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ovi.spec.variants import Variant
from ovi_studio.lint.limits import count_words, limits_of
from ovi_studio.prompt.model import Prompt, SegmentKind
from ovi_studio.prompt.timing import time_prompt, time_speech
from ovi_studio.rewrite.part import Slot

LEEWAY_SECONDS = 0.35
"""Added to each old line before the time is shared out: `Go!` need not stay one word."""

SHARE_OF_CLIP = 0.95
"""Speech does not begin with the first frame and does not end with the last."""

MIN_WORDS = 2
"""Nobody can be given a theme in one word."""


class Budget(NamedTuple):
    """How much may be said in one line."""

    seconds: float
    """At the fastest published pace, which is what the linter estimates."""
    words: int

    def excess(self, words: str) -> str:
        """Why a line does not fit, to be told to whoever wrote it; "" if it does."""
        num_words, seconds = count_words(words), time_speech(words).seconds
        if num_words > self.words:
            return f"it has {num_words} words; at most {self.words} fit"
        if seconds > self.seconds:
            return (
                f"it takes {seconds:.1f} s to say and has {self.seconds:.1f} s: use fewer or "
                "shorter words"
            )
        return ""


def budgets_of(
    prompt: Prompt, slots: Sequence[Slot], variant: Variant
) -> tuple[Budget | None, ...]:
    """A budget for each slot that is spoken, None for the others.

    Together the new lines fit the clip of `variant` and have no more words than the linter lets
    pass, or than the old lines have.
    """
    spoken = [slot for slot in slots if slot.kind is SegmentKind.SPEECH]
    if not spoken:
        return (None,) * len(slots)
    limits = limits_of(variant)
    times = [time_speech(slot.text).seconds for slot in spoken]
    num_old = sum(count_words(slot.text) for slot in spoken)
    kept = max(0.0, time_prompt(prompt).total.seconds - sum(times))
    seconds = max(0.0, SHARE_OF_CLIP * variant.video_seconds - kept)
    all_words = max(limits.speech_info, min(num_old, limits.speech_error))
    weights = [time + LEEWAY_SECONDS for time in times]
    shares = [weight / sum(weights) for weight in weights]
    counts = _shared_out(all_words, shares, limits.line)
    given = iter(zip(shares, counts, strict=True))
    return tuple(
        Budget(seconds * (share := next(given))[0], share[1])
        if slot.kind is SegmentKind.SPEECH
        else None
        for slot in slots
    )


def _shared_out(total: int, shares: Sequence[float], most: int) -> list[int]:
    """`total` words divided by shares, each at least MIN_WORDS and at most `most`."""
    counts = [max(MIN_WORDS, min(most, int(total * share))) for share in shares]
    while sum(counts) > total and max(counts) > MIN_WORDS:
        counts[counts.index(max(counts))] -= 1
    for index in sorted(range(len(shares)), key=lambda k: -shares[k]):
        while sum(counts) < total and counts[index] < most:
            counts[index] += 1
    return counts
