"""The gallery on the page: clips of the project, their recipes, stars, tags and notes."""

import threading
from collections.abc import Sequence

from ovi_studio.actions.library import ClipLibrary, LibraryClip, SettingsChange, recipe_lines
from ovi_studio.errors import UsageError
from ovi_studio.web.context import WebContext
from ovi_studio.web.page_links import clip_download, clip_link
from ovi_studio.web.page_markup import Markup, button, counted, film, join, tag

PAGE_CLIPS = 24
"""Clips on one page of the gallery."""


class SharedLibrary:
    """The clips of the project, for as many browsers as there are."""

    def __init__(self, context: WebContext) -> None:
        self._library = ClipLibrary(context.layout)
        self._lock = threading.Lock()

    def clips(self) -> list[LibraryClip]:
        """All clips, newest first."""
        with self._lock:
            return self._library.clips()

    def clip(self, identity: str) -> LibraryClip:
        """The clip of that identity. Raises UsageError if it is not there."""
        for clip in self.clips():
            if clip.identity == identity:
                return clip
        raise UsageError("This clip is not there any more.")

    def press(self, act: str, clip: LibraryClip, text: str = "") -> str | None:
        """Does what a button says; returns what to tell. Raises StudioError."""
        library = self._library
        with self._lock:
            if act == "clip-star":
                return library.star(clip, not clip.is_starred)
            if act == "clip-tag":
                return library.tag(clip, text)
            if act == "clip-untag":
                return library.untag(clip, text)
            if act == "clip-note":
                return library.note(clip, text)
            if act == "clip-trash":
                library.trash(clip)
                return f"{clip.name} is in the trash: ovi clips restore brings it back."
            if act == "clip-row":
                change = library.use(clip)
                return _what_changed(change)
        raise UsageError("There is no such button. Load the page anew.")


ACTS = ("clip-star", "clip-untag", "clip-trash", "clip-row")
"""What buttons about the clip that is shown can do."""


def find_clips(clips: Sequence[LibraryClip], words: str, *, starred: bool) -> list[LibraryClip]:
    """Those in whose prompt, name, note, tags or variant every word stands."""
    wanted = words.casefold().split()
    return [
        clip
        for clip in clips
        if (clip.is_starred or not starred) and all(word in _words_of(clip) for word in wanted)
    ]


def show_gallery(clips: Sequence[LibraryClip], page: int, chosen: str) -> Markup:
    """One page of clips, counted from 0."""
    if not clips:
        return tag("p", "No clips here yet.", class_="ovi-empty")
    num_pages = -(-len(clips) // PAGE_CLIPS)
    page = max(0, min(page, num_pages - 1))
    shown = clips[page * PAGE_CLIPS : (page + 1) * PAGE_CLIPS]
    turn = tag(
        "div", tag("span", counted(len(clips), "clip"), class_="ovi-sub"),
        tag("div", button("‹ newer", "turn", page=page - 1, is_off=page == 0, kind="quiet"),
            tag("span", f"{page + 1} of {num_pages}", class_="ovi-sub"),
            button("older ›", "turn", page=page + 1, is_off=page == num_pages - 1, kind="quiet"),
            class_="ovi-actions") if num_pages > 1 else None,
        class_="ovi-line",
    )  # fmt: skip
    cards = [_card(clip, clip.identity == chosen) for clip in shown]
    return join([turn, tag("div", *cards, class_="ovi-clips")])


def show_clip(clip: LibraryClip) -> Markup:
    """One clip to play, with everything known of it."""
    star = "★ Starred" if clip.is_starred else "☆ Star"
    actions = [
        button("Use these settings", "clip-use", kind="main"),
        button(star, "clip-star"),
        tag("a", "↓ MP4", href=clip_download(clip.identity), download=True, class_="ovi-button"),
        tag("a", "↓ Recipe", href=clip_download(clip.identity, "recipe"), download=True,
            class_="ovi-button") if clip.recipe is not None else None,
        button("Write into its row", "clip-row",
               ask="Write the seed and settings of this clip into the row it came from?")
        if clip.row_id and clip.set_name not in ("", "prompt") else None,
        button("To the trash", "clip-trash", kind="danger", ask=f"Move {clip.name} to the trash?"),
    ]  # fmt: skip
    tags = [
        tag("span", one, " ", button("×", "clip-untag", text=one, kind="quiet"), class_="ovi-tag")
        for one in clip.tags
    ]
    lines: list[Markup] = []
    if clip.recipe is not None:
        lines = [tag("tr", tag("th", name), tag("td", value)) for name, value in recipe_lines(clip)]
    return tag(
        "div",
        tag("div", tag("video", src=clip_link(clip.identity), controls=True, playsinline=True,
                       preload="auto", aria_label="the clip"), class_="screen"),
        tag("div", tag("strong", clip.name), class_="ovi-caption"),
        tag("p", clip.prompt, class_="ovi-mono") if clip.prompt else None,
        tag("p", clip.note, class_="ovi-note") if clip.note else None,
        tag("div", *tags) if tags else None,
        tag("div", *actions, class_="ovi-actions"),
        tag("p", clip.fault, class_="ovi-bad") if clip.fault else None,
        tag("details", tag("summary", "Recipe"), tag("table", tag("tbody", *lines),
            class_="ovi-recipe"), class_="ovi-recipe") if lines else None,
        class_="ovi-stage", data_clip=clip.identity,
    )  # fmt: skip


def _card(clip: LibraryClip, is_chosen: bool) -> Markup:
    star = tag("span", "★ ", class_="ovi-star") if clip.is_starred else None
    shape = (clip.height, clip.width) if clip.height and clip.width else (1, 1)
    about = [clip.variant, None if clip.seed is None else f"seed {clip.seed}"]
    if clip.height and clip.width:
        about.append(f"{clip.height}×{clip.width}")
    return tag(
        "button",
        tag("span", film(clip_link(clip.identity, "thumbnail"), shape), class_="pic"),
        tag("span", tag("span", star, clip.prompt or clip.name, class_="text"),
            tag("span", ", ".join(one for one in about if one), class_="ovi-sub"),
            tag("span", *(tag("span", one, class_="ovi-tag") for one in clip.tags))
            if clip.tags else None, class_="words"),
        type="button", class_=f"ovi-clip{' chosen' if is_chosen else ''}", data_act="clip-open",
        data_clip=clip.identity,
    )  # fmt: skip


def _what_changed(change: SettingsChange) -> str:
    where = f"row {change.row.row_id} of {change.row.path.stem}"
    if not change.cells:
        return f"{where.capitalize()} says all of it already."
    return " ".join([f"Its settings are in {where} now.", *change.notes])


def _words_of(clip: LibraryClip) -> str:
    parts = (clip.prompt, clip.name, clip.note, clip.variant or "", *clip.tags)
    return " ".join(parts).casefold()
