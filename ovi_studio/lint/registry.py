"""The table of all rules, and how some of them are chosen.

The letter of a code says what the rule looks at: `P` prompt text, `S` speech, `A` audio caption,
`I` image, `C` CSV set, `F` fit to the variant. The checks are in `rules/<code>_<name>.py`.
"""

from collections.abc import Iterable, Sequence

from ovi_studio.errors import UsageError
from ovi_studio.lint import clues
from ovi_studio.lint.diagnostic import Severity
from ovi_studio.lint.rule import Kind, Rule

_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO
_ROW, _FILE, _SET = Kind.ROW, Kind.FILE, Kind.SET

_SPACING = clues.ODD_BLANK | clues.ODD_CHARACTER
_QUOTING = clues.QUOTE | clues.CURLY | clues.AMPERSAND

RULES: tuple[Rule, ...] = (
    Rule("P101", "wrong-closer", _E, _ROW, clues.ODD_CLOSER),
    Rule("P102", "tag-spelling", _E, _ROW, clues.ODD_TAG),
    Rule("P103", "unknown-tag", _W, _ROW, clues.UNKNOWN_TAG),
    Rule("P201", "white-space", _I, _ROW, _SPACING),
    Rule("P202", "control-characters", _I, _ROW, clues.ODD_CHARACTER),
    Rule("P203", "quotes", _I, _ROW, clues.CURLY),
    Rule("P204", "entities", _I, _ROW, clues.AMPERSAND),
    Rule("P301", "prompt-length", _I, _ROW, clues.ODD_LENGTH),
    Rule("P302", "technical-text", _I, _ROW, clues.PROMPT),
    Rule("P401", "negative-tags", _W, _ROW, clues.NEGATIVE),
    Rule("P402", "negative-mixed", _W, _ROW, clues.NEGATIVE),
    Rule("S101", "unclosed-speech", _E, _ROW, clues.UNCLOSED_SPEECH),
    Rule("S102", "unopened-speech", _E, _ROW, clues.UNOPENED_SPEECH),
    Rule("S103", "nested-speech", _E, _ROW, clues.NESTED_SPEECH),
    Rule("S104", "crossed-tags", _E, _ROW, clues.CROSSED_TAGS),
    Rule("S105", "empty-speech", _W, _ROW, clues.EMPTY_SPEECH),
    Rule("S201", "no-speech", _I, _ROW, clues.NO_SPEECH),
    Rule("S202", "no-speaker", _I, _ROW, clues.SPEECH),
    Rule("S203", "untagged-dialogue", _W, _ROW, _QUOTING),
    Rule("S204", "unspeakable", _W, _ROW, clues.ODD_WORDS),
    Rule("S205", "stage-direction", _I, _ROW, clues.BRACKET),
    Rule("S206", "script", _I, _ROW, clues.BEYOND_LATIN),
    Rule("A101", "unbalanced-caption", _E, _ROW, clues.UNBALANCED_CAPTION),
    Rule("A102", "two-captions", _E, _ROW, clues.SECOND_CAPTION),
    Rule("A103", "caption-not-last", _W, _ROW, clues.TEXT_AFTER_CAPTION),
    Rule("A104", "caption-in-speech", _E, _ROW, clues.CAPTION_IN_SPEECH),
    Rule("A105", "caption-spelling", _W, _ROW, clues.ODD_PREFIX),
    Rule("A106", "empty-caption", _W, _ROW, clues.EMPTY_CAPTION),
    Rule("A201", "no-caption", _W, _ROW, clues.NO_CAPTION),
    Rule("A202", "caption-length", _I, _ROW, clues.ODD_CAPTION),
    Rule("F101", "wrong-caption-form", _W, _ROW, clues.FOREIGN_CAPTION),
    Rule("F102", "speech-too-long", _W, _ROW, clues.SPEECH),
    Rule("F103", "speech-line-too-long", _W, _ROW, clues.LONG_LINE),
    Rule("F104", "too-many-lines", _W, _ROW, clues.MANY_LINES),
    Rule("F105", "too-many-tokens", _E, _ROW, clues.LONG),
    Rule("F201", "size-not-exact", _W, _ROW, clues.OTHER_CELLS),
    Rule("F301", "mode-needs-image", _E, _ROW, clues.OTHER_CELLS),
    Rule("F302", "image-unused", _W, _ROW, clues.OTHER_CELLS),
    Rule("F303", "variant-mismatch", _W, _ROW, clues.OTHER_CELLS),
    Rule("I101", "image-missing", _E, _ROW, clues.IMAGE),
    Rule("I102", "image-unreadable", _E, _ROW, clues.IMAGE),
    Rule("I103", "image-outside", _E, _ROW, clues.IMAGE),
    Rule("I201", "image-orientation", _W, _ROW, clues.IMAGE),
    Rule("I202", "image-alpha", _W, _ROW, clues.IMAGE),
    Rule("I203", "image-animated", _W, _ROW, clues.IMAGE),
    Rule("I204", "image-small", _W, _ROW, clues.IMAGE),
    Rule("I205", "image-shape", _W, _ROW, clues.IMAGE),
    Rule("C101", "missing-column", _E, _FILE, clues.NO_TEXT_COLUMN),
    Rule("C102", "near-column", _E, _FILE, clues.NO_TEXT_COLUMN | clues.NO_IMAGE_COLUMN),
    Rule("C103", "encoding", _E, _ROW, clues.ODD_CHARACTER),
    Rule("C104", "delimiter", _I, _FILE, clues.ODD_DELIMITER),
    Rule("C105", "bom", _I, _FILE, clues.ODD_ENCODING),
    Rule("C106", "ragged-row", _W, _ROW, clues.RAGGED),
    Rule("C107", "empty-row", _E, _ROW, clues.NO_PROMPT),
    Rule("C108", "unreadable-file", _E, Kind.ERROR, 0),
    Rule("C201", "duplicate-row", _W, _SET, clues.PROMPT),
    Rule("C202", "same-output", _W, _SET, clues.MORE_COLUMNS),
)

