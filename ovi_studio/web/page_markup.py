"""Builds HTML in which every text is escaped: nothing a user wrote can become a tag.

`Markup` is text that is HTML already, and only `tag` and `join` make it. Whatever else is put into
a page, a prompt, a file name, a line of a log, is shown as it is written.
"""

import html
from collections.abc import Iterable

from ovi_studio.actions.clip_pictures import STRIP_FRAMES

VOID = frozenset({"img", "br", "input", "source"})
"""Elements without an end."""


class Markup(str):
    """HTML that is safe to show."""

    __slots__ = ()


Child = str | Markup | int | float | None
"""What may stand in an element; None is left out."""


def tag(name: str, *children: Child, **attributes: str | int | float | bool | None) -> Markup:
    """An element. `class_` is class, `data_act` is data-act; True is a bare attribute, None or
    False none at all.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Markup:
    """Elements and texts behind each other."""
    return Markup("".join(_shown(child) for child in children if child is not None))


def button(
    label: Child, act: str, *, ask: str | None = None, kind: str = "", is_off: bool = False,
    **data: str | int,
) -> Markup:  # fmt: skip
    """A button that tells the page what was pressed: `act` and the data. `ask` is asked first."""
    named = {f"data_{key}": value for key, value in data.items()}
    return tag(
        "button", label, type="button", class_=f"ovi-button {kind}".strip(), data_act=act,
        data_ask=ask, disabled=is_off, **named,
    )  # fmt: skip


def film(strip: str, shape: tuple[int, int]) -> Markup:
    """A frame of a clip, which moves under the pointer: its strip of frames behind a window.

    `strip` is the address of the strip, `shape` height and width of a frame.
    """
    style = f"aspect-ratio:{shape[1]}/{shape[0]};--frames:{STRIP_FRAMES};"
    return tag("span", style=f"{style}background-image:url('{strip}')", class_="film")


def counted(number: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


CLICKS = """
element.addEventListener('click', (event) => {
  const pressed = event.target.closest('[data-act]');
  if (!pressed || pressed.disabled) return;
  event.preventDefault();
  if (pressed.dataset.ask && !window.confirm(pressed.dataset.ask)) return;
  trigger('click', Object.assign({}, pressed.dataset));
});
"""
"""Script of every part of the page that holds such buttons; the event's data is what they carry."""


def read_click(event: object) -> dict[str, str]:
    """What a pressed button carried. Whoever calls must check it: a browser may send anything."""
    data = getattr(event, "_data", None)
    if not isinstance(data, dict):
        return {}
    return {str(key): value for key, value in data.items() if isinstance(value, str)}


def _shown(child: Child) -> str:
    return child if isinstance(child, Markup) else html.escape(_plain(str(child)))


def _plain(text: str) -> str:
    """Without the characters that no page can hold: halves of a pair, and nulls."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _attribute(key: str, value: str | int | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(_plain(str(value)))}"'
