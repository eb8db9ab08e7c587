"""Colours of the theme for text that is put together by hand."""

from collections.abc import Mapping

from rich.color import Color as RichColor
from rich.style import Style
from textual.color import Color, ColorParseError


def theme_style(
    variables: Mapping[str, str],
    colour: str = "",
    ground: str = "",
    *,
    bold: bool = False,
    underline: bool = False,
) -> Style:
    """A style from the names of theme variables; what a theme does not name stays plain."""
    return Style(
        color=_rich(variables, colour),
        bgcolor=_rich(variables, ground),
        bold=bold or None,
        underline=underline or None,
    )


def _rich(variables: Mapping[str, str], name: str) -> RichColor | None:
    try:
        return Color.parse(variables[name]).rich_color if name in variables else None
    except ColorParseError:  # such as `auto 60%`, which depends on what lies behind
        return None
