"""The parser loses nothing, stays linear, and sees what is there."""

import csv
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings

from ovi.spec.variants import AudioForm
from ovi_studio.prompt.model import IrregularityKind as Kind
from ovi_studio.prompt.model import Role, SegmentKind, Spelling
from ovi_studio.prompt.parse import parse_prompt
from tests.studio.prompt.strategies import any_texts


def kinds(text):
    return [found.kind for found in parse_prompt(text).irregularities]


@settings(max_examples=300)
@given(any_texts)
def test_segments_joined_are_the_text(text):
    prompt = parse_prompt(text)
    assert "".join(s.span.of(text) for s in prompt.segments) == text
    assert all(s.span.start < s.span.end for s in prompt.segments)
    position = 0
    for segment in prompt.segments:
        assert segment.span.start == position
        position = segment.span.end


@settings(max_examples=300)
@given(any_texts)
def test_every_value_says_what_the_text_says_at_its_place(text):
    prompt = parse_prompt(text)
    end = 0
    for mark in prompt.marks:
        assert mark.span.of(text) == mark.text
        assert mark.span.start >= end
        assert len(mark.span) > 0
        end = mark.span.end
        assert mark.is_exact == (mark.text == mark.canonical and mark.role is not Role.UNKNOWN)
    for speech in prompt.speeches:
        assert speech.text_span.of(text) == speech.text
        assert speech.opening.span.start == speech.span.start
    for caption in prompt.captions:
        assert caption.text_span.of(text).strip() == caption.text
    segments = [s.span for s in prompt.segments if s.kind is SegmentKind.SPEECH]
    assert segments == [s.span for s in prompt.speeches]
    segments = [s.span for s in prompt.segments if s.kind is SegmentKind.CAPTION]
    assert segments == [c.span for c in prompt.captions]
    for found in prompt.irregularities:
        assert 0 <= found.span.start < found.span.end <= len(text)


@settings(max_examples=300)
@given(any_texts)
def test_exact_tags_are_always_marks(text):
    """Nothing exact is dropped, whatever stands around it."""
    marks = parse_prompt(text).marks
    for tag in ("<S>", "<E>", "<AUDCAP>", "<ENDAUDCAP>", "Audio:"):
        assert text.count(tag) == sum(mark.text == tag for mark in marks)


@pytest.mark.parametrize("regular", [
    "",
    "A dog runs.",
    "He says, <S>Hi.<E>",
    "He says, <S>Hi.<E>. She says, <S>Ho.<E> Audio: two voices",
    "He says, <S>Hi.<E> <AUDCAP>one voice<ENDAUDCAP>",
    "Audio: rain\n\nand wind",
    "A sign: five < six > four; ratio 3:4 at 10:30, the radio: on.",
])  # fmt: skip
def test_regular_prompts_have_no_irregularities(regular):
    prompt = parse_prompt(regular)
    assert prompt.irregularities == ()
    assert all(mark.is_exact for mark in prompt.marks)


def test_parts_of_a_regular_prompt():
    text = "He says, <S>Hi.<E> and nods. <AUDCAP> a voice <ENDAUDCAP> "
    prompt = parse_prompt(text)
    (speech,) = prompt.speeches
    assert (speech.text, speech.is_closed, speech.span.of(text)) == ("Hi.", True, "<S>Hi.<E>")
    assert prompt.audio is prompt.captions[0]
    assert (prompt.audio.text, prompt.audio.form) == ("a voice", AudioForm.TAGGED)
    assert [span.of(text) for span in prompt.scene] == ["He says, ", " and nods. ", " "]
    assert prompt.scene_text == "He says, and nods."


def test_prefixed_caption_runs_to_the_end_over_newlines():
    prompt = parse_prompt("A dog. Audio: rain\n\nand wind ")
    assert prompt.audio.text == "rain\n\nand wind"
    assert prompt.audio.form is AudioForm.PREFIXED
    assert prompt.audio.span.end == len(prompt.text)


def test_speech_after_a_prefixed_caption_is_speech():
    prompt = parse_prompt("Audio: rain <S>Hi<E> end")
    assert prompt.audio.text == "rain"
    assert [s.text for s in prompt.speeches] == ["Hi"]
    (found,) = prompt.irregularities
    assert found.kind is Kind.TEXT_AFTER_CAPTION
    assert found.span.of(prompt.text) == "<S>Hi<E> end"


