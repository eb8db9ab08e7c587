"""The phrases that captions are built from, and which of them are kept for the judge.

`{a}` is the object or person with its article, `{place}` where it is, `{motion}` what it does.
Unseen wordings put known words together in new ways: they test understanding, not vocabulary.
"""

from dataclasses import dataclass
from enum import StrEnum


class Wordings(StrEnum):
    """Which phrases to draw from."""

    SEEN = "seen"
    UNSEEN = "unseen"
    """kept for the judge"""


@dataclass(frozen=True, slots=True)
class Phrases:
    """Ways of saying one thing."""

    seen: tuple[str, ...]
    unseen: tuple[str, ...]

    def of(self, wordings: Wordings) -> tuple[str, ...]:
        """The phrases of one kind."""
        return self.seen if wordings is Wordings.SEEN else self.unseen


SHAPE_SENTENCES = Phrases(
    seen=(
        "{a} {motion} {place}.",
        "{place}, {a} {motion}.",
        "The wall is {background}. {a} {motion}.",
        "A {background} room. {a} {motion}.",
        "We see {a} {place}. It {motion}.",
        "{a} is {place}. It {motion}.",
        "There is {a} that {motion} {place}.",
    ),
    unseen=(
        "{place} there is {a}. It {motion}.",
        "{a} {place} {motion}.",
        "We see {a} that {motion} {place}.",
        "The room is {background}. In it, {a} {motion}.",
    ),
)

PLACES = Phrases(
    seen=(
        "in front of a {background} wall",
        "against a {background} wall",
        "in a {background} room",
        "on a {background} background",
        "over a {background} floor",
    ),
    unseen=("in front of a {background} background", "against a {background} background"),
)

SIZES = {
    "small": Phrases(seen=("small", "little"), unseen=("small",)),
    "medium": Phrases(seen=("",), unseen=("",)),
    "big": Phrases(seen=("big", "large"), unseen=("big",)),
}

MOTIONS = {
    "bounce": Phrases(
        seen=("bounces", "bounces up and down", "bounces on the floor", "keeps bouncing"),
        unseen=("bounces up and down on the floor", "keeps bouncing up and down"),
    ),
    "slide left": Phrases(
        seen=("slides from right to left", "slides to the left", "moves left", "glides leftwards"),
        unseen=("moves from right to left", "slides left"),
    ),
    "slide right": Phrases(
        seen=(
            "slides from left to right",
            "slides to the right",
            "moves right",
            "glides rightwards",
        ),
        unseen=("moves from left to right", "slides right"),
    ),
    "rise": Phrases(
        seen=("rises", "rises slowly", "floats up", "climbs from the floor to the top"),
        unseen=("rises from the floor", "climbs slowly"),
    ),
    "fall": Phrases(
        seen=("falls", "falls slowly", "sinks down", "drops from the top to the floor"),
        unseen=("falls to the floor", "sinks slowly"),
    ),
    "pulse": Phrases(
        seen=("pulses", "pulses like a heart", "grows and shrinks", "swells and shrinks again"),
        unseen=("keeps pulsing", "grows and shrinks again"),
    ),
    "spin": Phrases(
        seen=("spins", "spins in place", "turns round and round", "keeps spinning"),
        unseen=("spins round and round", "keeps spinning in place"),
    ),
    "blink": Phrases(
        seen=("blinks", "blinks on and off", "vanishes and comes back", "keeps blinking"),
        unseen=("keeps blinking on and off", "vanishes and comes back again"),
    ),
    "orbit": Phrases(
        seen=("orbits", "moves in a circle", "goes around in a circle", "circles the middle"),
        unseen=("orbits the middle", "keeps moving in a circle"),
    ),
    "still": Phrases(
        seen=("stays still", "does not move", "stands still", "is quite still"),
        unseen=("does not move at all", "stays quite still"),
    ),
}

THUDS = {"small": "light", "medium": "low", "big": "deep"}

SOUNDS = {
    "bounce": Phrases(
        seen=("a {thud} thud at every bounce", "a {thud} thud at each bounce", "{thud} thuds"),
        unseen=("{thud} thuds, one at every bounce",),
    ),
    "slide": Phrases(
        seen=("a soft whoosh", "a whoosh while it moves", "a whoosh of air"),
        unseen=("a soft whoosh while it moves",),
    ),
    "rise": Phrases(
        seen=("a rising tone", "a tone that climbs", "a tone that follows its height"),
        unseen=("a rising tone that follows its height",),
    ),
    "fall": Phrases(
        seen=("a falling tone", "a tone that sinks", "a tone that follows its height"),
        unseen=("a falling tone that follows its height",),
    ),
    "pulse": Phrases(
        seen=("a hum that swells and fades", "a pulsing hum", "a hum, louder as it grows"),
        unseen=("a pulsing hum, louder as it grows",),
    ),
    "blink": Phrases(
        seen=("a click at every blink", "a click at each change", "clicks"),
        unseen=("clicks, one at every change",),
    ),
    "orbit": Phrases(
        seen=("a steady hum", "an even hum", "a low hum"), unseen=("a low, even hum",)
    ),
    "silence": Phrases(
        seen=("silence", "no sound", "complete silence", "nothing is heard"),
        unseen=("no sound is heard",),
    ),
}

FACE_SENTENCES = Phrases(
    seen=(
        "{a} looks at us {place} and {says}.",
        "{a} {says} {place}.",
        "{place}, {a} {says}.",
        "{a} is {place}. {pronoun} {says}.",
        "The wall is {background}. {a} looks at us and {says}.",
        "We see {a} {place}. {pronoun} looks at us and {says}.",
    ),
    unseen=(
        "{place}, {a} looks at us and {says}.",
        "The wall is {background}. {a} {says}.",
        "There is {a} {place}. {pronoun} {says}.",
    ),
)

FACE_PLACES = Phrases(
    seen=(
        "in front of a {background} wall",
        "against a {background} wall",
        "in a {background} room",
        "on a {background} background",
    ),
    unseen=("in front of a {background} background", "against a {background} background"),
)

SAYS = Phrases(
    seen=("says <S>{words}<E>", "says: <S>{words}<E>", "speaks: <S>{words}<E>"),
    unseen=("speaks and says <S>{words}<E>", "says these words: <S>{words}<E>"),
)

PERSONS = Phrases(
    seen=(
        "a {skin} {person} with {length} {hair} hair{hat}",
        "a {person} with {length} {hair} hair and {skin} skin{hat}",
        "a {skin} face with {length} {hair} hair{hat}",
    ),
    unseen=(
        "a {person} with {skin} skin and {length} {hair} hair{hat}",
        "a {person} with {length} {hair} hair and a {skin} face{hat}",
    ),
)

HATS = Phrases(seen=(" and a {hat} hat", ", wearing a {hat} hat"), unseen=(" with a {hat} hat",))

VOICES = Phrases(
    seen=(
        "a clear {person}'s voice",
        "a {person} speaks",
        "a {person}'s voice in a quiet room",
        "the voice of a {person}",
    ),
    unseen=("the clear voice of a {person}",),
)
