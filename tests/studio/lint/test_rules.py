"""What single rules report, and what they leave alone, beyond their own examples."""

import pytest

from ovi.spec.variants import VARIANTS
from ovi_studio.actions.fixing import fix_set
from ovi_studio.actions.linting import Tally, lint_options, lint_sources
from ovi_studio.lint.checker import Checker
from ovi_studio.lint.registry import RULES, rule_named
from ovi_studio.lint.subject import Target
from ovi_studio.project.prompt_file import read_prompt_set
from ovi_studio.project.sets import SetRow
from ovi_studio.prompt.prompt_set import TEXT_COLUMN, PromptRow

GOOD = "A pale face looks at us and says <S>hello yellow<E>. Audio: A clear voice."


def parts_found(name, text, variant="nano", **cells):
    """The parts of the prompt that a rule reports."""
    row = PromptRow("1", 1, text, {TEXT_COLUMN: text, **cells}, (TEXT_COLUMN, *cells))
    found = Checker([rule_named(name)], Target(variant=VARIANTS[variant])).check(row)
    return [one.finding.span and one.finding.span.of(text) for one in found]


def in_speech(words):
    return GOOD.replace("hello yellow", words)


def in_scene(words):
    return GOOD.replace("looks at us", f"looks at us, {words},")


@pytest.mark.parametrize("words", [
    "4k", "8K resolution", "1080p", "1280 x 720", "1280x720 pixels", "24 fps", "30fps", "ultra HD",
    "Full HD", "UHD", "masterpiece", "best quality", "highly detailed", "ultra-realistic",
    "photorealistic", "trending on ArtStation", "award-winning", "octane render", "Unreal Engine",
    "Stable Diffusion", "Midjourney", "Sora", "Veo 3", "Kling", "Wan 2.2", "Ovi model",
    "five second clip", "ten-second video", "5s clip", "10 seconds long",
])  # fmt: skip
def test_technical_text_is_found_in_the_scene_only(words):
    assert parts_found("technical-text", in_scene(words)) == [words]
    assert parts_found("technical-text", in_speech(words)) == []


@pytest.mark.parametrize("words", [
    "moving", "a wand in the hand", "ten ducks", "fine quality bread", "5 candles", "the year 1999",
    "providing light", "a detailed map", "a veteran", "seconds later", "her award",
])  # fmt: skip
def test_ordinary_words_are_not_technical(words):
    assert parts_found("technical-text", in_scene(words)) == []


@pytest.mark.parametrize(("words", "parts"), [
    ("see www.example.com now", ["www.example.com"]), ("mail me@example.org", ["me@example.org"]),
    ("room 7", ["7"]), ("10:30 sharp", ["10:30"]), ("$5 or 20%", ["$5", "20%"]),
    ("I SAID NO", ["SAID NO"]), ("STOP", []), ("LOUDER", ["LOUDER"]), ("nice 🙂🙂", ["🙂🙂"]),
    ("this & that", ["&"]), ("a*b", ["*"]), ("R&amp;B", ["&amp;"]),
    ("It's a well-known fact; isn't it?", []), ("¿Dónde está?", []), ("AI and the FBI", []),
    ("[softly] come (quick)", []), ("日本語", []), ("“so”, she… said—", []),
])  # fmt: skip
def test_what_cannot_be_spoken(words, parts):
    assert parts_found("unspeakable", in_speech(words)) == parts


@pytest.mark.parametrize(("text", "parts"), [
    ('A man says "come here" and nods.', ['"come here"']),
    ("A man says, “come here” and nods.", ["“come here”"]),
    ("A man says &quot;come here&quot;.", ["&quot;come here&quot;"]),
    ('"Come here," says the man.', ['"Come here,"']),
    ('"Come here," she whispers.', ['"Come here,"']),
    ('A sign reading "NO ENTRY" hangs there.', []),
    ('A shop called "Blue" opens.', []),
    ('A "famous" cook smiles.', []),
    ('A man says <S>"come here"<E>.', []),
    ('A man says ""', []),
    ('He shouts "one" and whispers "two".', ['"one"', '"two"']),
])  # fmt: skip
def test_dialogue_outside_tags(text, parts):
    assert parts_found("untagged-dialogue", text) == parts


@pytest.mark.parametrize(("text", "is_found"), [
    ("The kitchen at dawn. <S>Hello.<E>", True),
    ("The kitchen at dawn. <S>Hello.<E> says a voice", False),
    ("The kitchen at dawn: <S>Hello.<E>", False),
    ("A woman at dawn. <S>Hello.<E>", False),
    ("La cocina. <S>Hola.<E>", False),
    ("The kitchen. She says <S>Hello.<E> The cups on the shelf. <S>Bye.<E>", True),
    ("The kitchen at dawn. Hello.<E>", True),
])  # fmt: skip
def test_speech_that_nobody_speaks(text, is_found):
    assert bool(parts_found("no-speaker", text)) == is_found


