"""A rule's help: the docstring of its check, taken apart.

The docstring has the summary in its first line, then these headings, each with an indented body:
What it does, Why it matters, Example, Use instead, Fix safety. Behind `Example` and `Use instead`
may stand, in brackets, what the example is checked as: a variant (else `nano`), `csv` for a whole
file (else it is one prompt, whose line breaks stand for blanks), and `escapes` where `\\x` escapes
stand for bytes and characters that cannot be shown.
"""

import inspect
import re
from dataclasses import dataclass

from ovi_studio.lint.rule import Rule

HEADINGS = ("What it does", "Why it matters", "Example", "Use instead", "Fix safety")

_HEADING = re.compile(r"(\S[^()\n]*?)(?: \((.*)\))?")


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the help."""

    heading: str
    options: tuple[str, ...]
    """What stands in brackets behind the heading."""
    body: str
    """Without its indentation."""

    @property
    def is_example(self) -> bool:
        """True if the body is to be shown as it is."""
        return self.heading in ("Example", "Use instead")


@dataclass(frozen=True, slots=True)
class RuleHelp:
    """All that is said about a rule."""

    summary: str
    sections: tuple[Section, ...]
    """In the order of `HEADINGS`."""

    def section(self, heading: str) -> Section:
        """The section of that heading."""
        return next(section for section in self.sections if section.heading == heading)


def help_of(rule: Rule) -> RuleHelp:
    """The help of a rule, from the docstring of its check."""
    summary, *lines = inspect.cleandoc(rule.function.__doc__ or "").splitlines()
    sections: list[Section] = []
    for line in lines:
        if line and not line.startswith(" "):
            match = _HEADING.fullmatch(line)
            assert match is not None, f"{rule.code}: {line!r} is no heading"
            options = tuple((match[2] or "").split(", ")) if match[2] else ()
            sections.append(Section(match[1], options, ""))
        elif sections:
            last = sections[-1]
            sections[-1] = Section(last.heading, last.options, f"{last.body}{line[4:]}\n")
    stripped = (Section(s.heading, s.options, s.body.strip("\n")) for s in sections)
    help_ = RuleHelp(summary, tuple(stripped))
    assert tuple(s.heading for s in help_.sections) == HEADINGS, f"{rule.code}: headings"
    return help_
