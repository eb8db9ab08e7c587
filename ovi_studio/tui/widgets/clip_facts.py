"""What is known of a clip, to be read and scrolled: what the user says, the prompt, the recipe."""

from collections.abc import Mapping
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from ovi_studio.actions.library import LibraryClip, recipe_lines
from ovi_studio.prompt.parse import parse_prompt
from ovi_studio.report.plain import printable, shortened
from ovi_studio.tui.clip_cards import STAR
from ovi_studio.tui.half_blocks import without_ground

MAX_PROMPT_CHARACTERS = 6_000
MAX_SETTINGS = 120
"""Who writes more into a recipe wants to make us slow."""

MAX_VALUE_CHARACTERS = 160


class ClipFacts(VerticalScroll, can_focus=True):
    """The recipe of the clip, and what is said about it."""

    BINDING_GROUP_TITLE = "Recipe"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Scroll down", show=False),
        Binding("k", "scroll_up", "Scroll up", show=False),
    ]
    DEFAULT_CSS = """
    ClipFacts {
        width: 1fr; height: 1fr; padding: 0 1; background: $surface; scrollbar-size-vertical: 1;
        #facts { width: 1fr; height: auto; }
        .clip-facts--name { color: $foreground; text-style: bold; }
        .clip-facts--muted { color: $text-muted; }
        .clip-facts--star { color: $warning; }
        .clip-facts--tag { color: $success; }
        .clip-facts--fault { color: $text-error; }
        .clip-facts--speech { color: $prompt-speech; }
        .clip-facts--caption { color: $prompt-audio; }
    }
    ClipFacts:focus { border-left: outer $primary; padding: 0 0 0 1; }
    """
    _PARTS = ("name", "muted", "star", "tag", "fault", "speech", "caption")
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"clip-facts--{part}" for part in _PARTS}

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._clip: LibraryClip | None = None

    def compose(self) -> ComposeResult:
        yield Static("", id="facts", markup=False)

    def show_clip(self, clip: LibraryClip | None) -> None:
        """Shows another clip, or nothing."""
        is_other = clip is None or self._clip is None or clip.path != self._clip.path
        self._clip = clip
        self._update()
        if is_other:
            self.scroll_home(animate=False)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        if self.is_mounted:
            self._update()

    def _update(self) -> None:
        styles = {
            part: without_ground(self.get_component_rich_style(f"clip-facts--{part}"))
            for part in self._PARTS
        }
        text = Text() if self._clip is None else facts_text(self._clip, styles)
        self.query_one("#facts", Static).update(text)


def facts_text(clip: LibraryClip, styles: Mapping[str, Style]) -> Text:
    """Everything about a clip, signs of strangers made harmless."""
    text = Text()
    text.append(printable(clip.path.name), styles["name"])
    if clip.is_starred:
        text.append(f" {STAR}", styles["star"])
    if clip.tags:
        text.append("\n" + printable(" ".join(f"#{tag}" for tag in clip.tags)), styles["tag"])
    if clip.note:
        text.append("\n✎ ", styles["star"])
        text.append(printable(clip.note))
    if clip.fault is not None:
        text.append("\n" + printable(clip.fault), styles["fault"])
    if clip.prompt:
        text.append("\n\n")
        prompt = parse_prompt(clip.prompt[:MAX_PROMPT_CHARACTERS])
        for part in prompt.segments:
            said = printable(part.span.of(prompt.text))
            text.append(said, styles.get(part.kind.value, Style()))
        left = len(clip.prompt) - MAX_PROMPT_CHARACTERS
        if left > 0:
            text.append(f"… and {left:,} more characters", styles["muted"])
    settings = recipe_lines(clip)
    if settings:
        text.append("\n")
    longest = max((len(name) for name, _ in settings[:20]), default=0)
    for name, value in settings[:MAX_SETTINGS]:
        text.append(f"\n{shortened(name, 40):{min(longest, 16)}}  ", styles["muted"])
        text.append(shortened(value[:1000], MAX_VALUE_CHARACTERS))
    if len(settings) > MAX_SETTINGS:
        text.append(f"\n… and {len(settings) - MAX_SETTINGS:,} more", styles["muted"])
    return text
