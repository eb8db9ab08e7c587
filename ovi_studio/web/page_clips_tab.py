"""The tab of clips: search, look, play, star, tag, note, and take the settings of one."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ovi.errors import OviError
from ovi_studio.errors import StudioError
from ovi_studio.render.record import read_clip_recipe
from ovi_studio.web.page_clips import ACTS, SharedLibrary, find_clips, show_clip, show_gallery
from ovi_studio.web.page_desk import Desk
from ovi_studio.web.page_events import QUIET, message_of, tell, tells_errors
from ovi_studio.web.page_markup import CLICKS, Markup, read_click, tag

SHOW_CLIP = """() => {
  document.querySelector('#ovi-clip').scrollIntoView({behavior: 'smooth', block: 'nearest'});
}"""
"""On a phone the clip that was chosen is elsewhere than the gallery."""


@dataclass
class ClipsTab:
    """The components of the tab."""

    words: Any
    starred: Any
    gallery: Any
    clip: Any
    page: Any
    """which page of the gallery; hidden"""
    chosen: Any
    """identity of the clip that is shown; hidden"""
    notes: Any
    tag: Any
    note: Any

    @property
    def wanted(self) -> list[Any]:
        """What decides which clips are listed."""
        return [self.words, self.starred, self.page, self.chosen]


def build_clips() -> ClipsTab:
    """The components; `connect_clips` gives them life."""
    with gr.Row(equal_height=False, elem_id="ovi-library"):
        with gr.Column(scale=6, min_width=320):
            with gr.Row():
                words = gr.Textbox(show_label=False, placeholder="Search prompts, tags, notes",
                                   min_width=150, scale=4, elem_id="ovi-search")  # fmt: skip
                starred = gr.Checkbox(False, label="Starred", min_width=125, scale=1)
            gallery = gr.HTML(js_on_load=CLICKS, elem_id="ovi-gallery")
        with gr.Column(scale=4, min_width=320):
            clip = gr.HTML(_nothing(), js_on_load=CLICKS, elem_id="ovi-clip")
            with gr.Column(visible=False) as notes:
                new_tag = gr.Textbox(label="Tag", submit_btn="Add", elem_id="ovi-tag")
                note = gr.Textbox(label="Note", lines=2, submit_btn="Save", elem_id="ovi-note")
    page, chosen = gr.Textbox("0", visible="hidden"), gr.Textbox("", visible="hidden")
    return ClipsTab(words, starred, gallery, clip, page, chosen, notes, new_tag, note)


def connect_clips(library: SharedLibrary, tab: ClipsTab, desk: Desk) -> None:
    """What happens when something in the tab is changed or pressed."""
    shown = [tab.gallery, tab.clip, tab.chosen, tab.notes, tab.note]

    def look(words: str, starred: bool, page: str, chosen: str) -> Markup:
        return gallery_or_error(library, words, starred, page, chosen)

    def search(words: str, starred: bool, chosen: str) -> tuple[Markup, str]:
        return gallery_or_error(library, words, starred, "0", chosen), "0"

    @tells_errors
    def turn(event: gr.EventData, words: str, starred: bool, page: str, chosen: str) -> list[Any]:
        pressed = read_click(event)
        if pressed.get("act") == "turn":
            page = pressed.get("page", "0")
            return [look(words, starred, page, chosen), *[gr.skip()] * 4, page]
        return [*_shown(library, pressed.get("clip", ""), words, starred, page), page]

    @tells_errors
    def press(event: gr.EventData, words: str, starred: bool, page: str, chosen: str) -> list[Any]:
        pressed = read_click(event)
        act, clip = pressed.get("act", ""), library.clip(chosen)
        still = [gr.skip()] * len(desk.outputs)
        if act == "clip-use":
            opened = desk.open_recipe(read_clip_recipe(clip.path))
            return [*opened, *[gr.skip()] * len(shown)]
        if act not in ACTS:
            return [*still, *[gr.skip()] * len(shown)]
        tell(library.press(act, clip, pressed.get("text", "")))
        remains = "" if act == "clip-trash" else chosen
        return [*still, *_shown(library, remains, words, starred, page)]

    def said(act: str) -> Any:
        @tells_errors
        def say(text: str, words: str, starred: bool, page: str, chosen: str) -> list[Any]:
            tell(library.press(act, library.clip(chosen), text))
            return [*_shown(library, chosen, words, starred, page), ""]

        return say

    gr.on([tab.words.change, tab.starred.change], search, [tab.words, tab.starred, tab.chosen],
          [tab.gallery, tab.page], trigger_mode="always_last", **QUIET)  # fmt: skip
    opened = tab.gallery.click(turn, tab.wanted, [*shown, tab.page], **QUIET)
    opened.then(None, None, None, js=SHOW_CLIP, api_visibility="private")
    tab.clip.click(press, tab.wanted, [*desk.outputs, *shown], api_visibility="private",
                   show_progress="hidden")  # fmt: skip
    for field, act in ((tab.tag, "clip-tag"), (tab.note, "clip-note")):
        field.submit(said(act), [field, *tab.wanted], [*shown, tab.tag],
                     api_visibility="private", show_progress="hidden")  # fmt: skip


def gallery_or_error(
    library: SharedLibrary, words: str, starred: bool, page: str, chosen: str
) -> Markup:
    """The gallery, or what keeps it from being shown."""
    try:
        clips = find_clips(library.clips(), words or "", starred=starred)
    except (StudioError, OviError) as error:
        return tag("p", message_of(error), class_="ovi-bad")
    return show_gallery(clips, int(page) if page.isdecimal() and len(page) < 8 else 0, chosen)


def _shown(
    library: SharedLibrary, identity: str, words: str, starred: bool, page: str
) -> list[Any]:
    gallery = gallery_or_error(library, words, starred, page, identity)
    if not identity:
        return [gallery, _nothing(), "", gr.update(visible=False), ""]
    clip = library.clip(identity)
    return [gallery, show_clip(clip), identity, gr.update(visible=True), clip.note]


def _nothing() -> Markup:
    return tag("p", "Choose a clip to play it.", class_="ovi-empty")
