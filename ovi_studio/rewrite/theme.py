"""What a theme gives a writer without a model: the things it names, what is done, what it says.

    AI is taking over the world   things: AI, the world   doing: taking over   it says something
    Human fighting against AI     things: the human, AI   doing: fighting

English only, judged by word lists and endings: a guess that has to sound right in most sentences.
"""

import re
import unicodedata
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_STOP = _words(
    """a an the this that these those my your his her its our their some any every each no not all
    both few many much more most other another such one two three four five six seven eight nine ten
    and or but nor so if then than as of in on at by to from for with without about against between
    into through during before after above below over under up down out off again further once here
    there when where why how what who whom which i you he she it we they me him them us am is are
    was were be been being have has had having do does did doing will would shall should can could
    may might must very just too also only own same while because until among across around
    behind beyond near per via like let lets make makes made making get gets got getting go goes
    going gone went come comes coming came really versus vs nobody somebody everybody anybody
    everyone someone anyone anymore ever never always forever soon now please maybe still
    already yet"""
)

_FINITE = _words("is are was were has have had will would can could must should does did")

_VERBS = _words(
    """argue fall take say tell talk speak think know want need love hate fight win lose find keep
    leave meet run walk sing play try learn teach eat drink sleep dream rise save kill die live fly
    swim build break burn steal sell buy pay hide seek wait wake watch see hear feel ask answer call
    become begin start stop end rule conquer destroy invade escape return forget remember discover
    travel wander hunt chase follow lead give bring send hold turn change grow shrink vanish appear
    refuse decide believe rebel revolt strike quit join marry divorce cry laugh smile scream whisper
    complain cook bake clean drive ride jump climb cross reach open close share celebrate mourn
    discuss debate gossip confess forgive betray trust fear flirt awake own"""
)

_ADJECTIVES = _words(
    """old new young big small little great good bad last first final lonely lost secret silent loud
    dark bright cold hot warm dead living wild tired angry happy sad funny strange evil brave broken
    hidden forgotten modern ancient human artificial digital virtual hungry sleepy tiny giant
    haunted royal public private free rich poor blind deaf famous unknown endless eternal deep high
    low long short fast slow early late red blue green black white golden silver"""
)

_MASS = _words(
    """love money time music death freedom coffee gold fear work history justice democracy humanity
    mankind art magic food traffic inflation politics power war peace hope faith grief silence
    loneliness friendship jealousy revenge chess football nature life society science religion
    gossip bureaucracy homework"""
)

_SUBJECTS = _words(
    "who what i you he she it we they nobody somebody everybody anybody everyone someone anyone"
)

_ABBREVIATIONS = _words("I AI TV US USA UK EU UN UFO UFOS VR NASA FBI CIA DNA")
"""Kept in a theme that is written in capitals throughout."""

_PARTICLES = _words("over up out off away back down")

_NOT_DOING = _words(
    """thing king ring spring wedding building evening morning meeting painting ceiling string wing
    feeling darling nothing something everything anything during sibling viking pudding clothing
    housing being having doing going getting making coming"""
)

_PLURALS = _words("people men women children mice wolves")
_SINGULARS = _words("chess gas bus news physics politics paradise james christmas bliss")

