"""Finds every mark in a prompt: tags, caption prefixes, and what was probably meant as one.

One pass over the text, linear in its length whatever it holds: a character that could belong to a
mark is looked for, and only a bounded stretch around it is examined. What the marks mean together
is `prompt/parse.py`.
"""

import re
import unicodedata
from functools import lru_cache

from ovi_studio.prompt.model import CAPTION_PREFIX, Mark, Role, Span, Spelling

_OPEN = r"(?:[<＜﹤〈‹]|&(?:amp;){0,2}(?:lt|#0?60|#x3c);?)"
_CLOSE = r"(?:[>＞﹥〉›]|&(?:amp;){0,2}(?:gt|#0?62|#x3e);?)"
_INSIDE = r"[^<>＜＞﹤﹥〈〉‹›&]{0,40}"

_CANDIDATE = re.compile(r"[<＜﹤〈‹&\[>:：]")
"""The only characters at which a mark can be recognised."""

_TAG = re.compile(rf"{_OPEN}({_INSIDE}){_CLOSE}", re.IGNORECASE)
_SQUARE_TAG = re.compile(r"\[(S|E|AUDCAP|ENDAUDCAP)\]")
_UNCLOSED_TAG = re.compile(
    r"<(ENDAUDCAP|AUDCAP|[SE](?![A-Za-z0-9_])|E(?=Audio:)|S(?=[A-Z][a-z' ]))"
)
_UNOPENED_TAG = re.compile(r"(?:ENDAUDCAP|AUDCAP|(?<![A-Za-z0-9])S|(?<![A-Z0-9])E)\Z")
_UNKNOWN_INSIDE = re.compile(r"[/\\]?(?:[A-Za-z][^<>\n]{0,30})?")

_EXACT = {
    "<S>": Role.SPEECH_START,
    "<E>": Role.SPEECH_END,
    "<AUDCAP>": Role.CAPTION_START,
    "<ENDAUDCAP>": Role.CAPTION_END,
}

_LOOSE = {
    "s": Role.SPEECH_START,
    "e": Role.SPEECH_END,
    "audcap": Role.CAPTION_START,
    "endaudcap": Role.CAPTION_END,
}

_WRONG_SPEECH_START = frozenset({"ss", "s/"})
_WRONG_SPEECH_END = frozenset(
    {"/s", "\\s", "|s", "/e", "\\e", "|e", "e/", "ee", "es", "ends", "end/s", "s/e", "/s/"}
)
_WRONG_CAPTION_START = frozenset({"audiocap", "audiocaption", "audcaption", "startaudcap"})
_ANY_END = frozenset({"end", "/end", "\\end", "end/", "/"})
"""Ends whatever is open."""

_LONGEST_LOOK_BACK = 32
"""Characters before a colon or `>` that can belong to the mark it ends."""

_PREFIX_WORDS = re.compile(
    r"(?:audio(?:[ -](?:caption|description|track))?|sounds?(?:[ -](?:effects?|track))?"
    r"|soundtrack|sfx|[a-z]{4,6})(?=\s{0,3}\Z)",
    re.IGNORECASE,
)
_SENTENCE_START = re.compile(r"(?:\A|[\n\r]|[.!?…。！？:;)\]}>\"'”’*_])[ \t*_]*\Z")
_ORDINARY_WORDS = frozenset({"audit", "radio", "audios"})
"""Near `audio` by their letters and words of their own."""


def find_marks(text: str) -> list[Mark]:
    """Every mark in `text`, in order, never overlapping."""
    marks: list[Mark] = []
    position = 0
    while candidate := _CANDIDATE.search(text, position):
        start = candidate.start()
        character = text[start]
        if character in ":：":
            mark = _prefix_ending_at(text, start, marks[-1].span.end if marks else 0)
        elif character == ">":
            mark = _unopened_tag_ending_at(text, start, marks[-1].span.end if marks else 0)
        else:
            mark = _tag_at(text, start)
        if mark is None:
            position = start + 1
        else:
            marks.append(mark)
            position = mark.span.end
    return marks


def _tag_at(text: str, start: int) -> Mark | None:
    """The tag that begins at `start`, exact or not."""
    match = _TAG.match(text, start) or _SQUARE_TAG.match(text, start)
    if match is None or CAPTION_PREFIX in match[1]:  # a prefix counts wherever it stands
        broken = _UNCLOSED_TAG.match(text, start)
        if broken is None:
            return None
        return _mark(text, _LOOSE[broken[1].casefold()], Spelling.BROKEN, start, broken.end())
    written = match[0]
    role = _EXACT.get(written)
    if role is not None:
        return _mark(text, role, Spelling.EXACT, start, match.end())
    known = _known_tag(match[1])
    if known is not None:
        return _mark(text, *known, start, match.end())
    if written[0] == "<" and _UNKNOWN_INSIDE.fullmatch(match[1]):
        return _mark(text, Role.UNKNOWN, Spelling.WRONG, start, match.end())
    return None


