"""Parts of the page without a browser: what is escaped, kept, named, and refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ovi.errors import OviError
from ovi.spec.geometry import FrameSize
from ovi.spec.request import (
    ClipRequest,
    Guidance,
    Mode,
    PictureRequest,
    Precision,
    Sampling,
    TransformerPrecision,
)
from ovi_studio.errors import PromptFileError, StudioError, UsageError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.choices import Choices
from ovi_studio.web.context import WebContext
from ovi_studio.web.ordering import plan_text
from ovi_studio.web.page_first_frame import picture_path
from ovi_studio.web.page_form import (
    FIELD_NAMES,
    LABELS,
    FormValues,
    cells_of,
    choices_of,
    draft_of,
    for_variant,
    read_fields,
    shown_fields,
    start_values,
    values_of_draft,
    values_of_request,
    values_of_row,
)
from ovi_studio.web.page_links import clip_link, job_link
from ovi_studio.web.page_markup import Markup, button, join, read_click, tag
from ovi_studio.web.page_own_jobs import read_own
from ovi_studio.web.page_queue import QueueButtons
from ovi_studio.web.page_rewrite import show_diff
from ovi_studio.web.page_sets import add_row, own_sets, save_row, set_path, show_rows
from ovi_studio.web.page_takeover import left_behind, request_of_row, wants_drawing

SET = 'text_prompt,seed\n"A face says <S>hello<E>. Audio: a voice.",7\n'


@pytest.fixture
def context(tmp_path):
    (tmp_path / "ovi.toml").write_text("schema = 1\n")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "faces.csv").write_text(SET)
    return WebContext(layout=ProjectLayout(tmp_path), keep_queue=lambda _: None)


@pytest.mark.parametrize("text", ["<b>", "a & b", "\"quoted'", "${value}", "{{value}}", "`x`"])
def test_every_text_and_attribute_is_escaped(text):
    element = tag("p", text, title=text, data_act=text)
    assert "<b>" not in element
    assert not {'"', "'"} & set(element.partition(">")[2].partition("</p>")[0])
    assert tag("div", element) == f"<div>{element}</div>", "what is HTML already stays it"


def test_half_characters_and_nulls_cannot_break_the_page():
    shown = join(["\ud800", "a\0b"])
    assert isinstance(shown, Markup)
    assert shown.encode() == "?a\N{REPLACEMENT CHARACTER}b".encode()


def test_button_carries_its_data_and_its_question():
    shown = button("Stop", "cancel", job=3, ask='Stop "3"?')
    assert 'data-act="cancel"' in shown
    assert 'data-job="3"' in shown
    assert 'data-ask="Stop &quot;3&quot;?"' in shown


@pytest.mark.parametrize("sent", [None, [], "cancel", {"act": ["cancel"]}, {"act": {"a": 1}}])
def test_odd_clicks_carry_nothing(sent):
    assert read_click(type("Event", (), {"_data": sent})()) == {}


@pytest.mark.parametrize("number", ["", "0x1", "1 or 1", "-1", "٣", "9" * 20, "all", "1,2"])
def test_buttons_take_one_number_only(context, number):
    with pytest.raises(StudioError):
        QueueButtons(context).press("cancel", number)


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/passwd", "faces.csv", "", None, ["faces"], "prompts/faces", "."]
)
def test_only_sets_of_the_project_can_be_named(context, name):
    (context.layout.root.parent / "outside.csv").write_text(SET)
    with pytest.raises(UsageError):
        set_path(context, name)
    with pytest.raises(UsageError):
        save_row(context, name, "1", "", {"text_prompt": "a"})


def test_set_that_a_link_leads_out_of_the_project_is_none(context, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "secret.csv"
    outside.write_text(SET)
    (context.layout.root / "prompts" / "linked.csv").symlink_to(outside)
    assert list(own_sets(context)) == ["faces"]


@pytest.mark.parametrize("name", ["../up", "/tmp/set", "a/../../up", "new.csv", "..", " "])
def test_new_sets_stay_inside_the_folder_of_sets(context, name):
    with pytest.raises(StudioError):
        add_row(context, name, {"text_prompt": "A face. Audio: rain."})
    assert [path.name for path in context.layout.root.rglob("*.csv")] == ["faces.csv"]


def test_row_is_saved_only_over_what_was_opened(context):
    path = context.layout.root / "prompts" / "faces.csv"
    opened = "A face says <S>hello<E>. Audio: a voice."
    save_row(context, "faces", "1", opened, {"text_prompt": "Mine. Audio: rain."})
    assert path.read_text() == 'text_prompt,seed\n"Mine. Audio: rain.",7\n'
    with pytest.raises(PromptFileError, match="changed by someone else"):
        save_row(context, "faces", "1", opened, {"text_prompt": "Late. Audio: rain."})
    assert "Late" not in path.read_text()


def test_rows_are_added_to_old_and_new_sets(context):
    cells = {"text_prompt": "A dog. Audio: rain.", "steps": "9"}
    assert add_row(context, "faces", cells) == "2"
    assert (context.layout.root / "prompts" / "faces.csv").read_text().splitlines() == [
        "text_prompt,seed,steps", SET.splitlines()[1] + ",", '"A dog. Audio: rain.",,9',
    ]  # fmt: skip
    assert add_row(context, "dogs", cells) == "1"
    assert "A dog" in show_rows(context, "dogs")


def test_draft_comes_back_and_odd_ones_do_no_harm(context):
    values = FormValues(
        prompt="A face.", seed=2**60 + 1, shift=3.5, variant="720x720_5s", solver="euler"
    )
    assert isinstance(draft_of(values)["seed"], str), "a browser rounds numbers above 2**53"
    assert values_of_draft(json.loads(json.dumps(draft_of(values))), context) == values
    start = start_values(context)
    odd_fields = {"seed": "7x", "shift": float("nan"), "variant": "none", "height": 1.5,
                  "prompt": 3, "solver": ["euler"], "repeats": True}  # fmt: skip
    for odd in (None, [], "x", odd_fields, *({name: odd} for name, odd in odd_fields.items())):
        assert values_of_draft(odd, context) == start


def test_settings_of_the_project_and_the_flags_fill_the_form(context):
    (context.layout.root / "ovi.toml").write_text(
        'schema = 1\n[render]\nvariant = "960x960_10s"\nseed = 103\nvideo_negative = "jitter"\n'
    )
    values = start_values(context)
    assert (values.variant, values.seed, values.video_negative) == ("960x960_10s", 103, "jitter")
    assert (values.num_steps, values.slg_layer, values.shift) == (50, 11, 5.0)


def test_published_defaults_hold_for_published_variants():
    """The published page's: 512x992, 50 steps, unipc, shift 5, 4 and 3, layer 11, seed 100."""
    values = for_variant(FormValues(variant="720x720_5s"), "nano")
    assert values == FormValues(variant="720x720_5s")
    nano = for_variant(FormValues(variant="nano"), "720x720_5s")
    assert (nano.num_steps, nano.slg_layer, nano.height, nano.width) == (20, 0, 128, 128)
    chosen = FormValues(variant="nano", num_steps=33)
    assert for_variant(chosen, "720x720_5s").num_steps == 33, "what was chosen by hand stays"


