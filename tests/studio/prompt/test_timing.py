"""Speech takes as long as it takes: against a synthesiser, by language, and in odd text."""

import csv
import json
import os
from pathlib import Path
from statistics import mean

import pytest
from hypothesis import given, settings

from ovi.spec.variants import VARIANTS
from ovi_studio.prompt.parse import parse_prompt
from ovi_studio.prompt.timing import PACE, count_sounds, time_prompt, time_speech
from tests.studio.prompt.strategies import any_texts

SPOKEN = json.loads((Path(__file__).parents[2] / "fixtures" / "spoken_seconds.json").read_text())
"""Sentences with their length as espeak-ng 1.51 says them at its normal rate."""


def error(row):
    return abs(time_speech(row["text"]).relaxed_seconds / row["seconds"] - 1)


def test_english_is_timed_within_a_few_percent_of_synthesised_speech():
    errors = [error(row) for row in SPOKEN if row["voice"] == "en-us"]
    assert len(errors) > 15
    assert mean(errors) < 0.08
    assert max(errors) < 0.25


@pytest.mark.parametrize("voice", sorted({row["voice"] for row in SPOKEN} - {"en-us"}))
def test_other_languages_are_timed_within_a_quarter(voice):
    assert max(error(row) for row in SPOKEN if row["voice"] == voice) < 0.25


@pytest.mark.parametrize(("text", "sounds"), [
    ("", 0),
    ("...", 0),
    ("cat", 3),
    ("late", 3),
    ("the bottle", 2 + 5),
    ("which", 3),
    ("NASA", 4),
    ("BBC", 6),
    ("27", 10),
    ("5%", 11),
    ("über", 4),
    ("ja\u0308hrlich", 7),
])  # fmt: skip
def test_sounds_of_words_numbers_and_signs(text, sounds):
    assert count_sounds(text) == pytest.approx(sounds)


def test_japanese_ideographs_take_longer_than_chinese():
    assert count_sounds("来年") < count_sounds("来年も") - count_sounds("も")


def test_pauses_count_inside_a_line_only():
    plain = time_speech("Wait here").relaxed_seconds
    assert time_speech("Wait here...!").relaxed_seconds == plain
    assert time_speech("Wait. Here").relaxed_seconds == pytest.approx(plain + 0.6)
    assert time_speech("Wait... Here").relaxed_seconds == pytest.approx(plain + 0.6)
    assert time_speech("Wait, here").relaxed_seconds == pytest.approx(plain + 0.27)
    assert time_speech("Wait — here").relaxed_seconds == pytest.approx(plain + 0.27)
    assert (
        time_speech("你来了。我等").relaxed_seconds
        > time_speech("你来了我等").relaxed_seconds + 0.5
    )


def test_stage_directions_and_tags_are_not_spoken():
    assert time_speech("[soft whisper] Hello (smiling) <b>") == time_speech("Hello")


def test_a_prompt_takes_the_time_of_its_lines():
    times = time_prompt(parse_prompt("A says <S>One two.<E> B says <S>Three.<E>"))
    assert [line.relaxed_seconds for line in times.lines] == [
        time_speech("One two.").relaxed_seconds,
        time_speech("Three.").relaxed_seconds,
    ]
    assert times.total.relaxed_seconds == pytest.approx(
        sum(line.relaxed_seconds for line in times.lines)
    )
    assert times.total.seconds == pytest.approx(PACE * times.total.relaxed_seconds)
    assert time_prompt(parse_prompt("nothing said")).total.seconds == 0


@settings(max_examples=200)
@given(any_texts)
def test_any_text_has_a_time(text):
    time = time_speech(text)
    assert 0 <= time.seconds <= time.relaxed_seconds < 5 * len(text) + 1


@pytest.mark.parametrize("piece", [".", "! ", "-", " - ", "<", "[", "(", "a", "1", "é", "a'"])
def test_long_repetitions_are_read(piece):
    """A pattern that tries every end for every start would not come back from this."""
    assert time_speech(piece * 200_000).seconds >= 0


@pytest.mark.skipif("OVI_PUBLISHED_PROMPTS" not in os.environ, reason="names a folder of CSV sets")
def test_published_speech_fits_its_clip():
    shares = []
    for path in Path(os.environ["OVI_PUBLISHED_PROMPTS"]).glob("*.csv"):
        variant = VARIANTS["960x960_10s" if "10s" in path.name else "720x720_5s"]
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                total = time_prompt(parse_prompt(row["text_prompt"])).total
                shares.append(total.seconds / variant.audio_seconds)
    assert 0.85 < max(shares) < 1