@pytest.mark.parametrize(
    "text", [GOOD, GOOD.replace("<E>.", "<E>."), GOOD.replace("<E>. ", "<E> ")]
)
def test_a_full_stop_behind_speech_is_normal(text):
    row = PromptRow("1", 1, text, {TEXT_COLUMN: text})
    assert Checker(RULES, Target(variant=VARIANTS["nano"])).check(row) == []


def test_what_would_be_cut_is_named():
    text = f"{'word ' * 600}says <S>hi<E>. Audio: A clear voice."
    for variant in ("960x960_10s", "nano"):
        (part,) = parts_found("too-many-tokens", text, variant)
        assert part.endswith("Audio: A clear voice.")
    assert parts_found("too-many-tokens", GOOD) == []
    assert parts_found("too-many-tokens", "the " * 440, "960x960_10s") == [None]  # little room


@pytest.mark.parametrize(("entity", "character"), [
    ("&amp;", "&"), ("&#39;", "'"), ("&quot;", '"'), ("&ldquo;", '"'), ("&eacute;", "é"),
    ("&nbsp;", " "), ("&amp;amp;", "&"), ("&#8203;", ""), ("&lt;", None), ("&colon;", None),
])  # fmt: skip
def test_entities_are_written_out_where_they_can_make_no_tag(entity, character):
    text = GOOD.replace("pale face", f"pale{entity}face")
    row = PromptRow("1", 1, text, {TEXT_COLUMN: text})
    (found,) = Checker([rule_named("entities")], Target()).check(row)
    if character is None:
        assert found.finding.fix is None
    else:
        (edit,) = found.finding.fix.edits
        assert edit.replacement == character


def fix(path, *, unsafe=False):
    options = lint_options(None, path.parent, variant="nano")
    num_fixed = fix_set(SetRow(path), options, unsafe=unsafe)
    tally = Tally()
    codes = [(d.row, d.code) for d in lint_sources([SetRow(path)], options, tally)]
    return num_fixed, codes


def test_rows_alike_but_for_their_dress_are_duplicates_before_and_after_fixing(tmp_path):
    dressed = [
        GOOD.replace(" face", "  face"),
        GOOD.replace("<S>", "&lt;S&gt;"),
        GOOD.replace("Audio:", "AUDIO :"),
        GOOD.replace("A pale", "&#65; pale").replace("A clear", "A\u200b clear"),
        GOOD.replace("Audio: A clear voice.", "<AUDCAP>A clear voice.<ENDAUDCAP>"),
    ]
    path = tmp_path / "set.csv"
    path.write_text("\n".join([TEXT_COLUMN, GOOD, *dressed, ""]), encoding="utf-8")
    twins = [(str(number), "C201") for number in range(2, 7)]
    before = lint_sources([SetRow(path)], lint_options(None, tmp_path, variant="nano"), Tally())
    assert [(d.row, d.code) for d in before if d.code == "C201"] == twins
    assert fix(path) == (6, twins)


def test_a_fix_that_would_make_a_row_a_duplicate_is_not_applied(tmp_path):
    path = tmp_path / "set.csv"
    path.write_text(f"{TEXT_COLUMN}\n{GOOD.replace('<E>', '')}\n{GOOD.replace('<S>', '')}\n")
    before = path.read_bytes()
    num_fixed, codes = fix(path, unsafe=True)
    texts = [row.text for row in read_prompt_set(path)]
    assert len(set(texts)) == 2
    assert not {"C201", "C202"} & {code for _, code in codes}
    assert fix(path, unsafe=True)[0] == 0
    assert num_fixed > 0 or path.read_bytes() == before


def test_fixing_one_row_leaves_the_others(tmp_path):
    path = tmp_path / "set.csv"
    wrong = GOOD.replace("<E>", "</S>")
    path.write_text(f"{TEXT_COLUMN}\n{wrong}\nOther {wrong}\n")
    options = lint_options(None, tmp_path, variant="nano")
    assert fix_set(SetRow(path, "2"), options, unsafe=False) == 1
    assert path.read_text() == f"{TEXT_COLUMN}\n{wrong}\nOther {GOOD}\n"


def test_rows_and_selections_keep_fixes_away(tmp_path):
    path = tmp_path / "set.csv"
    wrong = GOOD.replace("<E>", "</S>")
    path.write_text(f"{TEXT_COLUMN},ignore\n{wrong},P1\n")
    assert fix(path)[0] == 0
    path.write_text(f"{TEXT_COLUMN}\n{wrong}\n")
    options = lint_options(None, tmp_path, variant="nano", select=["A"])
    assert fix_set(SetRow(path), options, unsafe=False) == 0