def test_fields_say_everything_they_show():
    said = choices_of(FormValues(variant="nano", video_negative="", height=64, width=96), None)
    assert said.video_negative == "", "an empty field wins over the configuration"
    assert (said.mode, said.size, said.profile) == (Mode.T2V, FrameSize(64, 96), None)
    assert choices_of(FormValues(), Path("/p/a.png")).mode is Mode.I2V
    assert choices_of(FormValues(), None, is_drawn=True).mode is Mode.T2I2V


def test_row_with_settings_comes_back_as_it_was(context):
    values = FormValues(prompt="A face.", variant="nano", seed=9, shift=2.5, height=64, width=96)
    row = {**cells_of(values), "text_prompt": values.prompt}
    assert values_of_row(row, values.prompt, context) == values


@pytest.mark.parametrize("value", [None, "7", True, float("inf"), float("nan"), 1.5, [1]])
def test_numbers_that_are_none_are_named(value):
    fields = [getattr(FormValues(), name) for name in FIELD_NAMES]
    fields[FIELD_NAMES.index("num_steps")] = value
    with pytest.raises(UsageError, match="Steps"):
        read_fields(fields)


@pytest.mark.parametrize(
    ("name", "value"),
    [("height", -5), ("width", 10**9), ("seed", "-1"), ("seed", str(2**63)), ("num_steps", 0),
     ("repeats", 100_000), ("shift", 0), ("audio_guidance", 1e30), ("variant", "../x"),
     ("profile", None)],
)  # fmt: skip
def test_fields_out_of_range_are_named(name, value):
    fields = dict(zip(FIELD_NAMES, shown_fields(FormValues()), strict=True)) | {name: value}
    with pytest.raises(UsageError, match=LABELS.get(name, name.capitalize())):
        read_fields(list(fields.values()))


