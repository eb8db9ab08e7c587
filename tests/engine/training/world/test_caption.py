"""Captions: the published language, true of the scene, and worded apart for the judge."""

import re

import pytest

from ovi.training.world.caption import write_caption
from ovi.training.world.scene import ShapeScene, Split, sample_scene
from ovi.training.world.wordings import (
    FACE_SENTENCES,
    MOTIONS,
    PERSONS,
    SAYS,
    SHAPE_SENTENCES,
    SOUNDS,
    Wordings,
)

MOST_BYTES = 240
NEW_WORDS = {"moving", "one", "all", "these", "words"}


@pytest.mark.parametrize("wordings", Wordings)
@pytest.mark.parametrize("seed", range(120))
def test_a_caption_tells_what_is_there(seed: int, wordings: Wordings) -> None:
    scene = sample_scene(seed)
    caption = write_caption(scene, seed, wordings=wordings)
    assert caption == write_caption(scene, seed, wordings=wordings)
    assert len(caption.encode()) <= MOST_BYTES
    assert "{" not in caption
    assert "  " not in caption
    if isinstance(scene, ShapeScene):
        assert scene.colour in caption
        assert scene.shape in caption
        assert f"{scene.background} " in caption or f"{scene.background}." in caption
        assert "<S>" not in caption
    else:
        spoken = re.findall(r"<S>(.*?)<E>", caption)
        assert len(spoken) == 1
        assert tuple(spoken[0].lower().strip(".").split()) == scene.words
        assert f"{scene.hair} hair" in caption
        assert scene.skin in caption.lower()
        assert ("hat" in re.sub("that", "", caption)) == (scene.hat is not None)


def test_most_captions_carry_the_sound_in_one_of_two_forms() -> None:
    captions = [write_caption(sample_scene(seed), seed) for seed in range(600)]
    prefixed = [text for text in captions if " Audio: " in text]
    tagged = [text for text in captions if re.search(r"<AUDCAP>.+<ENDAUDCAP>$", text)]
    assert len(prefixed) > 400
    assert 40 < len(tagged) < 160
    assert 0 < 600 - len(prefixed) - len(tagged) < 80
    assert not set(prefixed) & set(tagged)


def test_the_judges_captions_are_always_prefixed() -> None:
    for seed in range(200):
        scene = sample_scene(seed, split=Split.JUDGE)
        assert " Audio: " in write_caption(scene, seed, wordings=Wordings.UNSEEN)


def test_seen_and_unseen_phrases_differ() -> None:
    for phrases in (SHAPE_SENTENCES, FACE_SENTENCES, SAYS, PERSONS, *MOTIONS.values()):
        assert not set(phrases.seen) & set(phrases.unseen)
    for phrases in SOUNDS.values():
        assert not set(phrases.seen) & set(phrases.unseen)


def test_unseen_phrases_hold_five_words_that_training_does_not_show() -> None:
    def words(wordings: Wordings) -> set[str]:
        texts = (write_caption(sample_scene(seed), seed, wordings=wordings) for seed in range(4000))
        return {word for text in texts for word in re.findall(r"[a-z]+", text.lower())}

    assert words(Wordings.UNSEEN) - words(Wordings.SEEN) == NEW_WORDS


def test_wordings_come_equally_often_also_under_the_scenes_own_seed() -> None:
    scenes = (sample_scene(seed, face_share=0.2) for seed in range(4000))
    bounces = [s for s in scenes if isinstance(s, ShapeScene) and s.motion == "bounce"]
    captions = [write_caption(scene, scene.seed) for scene in bounces]
    for phrase in ("thud at every bounce", "thud at each bounce", "thuds."):
        assert sum(phrase in text for text in captions) > 0.25 * len(captions)
