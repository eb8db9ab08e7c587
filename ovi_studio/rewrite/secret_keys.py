"""Keeps keys out of everything that is written or shown: the one place where they are hidden."""

import base64
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

HIDDEN = "(hidden key)"

MIN_CHARACTERS = 8
"""Shorter "keys" such as `none` are no secrets, and would be hidden out of ordinary words."""

MIN_LETTERS = 16
"""Keys with fewer letters and digits are looked for as they are only, not with signs strewn in."""

_BEARER = re.compile(
    r"(Bearer\s+|api[-_]key\W{1,4})(?=[\w.~+/=-]*\d)[\w.~+/=-]{16,}", re.IGNORECASE
)
"""Keys of others, as servers like to quote them; a ring bearer is no such thing."""


class Secrets:
    """The keys of this run. What goes to a file, a screen or an error passes through `hide`."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        keys = [key for key in keys if len(key) >= MIN_CHARACTERS]
        self._plain = tuple(_letters(key) for key in keys if len(_letters(key)) >= MIN_LETTERS)
        forms = {form for key in keys for form in _forms(key)}
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __repr__(self) -> str:
        return "Secrets()"

    def hide(self, text: str) -> str:
        """The text without any key, however it is encoded."""
        if self._pattern is not None:
            text = self._pattern.sub(HIDDEN, text)
        return _BEARER.sub(lambda match: f"{match[1]}{HIDDEN}", text)

    def hide_in(self, value: Any) -> Any:
        """The same for a value of JSON, in all its texts and names."""
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, dict):
            return {self.hide(str(name)): self.hide_in(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.hide_in(inner) for inner in value]
        return value

    def are_in(self, text: str) -> bool:
        """True if a key can be read out of the text, even with other signs strewn in."""
        letters = _letters(text)
        return any(key in letters for key in self._plain) or (
            self._pattern is not None and self._pattern.search(text) is not None
        )


def _letters(text: str) -> str:
    return "".join(c for c in text if c.isascii() and c.isalnum()).lower()


def _forms(key: str) -> set[str]:
    data = key.encode("utf-8", "surrogatepass")
    encoded = base64.b64encode(data).decode().rstrip("=")
    return {key, quote(key, safe=""), encoded, data.hex(), key[::-1]}
