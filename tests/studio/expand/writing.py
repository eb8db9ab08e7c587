"""Makes pattern texts for tests, and wildcards that need no files."""

import re

from hypothesis import strategies as st

from ovi_studio.expand.errors import ExpansionError
from ovi_studio.expand.grammar import read_entry


def escape(text: str) -> str:
    """A pattern for exactly this text."""
    return re.sub(r"[\\{}|_$:#]", r"\\\g<0>", text)


class Entries:
    """Wildcards from a dictionary."""

    def __init__(self, **entries: list[str]) -> None:
        self._entries = entries

    def options(self, name, nesting):
        if name not in self._entries:
            raise ExpansionError(f"no wildcard {name}")
        return [read_entry(entry, self, nesting) for entry in self._entries[name]]


NO_WILDCARDS = Entries()

any_text = st.text(st.sampled_from(list("ab{}|_$:\\ 012-#<S>é,.")), max_size=40) | st.text(
    max_size=30
)
"""Texts full of what means something in a pattern."""

_words = st.text(st.sampled_from("abc <>é"), max_size=4)
_weights = st.sampled_from(["", "", "2::", "0.5::", ".25::"])


def _alternatives(inner):
    options = st.lists(st.tuples(_weights, inner).map("".join), min_size=1, max_size=4)
    return options.map(lambda parts: "{" + "|".join(parts) + "}")


def _picks(inner):
    number = st.sampled_from(["1$$", "2$$", "0-2$$", "1-2$$ and $$", "-2$$", "2-$$/$$", "9$$"])
    options = st.lists(inner, min_size=1, max_size=3)
    return st.tuples(number, options).map(lambda p: "{" + p[0] + "|".join(p[1]) + "}")


pattern_text = st.recursive(
    _words | _words.map(escape) | st.sampled_from([r"\{", r"\|", r"\}", r"\\", "__w__"]),
    lambda inner: _alternatives(inner) | _picks(inner) | st.lists(inner, max_size=3).map("".join),
    max_leaves=8,
)
"""Well-formed patterns, over the wildcard `w`."""
