"""How the linter's rules are shown: as a list, one by one, and as the manual `docs/lint.md`."""

from collections.abc import Iterable, Iterator
from typing import Any

from ovi_studio.lint.registry import RULES
from ovi_studio.lint.rule import Rule
from ovi_studio.lint.rule_help import RuleHelp, Section, help_of

_LETTERS = {
    "P": "Prompt text",
    "S": "Speech",
    "A": "Audio caption",
    "F": "Fit to the variant",
    "I": "Image",
    "C": "CSV set",
}

_INTRODUCTION = """\
# Checking prompts

Written by `ovi rule --manual`; do not edit.

`ovi lint` finds what the model could not follow before a GPU is touched, and mends what it can.

    ovi lint                              all sets of the project
    ovi lint prompts/demo.csv --fix       a set; what is safe to mend is mended
    ovi lint "He says <S>hi</S>."         a prompt; --fix writes it to stdout
    ovi lint - --variant 960x960_10s      standard input: a prompt, or a whole CSV file
    ovi lint demo:7 --diff                row 7 of a set; what --fix would change
    ovi lint --select S,A --ignore S2     rules by code, beginning of a code, or name
    ovi lint --watch                      again whenever a set changes
    ovi rule S101                         what a rule is about, with an example

Prompts are checked for the variant and mode that the command line names, else the row (columns
`variant` and `mode`), else the configuration, else `nano`. A row opts out of rules in its column
`ignore`: codes, beginnings of codes, or names, divided by blanks or commas. Where `--select` and
`--ignore` both mean a rule, the more exact of them counts.

**Fixes.** `--fix` applies safe fixes: they change no word of a prompt. `--fix --unsafe-fixes` also
applies guesses at what was meant. A fix is kept only if it brings up nothing new, so fixing twice
is fixing once. In files every other byte stays as it is. Files and pictures have no fixes.

**Exit code.** 0: nothing found, or information only; 1: errors or warnings, or `--diff` shows
changes; 2: the command line is wrong; 130: Ctrl-C. With `--exit-zero`, findings give 0.

**Limits.** For 5 and 10 seconds they come from the 65 published example prompts. Nothing is
published for `nano`; it was trained on one to three words in clips of two seconds.

## The JSON document

`--format json`, or `--json`, writes one document:

```json
{"diagnostics": [
  {"code": "P101", "name": "wrong-closer", "severity": "error",
   "message": "The model does not know </S>: close with <E>.",
   "file": "prompts/demo.csv", "line": 2, "row": "1", "column": 42,
   "span": {"start": 41, "end": 45},
   "fix": {"title": "Write <E>", "safe": true,
           "edits": [{"start": 41, "end": 45, "replacement": "<E>", "cell": "text_prompt"}]}}
], "summary": {"files": 1, "prompts": 1, "errors": 1, "warnings": 0, "infos": 0,
               "fixable": 1, "unsafely_fixable": 0, "fixed": 0}}
```

- `severity`: `error`, `warning` or `info`.
- `file`: as named; `prompt` for a prompt on the command line, `-` for standard input.
- `line`, `column`: the place in the file, from 1, in characters.
- `row`: the stable id of the row (its cell `id`, else its number); null for the file as a whole.
- `span`: characters (code points) of the cell after CSV unquoting, end excluded; null where the
  finding is about the row or the file. The cell is `text_prompt`; for findings about another column
  the message names it.
- `fix`: null, or what would mend it. `edits` do not overlap and count in the cell as it is; `cell`
  is its column.
- `summary`: counts. `fixed` is what `--fix` has mended; the others are what is left.

New keys may be added; those above keep their meaning.

## The rules
"""


def rule_list() -> str:
    """All rules, one a line."""
    widest = max(len(rule.name) for rule in RULES)
    return "\n".join(
        f"{rule.code}  {rule.name:{widest}}  {rule.severity:7}  {help_of(rule).summary}"
        for rule in RULES
    )


def rule_text(rule: Rule) -> str:
    """The help of one rule."""
    help_ = help_of(rule)
    lines = [f"{rule.code} {rule.name} ({rule.severity})", "", help_.summary]
    for section in help_.sections:
        lines += ["", _title(section)]
        lines += [f"    {line}".rstrip() for line in section.body.splitlines()]
    return "\n".join(lines)


def rule_data(rule: Rule) -> dict[str, Any]:
    """The rule as plain JSON values."""
    help_ = help_of(rule)
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity,
        "fix": _fix_word(help_),
        "summary": help_.summary,
        "help": {section.heading: section.body for section in help_.sections},
    }


def manual_text() -> str:
    """All that is to be known about `ovi lint`, in Markdown."""
    return "\n".join([_INTRODUCTION, *_table(RULES), *_chapters(RULES)])


def _table(rules: Iterable[Rule]) -> Iterator[str]:
    yield "| code | name | severity | fix | about |"
    yield "|---|---|---|---|---|"
    for rule in rules:
        help_ = help_of(rule)
        about = help_.summary.rstrip(".").replace("|", "\\|")
        cells = (rule.code, rule.name, rule.severity, _fix_word(help_) or "", about)
        yield f"| {' | '.join(cells)} |"
    yield ""


def _chapters(rules: Iterable[Rule]) -> Iterator[str]:
    letter = ""
    for rule in rules:
        if rule.code[0] != letter:
            letter = rule.code[0]
            yield f"## {letter}: {_LETTERS[letter]}\n"
        help_ = help_of(rule)
        yield f"### {rule.code} {rule.name}\n"
        yield f"{help_.summary}\n"
        for section in help_.sections:
            yield f"**{_title(section)}.**" + ("\n" if section.is_example else "")
            yield f"```text\n{section.body}\n```\n" if section.is_example else f"{section.body}\n"


def _title(section: Section) -> str:
    """The heading, with what the example is checked as."""
    return (
        f"{section.heading} ({', '.join(section.options)})" if section.options else section.heading
    )


def _fix_word(help_: RuleHelp) -> str | None:
    """`safe`, `unsafe`, or None for a rule without fixes."""
    safety = help_.section("Fix safety").body
    if safety.startswith("There is no fix"):
        return None
    return "safe" if safety.startswith("Safe") else "unsafe"