def test_settings_beyond_the_sliders_and_large_seeds_come_through_the_form(context):
    request = ClipRequest(
        text="A face. Audio: rain.", variant="nano", size=FrameSize(128, 128),
        sampling=Sampling(seed=2**60 + 1, num_steps=3, shift=30.0),
        guidance=Guidance(video_scale=-3.25, audio_scale=12.5, skip_layer=None),
    )  # fmt: skip
    clip = plan_text(context, request.text, Choices(variant="nano")).clips[0]
    request = replace(request, precision=clip.request.precision)
    values = values_of_request(request, None)
    sent = json.loads(json.dumps(shown_fields(values)))
    assert read_fields(sent) == values
    assert left_behind(context, request, values, None) is None
    odd = replace(request, precision=Precision(transformer=TransformerPrecision.INT8))
    assert "number formats" in left_behind(context, odd, values, None)
    drawn = replace(request, picture=PictureRequest("A face.", FrameSize(128, 128), 1))
    assert "--use-image-gen" in left_behind(context, drawn, values, None)
    assert not wants_drawing(context, drawn.mode)
    assert wants_drawing(replace(context, can_draw_first_frames=True), drawn.mode)


def test_row_whose_first_frame_would_be_drawn_is_told(context):
    path = context.layout.root / "prompts" / "more.csv"
    path.write_text('text_prompt,mode\n"A face. Audio: rain.",t2i2v\n')
    wanted = request_of_row(context, "more", "1")
    assert "--use-image-gen" in left_behind(context, wanted, FormValues(), None)


def test_settings_go_to_the_columns_that_a_set_has_for_them(context):
    values = FormValues(height=64, width=96, num_steps=9)
    columns = ("text_prompt", "num_steps", "height", "width", "video_negative_prompt", "solver")
    cells = cells_of(values, columns)
    assert {"num_steps": "9", "height": "64", "width": "96"}.items() <= cells.items()
    assert not {"steps", "size", "video_negative"} & set(cells)
    assert values_of_row(cells, "", context) == values
    assert "size" in cells_of(values, ("text_prompt",))


@pytest.mark.parametrize("name", ["../secret.png", "/etc/hostname", "none.png", "\0", "a" * 5000])
def test_first_frame_lies_in_the_project(context, name):
    (context.layout.root.parent / "secret.png").write_bytes(b"x")
    with pytest.raises((UsageError, OviError)):
        picture_path(context, name)


def test_links_cannot_be_broken_out_of():
    assert clip_link("a/../b?'\"#") == "/v1/clips/a%2F..%2Fb%3F%27%22%23/content"
    assert job_link(3, "preview", version=1.5) == (
        "/v1/videos/video_3/content?variant=preview&v=1.500"
    )


@pytest.mark.parametrize("kept", [None, "1", {"a": 1}, [None, "2", -3, 4.5]])
def test_odd_memories_of_jobs_are_none(kept):
    assert read_own(kept) == []


def test_diff_shows_a_sentence_as_one_and_escapes_it():
    shown = show_diff("He says <S>good old day<E>.", "He says <S><b>new</b> year<E>.")
    assert shown.count("<del>") == 1
    assert "<b>" not in shown
    plain = show_diff("He says good old day.", "He says come here now.")
    assert "<del>good old day</del><ins>come here now</ins>" in plain