@pytest.mark.parametrize(("text", "expected"), [
    ("<S>hi", [Kind.UNCLOSED_SPEECH]),
    ("<S>hi. Audio: rain", [Kind.UNCLOSED_SPEECH]),
    ("<S>a He says <S>b<E>", [Kind.UNCLOSED_SPEECH]),
    ("hi<E>", [Kind.UNOPENED_SPEECH]),
    ("<S>a<E> b<E>", [Kind.UNOPENED_SPEECH]),
    ("<S>a <S>b<E> c<E>", [Kind.NESTED_SPEECH]),
    ("<S>a <AUDCAP>x<E> y<ENDAUDCAP>", [Kind.CROSSED_TAGS]),
    ("<AUDCAP>x <S>a<ENDAUDCAP> b<E>", [Kind.CROSSED_TAGS, Kind.TEXT_AFTER_CAPTION]),
    ("<AUDCAP>x", [Kind.UNCLOSED_CAPTION]),
    ("x<ENDAUDCAP>", [Kind.UNOPENED_CAPTION]),
    ("Audio: x<ENDAUDCAP>", [Kind.UNOPENED_CAPTION]),
    ("<AUDCAP>a<AUDCAP>b<ENDAUDCAP>c<ENDAUDCAP>", [Kind.NESTED_CAPTION]),
    ("<AUDCAP>Audio: a<ENDAUDCAP>", [Kind.NESTED_CAPTION]),
    ("<S>Audio: on<E>", [Kind.CAPTION_IN_SPEECH]),
    ("<S>a <AUDCAP>x<ENDAUDCAP><E>", [Kind.CAPTION_IN_SPEECH]),
    ("<AUDCAP>a <S>b<E><ENDAUDCAP>", [Kind.SPEECH_IN_CAPTION]),
    ("Audio: a Audio: b", [Kind.SECOND_CAPTION]),
    ("<AUDCAP>a<ENDAUDCAP> Audio: b", [Kind.SECOND_CAPTION]),
    ("<AUDCAP>a<ENDAUDCAP>.", [Kind.TEXT_AFTER_CAPTION]),
])  # fmt: skip
def test_irregularities_are_named(text, expected):
    assert kinds(text) == expected


@pytest.mark.parametrize(("written", "role", "spelling"), [
    ("<s>", Role.SPEECH_START, Spelling.LOOSE),
    ("< S >", Role.SPEECH_START, Spelling.LOOSE),
    ("<\u200bS>", Role.SPEECH_START, Spelling.LOOSE),
    ("＜S＞", Role.SPEECH_START, Spelling.LOOSE),
    ("＜Ｓ＞", Role.SPEECH_START, Spelling.LOOSE),
    ("&lt;S&gt;", Role.SPEECH_START, Spelling.LOOSE),
    ("&amp;lt;S&amp;gt;", Role.SPEECH_START, Spelling.LOOSE),
    ("[S]", Role.SPEECH_START, Spelling.LOOSE),
    ("<SS>", Role.SPEECH_START, Spelling.WRONG),
    ("</S>", Role.SPEECH_END, Spelling.WRONG),
    ("</E>", Role.SPEECH_END, Spelling.WRONG),
    ("<\\S>", Role.SPEECH_END, Spelling.WRONG),
    ("<END>", Role.SPEECH_END, Spelling.WRONG),
    ("<E", Role.SPEECH_END, Spelling.BROKEN),
    ("<AUDCAP", Role.CAPTION_START, Spelling.BROKEN),
    ("<AudCap>", Role.CAPTION_START, Spelling.LOOSE),
    ("<AUDIOCAP>", Role.CAPTION_START, Spelling.WRONG),
    ("</AUDCAP>", Role.CAPTION_END, Spelling.WRONG),
    ("<ENDAUDCAPS>", Role.CAPTION_END, Spelling.WRONG),
    ("<END_AUDCAP>", Role.CAPTION_END, Spelling.WRONG),
    ("<ENDAUCDAP>", Role.CAPTION_END, Spelling.WRONG),
    ("<ENDAUDIOCAP>", Role.CAPTION_END, Spelling.WRONG),
    ("<AUDCAPEND>", Role.CAPTION_END, Spelling.WRONG),
    ("<SFX>", Role.UNKNOWN, Spelling.WRONG),
    ("<sub1>", Role.UNKNOWN, Spelling.WRONG),
    ("<break time=1s/>", Role.UNKNOWN, Spelling.WRONG),
    ("audio:", Role.CAPTION_PREFIX, Spelling.LOOSE),
    ("AUDIO :", Role.CAPTION_PREFIX, Spelling.LOOSE),
    ("Audio：", Role.CAPTION_PREFIX, Spelling.LOOSE),
    ("Sound:", Role.CAPTION_PREFIX, Spelling.WRONG),
    ("Audo:", Role.CAPTION_PREFIX, Spelling.WRONG),
    ("Audio caption:", Role.CAPTION_PREFIX, Spelling.WRONG),
    ("Sound effects:", Role.CAPTION_PREFIX, Spelling.WRONG),
])  # fmt: skip
def test_misspelt_marks_keep_their_meaning(written, role, spelling):
    prompt = parse_prompt(f"A man nods. {written} and then")
    (mark,) = prompt.marks
    assert (mark.text, mark.role, mark.spelling) == (written, role, spelling)