_BY_NAME = {key: rule for rule in RULES for key in (rule.code, rule.name)}


def rule_named(name: str) -> Rule:
    """The rule of that code or name. Raises UsageError that offers the nearest."""
    try:
        return _BY_NAME[name.upper()] if name.upper() in _BY_NAME else _BY_NAME[name.lower()]
    except KeyError:
        raise _no_rule(name) from None


def selected(select: Sequence[str], ignore: Sequence[str]) -> tuple[Rule, ...]:
    """The rules that the user wants: those of `select` (empty: all) without those of `ignore`.

    Both hold names, codes, or beginnings of codes. Where both apply to a rule, the longer, that is
    the more exact, wins; of equals, `ignore`. Raises UsageError for what names no rule.
    """
    for name in (*select, *ignore):
        if not any(_exactness(rule, name) for rule in RULES):
            raise _no_rule(name)
    chosen = []
    for rule in RULES:
        wanted = max((_exactness(rule, name) for name in select), default=1)
        unwanted = max((_exactness(rule, name) for name in ignore), default=0)
        if wanted > unwanted:
            chosen.append(rule)
    return tuple(chosen)


def is_ignored(rule: Rule, ignore: Iterable[str]) -> bool:
    """True if one of the names, codes or beginnings of codes means the rule."""
    return any(_exactness(rule, name) for name in ignore)


def _exactness(rule: Rule, name: str) -> int:
    """How exactly a name means the rule; 0 if it does not."""
    if name.lower() == rule.name:
        return 100
    if name.upper() == "ALL":
        return 1
    return 1 + len(name) if name and rule.code.startswith(name.upper()) else 0


def _no_rule(name: str) -> UsageError:
    import difflib  # only the few who need it pay for it

    near = difflib.get_close_matches(name.lower(), [rule.name for rule in RULES], n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return UsageError(
        f"There is no rule {name!r}.{hint} `ovi rule` lists all; a beginning of codes such as S1 "
        "names several."
    )
