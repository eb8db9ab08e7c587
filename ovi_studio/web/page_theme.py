"""How the page looks: its colours and fonts, all of which come from this installation."""

from pathlib import Path
from typing import Any

from gradio.themes import Base
from gradio.themes.utils.colors import Color
from gradio.themes.utils.fonts import LocalFont

STYLE_FILE = Path(__file__).with_name("page.css")

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Cpath d='M16 2c6 0 11 9 11 16a11 11 0 0 1-22 0C5 11 10 2 16 2z' fill='%23f2a33a'/%3E"
    "%3Cpath d='M10 18v2m4-6v10m4-7v4m4-5v6' stroke='%2312151c' stroke-width='2' "
    "stroke-linecap='round'/%3E%3C/svg%3E"
)
"""An egg that speaks."""

YOLK = Color(
    name="yolk", c50="#fff8eb", c100="#fdecc8", c200="#fbdb9a", c300="#f8c668", c400="#f5b44b",
    c500="#f2a33a", c600="#d07f16", c700="#a85f0c", c800="#85490f", c900="#6b3c10", c950="#3d1f05",
)  # fmt: skip

WEIGHTS = (400, 700)
"""Of each font. Gradio's files for weight 600 lack most letters."""

INK = Color(
    name="ink", c50="#fafafa", c100="#f0f1f4", c200="#e2e5eb", c300="#cbd0da", c400="#98a1b3",
    c500="#6b7488", c600="#4d5567", c700="#333a49", c800="#232a37", c900="#1a1f29", c950="#12151c",
)  # fmt: skip
"""The greys of the terminal studio."""


def page_look() -> dict[str, Any]:
    """What `gradio.mount_gradio_app` is to be told about the looks of the page."""
    return {"theme": _theme(), "css_paths": [STYLE_FILE], "head": _HEAD, "js": _ON_LOAD}


_HEAD = f"""
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="{ICON}">
"""

_ON_LOAD = """
() => {
  document.addEventListener('keydown', (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === 'Enter') {
      const render = document.querySelector('#ovi-render');
      if (render) { event.preventDefault(); render.click(); }
    }
  });
}
"""


def _theme() -> Base:
    theme = Base(
        primary_hue=YOLK,
        secondary_hue=YOLK,
        neutral_hue=INK,
        radius_size="md",
        font=(LocalFont("IBM Plex Sans", WEIGHTS), "ui-sans-serif", "system-ui", "sans-serif"),
        font_mono=(LocalFont("IBM Plex Mono", WEIGHTS), "ui-monospace", "monospace"),
    )
    theme.name = "ovi"
    return theme.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        background_fill_primary="white",
        background_fill_primary_dark="*neutral_900",
        background_fill_secondary="*neutral_100",
        background_fill_secondary_dark="*neutral_800",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_color="*neutral_200",
        block_border_color_dark="*neutral_800",
        block_shadow="none",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_border_width="0px",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_300",
        block_title_text_color="*neutral_600",
        block_title_text_color_dark="*neutral_300",
        block_title_text_weight="500",
        block_info_text_color="*neutral_500",
        block_info_text_color_dark="*neutral_400",
        input_background_fill="*neutral_50",
        input_background_fill_dark="*neutral_950",
        input_border_color="*neutral_200",
        input_border_color_dark="*neutral_700",
        input_border_color_focus="*primary_500",
        input_border_color_focus_dark="*primary_500",
        button_primary_background_fill="*primary_500",
        button_primary_background_fill_dark="*primary_500",
        button_primary_background_fill_hover="*primary_400",
        button_primary_background_fill_hover_dark="*primary_400",
        button_primary_text_color="*neutral_950",
        button_primary_text_color_dark="*neutral_950",
        button_secondary_background_fill="*neutral_100",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_background_fill_hover="*neutral_200",
        button_secondary_background_fill_hover_dark="*neutral_700",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_400",
        slider_color="*primary_500",
        slider_color_dark="*primary_500",
    )
