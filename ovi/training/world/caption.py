"""Writes what a scene shows and says in the published prompt language, in one of many wordings."""

import random
from collections.abc import Mapping

from ovi.training.world.scene import FaceScene, Scene, ShapeScene
from ovi.training.world.wordings import (
    FACE_PLACES,
    FACE_SENTENCES,
    HATS,
    MOTIONS,
    PERSONS,
    PLACES,
    SAYS,
    SHAPE_SENTENCES,
    SIZES,
    SOUNDS,
    THUDS,
    VOICES,
    Phrases,
    Wordings,
)

TAGGED_SHARE = 0.15
"""Of captions with `<AUDCAP>...<ENDAUDCAP>` instead of `Audio: ...`; the judge's have none."""
SILENT_CAPTION_SHARE = 0.05
"""Of captions that do not tell the sound; the judge's all do."""
WRITTEN_AS_SENTENCE_SHARE = 0.25
"""Of captions whose speech has a capital letter and a full stop."""

_SILENT_MOTIONS = ("spin", "still")


def write_caption(scene: Scene, seed: int, *, wordings: Wordings = Wordings.SEEN) -> str:
    """A caption of a scene; the seed chooses the wording. Equal arguments, equal captions."""
    # Not the bare seed, from which the scene itself may have been drawn.
    writer = _Writer(random.Random(f"caption {seed}"), wordings)
    if isinstance(scene, ShapeScene):
        key = "silence" if scene.motion in _SILENT_MOTIONS else scene.motion.split(" ")[0]
        heard = writer.one_of(SOUNDS[key]).format(thud=THUDS[scene.size])
        return writer.sentence_of_shape(scene) + writer.sound(heard)
    heard = writer.one_of(VOICES).format(person=scene.voice)
    return writer.sentence_of_face(scene) + writer.sound(heard)


class _Writer:
    """Draws phrases for one caption."""

    def __init__(self, draw: random.Random, wordings: Wordings) -> None:
        self._draw = draw
        self._wordings = wordings

    def one_of(self, phrases: Phrases) -> str:
        return self._draw.choice(phrases.of(self._wordings))

    def sentence_of_shape(self, scene: ShapeScene) -> str:
        size = self.one_of(SIZES[scene.size])
        blanks = {
            "a": _with_article(" ".join(filter(None, (size, scene.colour, scene.shape)))),
            "motion": self.one_of(MOTIONS[scene.motion]),
            "place": self.one_of(PLACES).format(background=scene.background),
            "background": scene.background,
        }
        return _fill(self.one_of(SHAPE_SENTENCES), blanks)

    def sentence_of_face(self, scene: FaceScene) -> str:
        hat = "" if scene.hat is None else self.one_of(HATS).format(hat=scene.hat)
        length = "long" if scene.voice == "woman" else "short"
        person = self.one_of(PERSONS).format(
            skin=scene.skin, person=scene.voice, hair=scene.hair, length=length, hat=hat
        )
        blanks = {
            "a": person,
            "says": self.one_of(SAYS).format(words=self._spoken(scene.words)),
            "place": self.one_of(FACE_PLACES).format(background=scene.background),
            "background": scene.background,
            "pronoun": "She" if scene.voice == "woman" else "He",
        }
        return _fill(self.one_of(FACE_SENTENCES), blanks)

    def sound(self, heard: str) -> str:
        """The audio caption, with a blank before it; or nothing."""
        text = _capitalised(heard) + "."
        form = self._draw.random()
        if self._wordings is Wordings.UNSEEN:
            return f" Audio: {text}"
        if form < SILENT_CAPTION_SHARE:
            return ""
        if form < SILENT_CAPTION_SHARE + TAGGED_SHARE:
            return f" <AUDCAP>{text}<ENDAUDCAP>"
        return f" Audio: {text}"

    def _spoken(self, words: tuple[str, ...]) -> str:
        text = " ".join(words)
        if self._wordings is Wordings.SEEN and self._draw.random() < WRITTEN_AS_SENTENCE_SHARE:
            return _capitalised(text) + "."
        return text


def _fill(template: str, blanks: Mapping[str, str]) -> str:
    """The template with its blanks filled; every sentence begins with a capital letter."""
    sentences = template.format(**blanks).split(". ")
    return ". ".join(_capitalised(sentence) for sentence in sentences)


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
