"""The four themes of the studio: dark, light, high contrast, and the terminal's own colours.

Beside the usual colours each has those of a prompt: `$prompt-tag`, `$prompt-speech`,
`$prompt-audio`, `$finding-error`, `$finding-warning`, `$finding-info`. Textual's other themes get
them from their own colours.
"""

from collections.abc import Mapping

from textual.theme import BUILTIN_THEMES, Theme

DEFAULT_THEME = "dark"
PLAIN_THEME = "terminal"
"""The terminal's own 16 colours."""

PROMPT_COLOURS: Mapping[str, str] = {
    "prompt-tag": "#a08cff",
    "prompt-speech": "#7fd88f",
    "prompt-audio": "#ffb86b",
    "finding-error": "#ff5c57",
    "finding-warning": "#ffcc66",
    "finding-info": "#6cb6ff",
}
"""For themes that name none, on a dark ground."""

PROMPT_COLOURS_ON_LIGHT: Mapping[str, str] = {
    "prompt-tag": "#6a3fd0",
    "prompt-speech": "#1d7a36",
    "prompt-audio": "#a85400",
    "finding-error": "#c62828",
    "finding-warning": "#8a6100",
    "finding-info": "#0b63b5",
}

_DARK = Theme(
    name="dark",
    primary="#7aa2f7",
    secondary="#5f7fbf",
    accent="#f7b267",
    warning="#ffcc66",
    error="#ff6b6b",
    success="#7fd88f",
    foreground="#d8dee9",
    background="#12151c",
    surface="#1a1f29",
    panel="#232a37",
    dark=True,
    variables={
        **PROMPT_COLOURS,
        "scrollbar": "#3a465c",
        "scrollbar-hover": "#5f7fbf",
        "scrollbar-background": "#1a1f29",
        "scrollbar-corner-color": "#1a1f29",
    },
)
_LIGHT = Theme(
    name="light",
    primary="#2257b8",
    secondary="#4a6fa8",
    accent="#b3541e",
    warning="#8a6100",
    error="#c62828",
    success="#1d7a36",
    foreground="#1f2430",
    background="#fafafa",
    surface="#f0f1f4",
    panel="#e2e5eb",
    dark=False,
    variables=dict(PROMPT_COLOURS_ON_LIGHT),
)
_CONTRAST = Theme(
    name="contrast",
    primary="#ffff00",
    secondary="#00ffff",
    accent="#ffff00",
    warning="#ffaf00",
    error="#ff8080",
    success="#00ff5f",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#303030",
    dark=True,
    luminosity_spread=0.3,
    text_alpha=1.0,
    variables={
        "prompt-tag": "#ff87ff",
        "prompt-speech": "#00ff5f",
        "prompt-audio": "#ffd700",
        "finding-error": "#ff8080",
        "finding-warning": "#ffaf00",
        "finding-info": "#87d7ff",
        "text-muted": "#ffffff",
        "text-disabled": "#c0c0c0",
        "border": "#ffffff",
        "border-blurred": "#c0c0c0",
        "block-cursor-background": "#ffff00",
        "block-cursor-foreground": "#000000",
        "footer-key-foreground": "#ffff00",
        "input-selection-background": "#0000d7",
    },
)
_TERMINAL_COLOURS = {
    "prompt-tag": "ansi_magenta",
    "prompt-speech": "ansi_green",
    "prompt-audio": "ansi_yellow",
    "finding-error": "ansi_red",
    "finding-warning": "ansi_yellow",
    "finding-info": "ansi_cyan",
}


def _terminal() -> Theme:
    """Textual's theme for the terminal's sixteen colours, with those of a prompt."""
    from dataclasses import replace

    base = BUILTIN_THEMES["ansi-dark"]
    return replace(base, name="terminal", variables={**base.variables, **_TERMINAL_COLOURS})


def studio_themes() -> list[Theme]:
    """The studio's own themes, the default first."""
    return [_DARK, _LIGHT, _CONTRAST, _terminal()]


def theme_names() -> list[str]:
    """Every theme that can be chosen: ours first, then Textual's."""
    ours = [theme.name for theme in studio_themes()]
    return [*ours, *(name for name in BUILTIN_THEMES if name not in ours)]


def prompt_colours(theme: Theme) -> Mapping[str, str]:
    """The colours of a prompt for a theme that does not name them."""
    if theme.ansi:
        return _TERMINAL_COLOURS
    return PROMPT_COLOURS if theme.dark else PROMPT_COLOURS_ON_LIGHT


def theme_after(name: str) -> str:
    """The next of our own themes; the first after one of Textual's."""
    ours = [theme.name for theme in studio_themes()]
    return ours[(ours.index(name) + 1) % len(ours)] if name in ours else ours[0]
