"""What ships beside the code is fit to start from: prompt sets, templates, wildcard files."""

import re

import pytest
from PIL import Image

from ovi.spec.variants import VARIANTS, AudioForm, variant_named
from ovi.training.world.vocabulary import VOCABULARY
from ovi_studio.actions.filling import fill_template, list_templates
from ovi_studio.actions.linting import Tally, lint_options, lint_sources
from ovi_studio.expand.grammar import read_pattern
from ovi_studio.expand.locations import shipped_folder
from ovi_studio.expand.matrix import all_texts
from ovi_studio.expand.template import read_template_file
from ovi_studio.expand.wildcards import Wildcards
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.project.prompt_file import read_prompt_set
from ovi_studio.project.prompt_sources import TextSource
from ovi_studio.project.sets import SetRow
from ovi_studio.prompt.parse import parse_prompt

PROMPTS = shipped_folder("prompts")
TEMPLATES = shipped_folder("templates")
SETS = sorted(PROMPTS.glob("*.csv"))
VARIANT_OF = {
    "demo": "nano",
    "nano": "nano",
    "five-seconds": "720x720_5s",
    "first-frames": "960x960_5s",
    "ten-seconds": "960x960_10s",
}
PURPOSES = (
    "dialogue",
    "monologue",
    "singing",
    "narration",
    "sound-effects",
    "two-speakers",
    "news",
    "product",
)


def rows(name):
    return read_prompt_set(PROMPTS / f"{name}.csv").rows


def findings(source, **options):
    """What the linter says, information included, where nothing is configured."""
    found = lint_sources([source], lint_options(None, PROMPTS, **options), Tally())
    return [f"row {one.row}: {one.code} {one.name}: {one.message}" for one in found]


def spoken_words(text):
    return [word for speech in parse_prompt(text).speeches for word in speech.text.split()]


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.stem)
def test_a_set_has_no_findings(path):
    assert findings(SetRow(path)) == []


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.stem)
def test_a_set_is_written_for_its_variant(path):
    variant = variant_named(VARIANT_OF[path.stem])
    for row in read_prompt_set(path):
        prompt = parse_prompt(row.text)
        assert not prompt.irregularities, row.id
        assert [caption.form for caption in prompt.captions] == [variant.audio_form], row.id
        assert row.values.get("variant", "nano") == variant.name, row.id


def test_there_are_enough_and_none_twice():
    texts = [row.text for name in VARIANT_OF if name != "demo" for row in rows(name)]
    assert len(texts) >= 40
    assert len(set(texts)) == len(texts)
    assert {path.stem for path in SETS} == set(VARIANT_OF)


def test_words_stay_within_what_is_known_to_work():
    for name, most in (("five-seconds", 12), ("first-frames", 12), ("ten-seconds", 36)):
        for row in rows(name):
            plain = re.sub(r"<[^>]*>", " ", row.text)
            assert len(spoken_words(row.text)) <= most, (name, row.id)
            assert 48 <= len(plain.split()) <= 179, (name, row.id)
            assert 4 <= len(parse_prompt(row.text).audio.text.split()) <= 28, (name, row.id)


def test_first_frames_are_small_square_pictures():
    named = {row.image_path for row in rows("first-frames")}
    assert named == {f"images/{path.name}" for path in (PROMPTS / "images").iterdir()}
    assert len(named) >= 4
    for name in named:
        path = PROMPTS / name
        assert path.stat().st_size <= 30_000
        with Image.open(path) as picture:
            assert (picture.format, picture.size) == ("PNG", (512, 512))
            assert "A" not in picture.getbands()


def test_the_demo_is_four_rows_of_nano_and_one_speaks():
    demo = [row.text for row in rows("demo")]
    assert len(demo) == 4
    assert sum(bool(spoken_words(text)) for text in demo) == 1
    assert set(demo) <= {row.text for row in rows("nano")}


def test_nano_says_only_words_it_knows():
    said = [re.findall(r"[a-z]+", " ".join(spoken_words(row.text))) for row in rows("nano")]
    assert {word for words in said for word in words} <= set(VOCABULARY)
    assert max(map(len, said)) <= 3
    assert sum(map(bool, said)) >= 5


@pytest.mark.parametrize("name", PURPOSES)
@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "nano"])
def test_a_template_as_it_stands_is_a_clean_prompt(tmp_path, name, variant):
    text = fill_template(name, {}, variant, ProjectLayout(tmp_path))
    is_tagged = variant_named(variant).audio_form is AudioForm.TAGGED
    assert ("<AUDCAP>" in text) is is_tagged
    assert findings(TextSource(text), variant=variant, ignore=["no-speech"]) == []
    assert len(spoken_words(text)) <= 12
    assert (name == "sound-effects") is (not spoken_words(text))


@pytest.mark.parametrize("name", PURPOSES)
def test_every_blank_is_described_and_comes_through(name):
    template = read_template_file(TEMPLATES / f"{name}.jinja")
    assert template.purpose.endswith(".")
    assert len(template.blanks) >= 6
    for blank in template.blanks:
        assert blank.default is not None, blank.name
        assert blank.default or blank.name == "music"
        assert 3 <= len(blank.description.split()) <= 14, blank.name
        filled = template.fill({blank.name: "xyzzy"})
        assert "xyzzy" in filled.lower(), blank.name


def test_the_list_has_no_faults(tmp_path):
    templates, faults = list_templates(ProjectLayout(tmp_path))
    assert faults == []
    assert {template.name for template in templates} >= set(PURPOSES)


def test_every_wildcard_file_is_read_and_useful():
    wildcards = Wildcards([TEMPLATES / "wildcards"])
    assert len(wildcards.names()) >= 5
    for name in wildcards.names():
        texts = list(all_texts(read_pattern(f"__{name}__", wildcards)))
        assert len(set(texts)) == len(texts) >= 5, name