@pytest.mark.parametrize("text", ["says, S>Hello.<E>", "says, <S>Hello nowE>", "<S>Hi.E>"])
def test_a_tag_without_its_first_bracket_is_seen(text):
    prompt = parse_prompt(text)
    assert [m.spelling for m in prompt.marks].count(Spelling.BROKEN) == 1
    assert [s.is_closed for s in prompt.speeches] == [True]


@pytest.mark.parametrize("text", [
    "a < b and c > d", "2 <3 4> 1", "《书名》", "i <3 you", "A->B", "YES> no", "Time 10:30",
    "The studio: dark.", "He hears Radio: loud", "The soundtrack is loud: very", "mp3 audit: done",
    "What we call sound: a wave",
])  # fmt: skip
def test_ordinary_text_holds_no_marks(text):
    assert parse_prompt(text).marks == ()


def test_end_tag_without_a_name_closes_what_is_open():
    prompt = parse_prompt("<S>a<END> <AUDCAP>b<END>")
    assert [m.role for m in prompt.marks][1::2] == [Role.SPEECH_END, Role.CAPTION_END]
    assert prompt.irregularities == ()


def test_misspelt_prefix_is_a_caption_only_where_no_right_one_is():
    assert parse_prompt("A dog. audio: rain").audio.text == "rain"
    prompt = parse_prompt("A dog. Sound: off. Audio: rain")
    assert [c.text for c in prompt.captions] == ["rain"]
    assert parse_prompt("<S>Sound: off.<E> A dog. sound: rain").audio.text == "rain"


@pytest.mark.parametrize("piece", [
    "<S>", "<E>", "<", ">", "<AUDCAP>", "Audio:", "<S>a<E>", ":", "&lt;", "&amp;", "E>", "[",
    "<S><S><E>", "<S><AUDCAP><E><ENDAUDCAP>", "<a", "<b>", "<S><b>", " audio :", "<END>", "sound:",
])  # fmt: skip
def test_work_grows_linearly_for_hostile_text(piece):
    """Counted in lines of the package executed, not in seconds."""
    small, large = (executed_lines(piece * n) for n in (200, 800))
    assert large < 4.4 * small + 200


def executed_lines(text):
    count = 0

    def trace(frame, event, _):
        nonlocal count
        if "ovi_studio" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        parse_prompt(text)
    finally:
        sys.settrace(before)
    return count


def test_a_megabyte_of_start_tags_is_read():
    prompt = parse_prompt("<S>" * 333_333)
    assert len(prompt.speeches) == 333_333
    assert len(prompt.irregularities) == 333_333


def test_a_megabyte_of_nested_speech_is_read():
    prompt = parse_prompt("<S>" * 150_000 + "<E>" * 150_000)
    assert len(prompt.speeches) == 1


@pytest.mark.skipif("OVI_PUBLISHED_PROMPTS" not in os.environ, reason="names a folder of CSV sets")
def test_published_rows_are_regular():
    for path in Path(os.environ["OVI_PUBLISHED_PROMPTS"]).glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                prompt = parse_prompt(row["text_prompt"])
                assert prompt.irregularities == ()
                assert all(mark.is_exact for mark in prompt.marks)
                assert len(prompt.captions) == 1