_MAX_WORDS = 3
"""Of one thing; longer names are cut to their end."""


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that a theme names."""

    text: str
    """With its article: `the world`, `AI`."""
    is_plural: bool
    words: tuple[str, ...]
    """In small letters."""

    @property
    def brief(self) -> "Thing":
        """The same in as few words as possible: `the recipes` for `my secret recipes`."""
        if len(self.words) < 2:
            return self
        last = self.text.split()[-1]
        is_owned = len(self.text.split()) > len(self.words)
        return Thing(f"the {last}" if is_owned else last, self.is_plural, self.words[-1:])


@dataclass(frozen=True, slots=True)
class Theme:
    """A theme, taken apart."""

    text: str
    things: tuple[Thing, ...]
    """At least one."""
    doings: tuple[str, ...]
    """`fighting`, `taking over`"""
    saying: str
    """The theme as a clause, `AI is taking over the world`; "" if it is none."""
    words: frozenset[str]
    """All that count as words of the theme, in small letters."""

    @property
    def is_speakable(self) -> bool:
        """True if its things can stand in English lines: words in Latin letters, no digits."""
        said = "".join(thing.text for thing in self.things)
        is_latin = all(unicodedata.name(c, "").startswith("LATIN") for c in said if c.isalpha())
        return is_latin and not any(map(str.isdigit, said)) and all(t.words for t in self.things)

    def is_carried_by(self, line: str) -> bool:
        """True if a line holds a word of the theme."""
        return not self.words.isdisjoint(word.lower() for word in _WORD.findall(line))


def read_theme(text: str) -> Theme:
    """What a theme consists of. Any text gives at least one thing."""
    text = _spoken_case(" ".join(text.split()).strip(" .!?\"'"))
    tokens = _tokens(text)
    things: list[Thing] = []
    doings: list[str] = []
    run: list[str] = []
    article = ""

    def end_run() -> None:
        nonlocal article
        if run and any(not _is_adjective(word) for word in run):
            things.append(_thing(run, article))
        run.clear()
        article = ""

    for index, word in enumerate(tokens):
        small = word.lower()
        next_word = tokens[index + 1] if index + 1 < len(tokens) else ""
        following = next_word.lower()
        is_next_name = next_word[:1].isupper() and not next_word.isupper()
        leads_name = is_next_name and not _is_doing(following)
        is_owned = bool(run) and _is_owner(run[-1])
        if is_owned and _is_doing(small):  # my mother's cooking
            run.append(small)
        elif _is_doing(small):
            end_run()
            doings.append(f"{small} {following}" if following in _PARTICLES else small)
        elif not word[0].isalnum():
            end_run()
        elif _is_stop(small) and (len(word) == 1 or not word.isupper()):
            end_run()
            article = small
        elif (
            _is_verb(small, has_subject=bool(things or run or article in _SUBJECTS))
            and not word.isupper()
            and (following or (run and _is_plural(run[-1])))  # `time travel` ends with a thing
        ):
            end_run()
        else:
            is_first_name = index == 0 and word[0].isupper() and (leads_name or _is_owner(word))
            run.append(word if is_first_name or _is_name(word, index) else small)
    end_run()
    unique = list(dict.fromkeys(things))
    if not unique:
        whole = text or "this"
        unique = [Thing(whole, False, tuple(w.lower() for w in _WORD.findall(whole)))]
    counted = {word for thing in unique for word in thing.words}
    counted |= {doing.split()[0] for doing in doings}
    return Theme(text, tuple(unique), tuple(dict.fromkeys(doings)), _saying(text, tokens),
                 frozenset(counted))  # fmt: skip


def _tokens(text: str) -> list[str]:
    """The words as they can be spoken; what ends a run of them is a comma."""
    tokens = re.findall(rf"{_WORD.pattern}|[,;:&/()]", text)
    return ["," if any(map(str.isdigit, word)) else word for word in tokens]


def _spoken_case(text: str) -> str:
    """No words in capitals but abbreviations: a voice would spell them out."""
    is_shouted = text.isupper() and " " in text

    def lowered(match: re.Match[str]) -> str:
        word = match[0]
        keeps = word in _ABBREVIATIONS if is_shouted else len(word) < 5
        return word if keeps or not word.isupper() else word.lower()

    return _WORD.sub(lowered, text)


def _thing(run: list[str], article: str) -> Thing:
    words = run[-_MAX_WORDS:]
    head = words[-1]
    small = head.lower()
    is_plural = _is_plural(small)
    name = " ".join(words)
    is_bare = (
        not head.islower()
        or (small in _MASS and article != "the")
        or (len(words) > 1 and not article and not is_plural)
        or (not article and any(_is_owner(word) for word in words[:-1]))
    )
    owned = article if article in ("my", "your", "our", "his", "her", "their") else "the"
    return Thing(
        name if is_bare else f"{owned} {name}", is_plural, tuple(word.lower() for word in words)
    )


def _is_plural(word: str) -> bool:
    ends_in_s = word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word in _PLURALS or (ends_in_s and word not in _SINGULARS)


def _saying(text: str, tokens: list[str]) -> str:
    small = [token.lower() for token in tokens]
    is_clause = any(
        0 < index < len(small) - 1 and (word in _FINITE or _is_verb(word, has_subject=True))
        for index, word in enumerate(small)
    )
    is_question = bool(small) and small[0] in ("who", "what", "why", "how", "when", "where", "if")
    if not is_clause or is_question or len(tokens) > 14:
        return ""
    first = tokens[0]
    is_name = _is_name(first, 0) or first == "I" or first.startswith("I'")
    return text if is_name else text[:1].lower() + text[1:]


def _is_doing(word: str) -> bool:
    return word.endswith("ing") and len(word) > 5 and word not in _NOT_DOING


def _is_verb(word: str, *, has_subject: bool) -> bool:
    """True for a verb in a form that follows a subject, where there is one."""
    if word in _MASS or not has_subject:
        return False
    stems = (word, word.removesuffix("s"), word.removesuffix("es"))
    return any(stem in _VERBS for stem in stems)


def _is_stop(small: str) -> bool:
    """True for words that are no thing, also as they are run together: don't, it's, we're."""
    plain = small.replace("’", "'")
    return plain.endswith("n't") or plain.partition("'")[0] in _STOP


def _is_owner(word: str) -> bool:
    return word.endswith(("'s", "’s"))


def _is_adjective(word: str) -> bool:
    return word.lower() in _ADJECTIVES - {"human"}


def _is_name(word: str, index: int) -> bool:
    """True for AI, NASA, iPhone, and for capitals inside a theme."""
    has_capital = any(character.isupper() for character in word[1:])
    return has_capital or (index > 0 and word[:1].isupper())
