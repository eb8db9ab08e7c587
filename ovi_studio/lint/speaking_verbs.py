"""English verbs that announce a spoken line, in their forms."""

_REGULAR = (
    "add answer ask articulate announce bellow call chant command comment conclude confess "
    "continue declare demand exclaim explain gasp greet growl hiss insist interject joke laugh "
    "mention mumble murmur mutter narrate offer order plead promise pronounce question recite "
    "relate remark repeat report respond retort roar scream shout sigh state talk utter voice warn "
    "welcome whisper wonder yell"
)

_IRREGULAR = (
    "say says said saying speak speaks spoke speaking tell tells told telling sing sings sang "
    "singing reply replies replied replying cry cries cried crying read reads reading begin begins "
    "began beginning beg begs begged begging admit admits admitted admitting quip quips quipped "
    "quipping rap raps rapped rapping hum hums hummed humming"
)


def _forms(verb: str) -> tuple[str, ...]:
    stem = verb.removesuffix("e")
    third = f"{verb}es" if verb.endswith(("s", "sh", "ch")) else f"{verb}s"
    return verb, third, f"{stem}ed", f"{stem}ing"


SPEAKING_VERBS = frozenset(_IRREGULAR.split()).union(*map(_forms, _REGULAR.split()))
"""All in lower case."""