@lru_cache(maxsize=4096)
def _known_tag(inside: str) -> tuple[Role, Spelling] | None:
    """What the text between two brackets was meant to be, None if nothing known."""
    plain = unicodedata.normalize("NFKC", inside).casefold()
    letters = "".join(c for c in plain if not c.isspace() and unicodedata.category(c) != "Cf")
    if letters in _LOOSE:
        return _LOOSE[letters], Spelling.LOOSE
    if letters in _WRONG_SPEECH_START:
        return Role.SPEECH_START, Spelling.WRONG
    if letters in _WRONG_SPEECH_END or letters in _ANY_END:
        return Role.SPEECH_END, Spelling.WRONG
    if letters in _WRONG_CAPTION_START:
        return Role.CAPTION_START, Spelling.WRONG
    word = "".join(c for c in letters if c.isalnum())
    if word.endswith("end") and len(word) > 3:
        word = "end" + word[:-3]
    slashed = letters[:1] in {"/", "\\", "|"} or letters[-1:] in {"/", "\\"}
    if word.startswith("end") and _is_near(word[3:], "audcap", "audiocap", "audiocaption"):
        return Role.CAPTION_END, Spelling.WRONG
    if _is_near(word, "audcap", "audiocap", "audiocaption"):
        return (Role.CAPTION_END if slashed else Role.CAPTION_START), Spelling.WRONG
    if _is_near(word, "endaudcap"):
        return Role.CAPTION_END, Spelling.WRONG
    return None


def closes_anything(mark: Mark) -> bool:
    """True for closers such as `<END>` that do not say what they close."""
    letters = "".join(c for c in mark.text.casefold() if not c.isspace())
    return letters.strip("<>＜＞") in _ANY_END


def _is_near(word: str, *targets: str) -> bool:
    """True if at most two letters were lost, added, changed or swapped."""
    return any(_distance(word, target) <= 2 for target in targets)


def _distance(left: str, right: str) -> int:
    """Edits between two short words, a swap of neighbours counting as one; 9 when far apart."""
    if abs(len(left) - len(right)) > 2:
        return 9
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left):
        following = [i + 1]
        for j, b in enumerate(right):
            cost = min(row[j + 1] + 1, following[j] + 1, row[j] + (a != b))
            if i and j and a == right[j - 1] and left[i - 1] == b:
                cost = min(cost, before[j - 1] + 1)
            following.append(cost)
        before, row = row, following
    return row[-1]


def _unopened_tag_ending_at(text: str, end: int, floor: int) -> Mark | None:
    """A tag whose first bracket is missing, such as `E>`; `end` is where its `>` stands."""
    match = _UNOPENED_TAG.search(text, max(floor, end - _LONGEST_LOOK_BACK), end)
    if match is None:
        return None
    return _mark(text, _LOOSE[match[0].casefold()], Spelling.BROKEN, match.start(), end + 1)


def _prefix_ending_at(text: str, colon: int, floor: int) -> Mark | None:
    """The caption prefix whose colon stands at `colon`. `Audio:` counts anywhere, as the published
    formatter reads it; other spellings only where a sentence can begin."""
    exact = colon + 1 - len(CAPTION_PREFIX)
    if exact >= floor and text.startswith(CAPTION_PREFIX, exact):
        return _mark(text, Role.CAPTION_PREFIX, Spelling.EXACT, exact, colon + 1)
    lowest = max(floor, colon - _LONGEST_LOOK_BACK)
    before = text[lowest:colon]
    for match in _PREFIX_WORDS.finditer(before):
        start = lowest + match.start()
        if start > 0 and text[start - 1].isalnum():
            continue
        word = match[0].casefold()
        if word == "audio":
            return _mark(text, Role.CAPTION_PREFIX, Spelling.LOOSE, start, colon + 1)
        starts_sentence = start == floor or _SENTENCE_START.search(text, lowest, start)
        if starts_sentence and _is_caption_word(word):
            return _mark(text, Role.CAPTION_PREFIX, Spelling.WRONG, start, colon + 1)
    return None


@lru_cache(maxsize=4096)
def _is_caption_word(word: str) -> bool:
    if word.startswith(("audio", "sound", "sfx")) and word not in _ORDINARY_WORDS:
        return True
    return word not in _ORDINARY_WORDS and _distance(word, "audio") <= 1


def _mark(text: str, role: Role, spelling: Spelling, start: int, end: int) -> Mark:
    return Mark(role, spelling, Span(start, end), text[start:end])
