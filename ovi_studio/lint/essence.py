"""What stays of a prompt when all that safe fixes may change is taken away: its words, in order.

White space, quotation marks, entities, the spelling of tags, and the form and place of the caption
do not count: two prompts with one essence are rendered alike once they are mended.
"""

from ovi_studio.lint.text_hygiene import plain
from ovi_studio.prompt.model import Prompt, SegmentKind

_SPEECH = "|"
"""Stands for a speech in the scene, and between the parts of a list."""


def essence_of(prompt: Prompt) -> str:
    """Equal for prompts that differ in nothing but dress."""
    scene: list[str] = []
    speeches: list[str] = []
    all_speeches = iter(prompt.speeches)
    for segment in prompt.segments:
        if segment.kind is SegmentKind.SCENE:
            scene.append(segment.span.of(prompt.text))
        elif segment.kind is SegmentKind.SPEECH and (words := next(all_speeches).text.strip()):
            scene.append(_SPEECH)
            speeches.append(words)
    captions = [caption.text for caption in prompt.captions if caption.text]
    essence = "||".join(["".join(scene), _SPEECH.join(speeches), _SPEECH.join(captions)])
    is_plain = prompt.text.isascii() and prompt.text.isprintable()
    if "&" in essence:
        is_plain = False
        import html  # a large table, and only for those who use entities

        essence = html.unescape(html.unescape(essence))
    if is_plain:
        return essence.replace(" ", "")
    return "".join(plain(essence).split())
