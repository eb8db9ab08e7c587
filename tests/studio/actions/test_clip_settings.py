"""A winner's seed and settings go into its row, and nothing else in the set changes."""

import pytest

from ovi.spec.request import Guidance, LoraFile
from ovi_studio.actions.clip_settings import plan_settings, undo_settings, write_settings
from ovi_studio.errors import PromptFileError, UsageError
from ovi_studio.project.layout import ProjectLayout
from tests.studio.made_clips import PEOPLE, clip_task, make_project, write_clip


@pytest.fixture
def root(tmp_path):
    return make_project(tmp_path / "p")


def people(root):
    return root / "prompts" / "people.csv"


def plan(root, row="2", seed=9, **changes):
    options = {name: changes.pop(name) for name in ("with_prompt", "set_path") if name in changes}
    task = clip_task(root / "renders", row, seed, **changes)
    if not task.output.exists():
        write_clip(task)
    return plan_settings(task.output, ProjectLayout(root), **options)


def cells(change):
    return {cell.column: (cell.before, cell.after) for cell in change.cells}


def test_only_the_seed_is_written_where_the_rest_agrees(root):
    change = plan(root)
    assert cells(change) == {"seed": ("", "9")}
    assert change.notes == ()
    write_settings(change)
    assert people(root).read_text() == PEOPLE.replace('A dog.",,', 'A dog.",9,')
    assert cells(plan(root)) == {}


def test_it_can_be_undone_byte_for_byte(root):
    change = plan(root, row="1", seed=8)
    write_settings(change)
    assert ",8,calm" in people(root).read_text()
    undo_settings(change)
    assert people(root).read_text() == PEOPLE


def test_settings_that_differ_get_columns_and_others_none(root):
    guidance = Guidance(video_scale=5.5, audio_negative="hiss, hum", skip_layer=None)
    change = plan(root, seed=30, num_steps=12, shift=4.0, guidance=guidance)
    assert cells(change) == {
        "seed": ("", "30"),
        "steps": ("", "12"),
        "shift": ("", "4.0"),
        "video_guidance": ("", "5.5"),
        "audio_negative": ("", "hiss, hum"),
    }
    write_settings(change)
    lines = people(root).read_text().splitlines()
    assert lines[0] == "id,text_prompt,seed,mood,steps,shift,video_guidance,audio_negative"
    assert lines[1] == PEOPLE.splitlines()[1]
    assert lines[2].endswith(',30,"wild, loud",12,4.0,5.5,"hiss, hum"')
    again = plan(root, seed=30, num_steps=12, shift=4.0, guidance=guidance)
    assert again.cells == ()


def test_a_column_under_its_published_name_is_used(root):
    people(root).write_text(
        "text_prompt,sample_steps,repeats\na,5,\nA dog barks. Audio: A dog.,5,3\n"
    )
    change = plan(root, num_steps=12)
    assert cells(change) == {
        "seed": ("", "9"), "sample_steps": ("5", "12"), "repeats": ("3", "1"),
    }  # fmt: skip


def test_lora_files_are_written_once(root):
    path = root / "loras" / "a.safetensors"
    change = plan(root, loras=(LoraFile(str(path), "00", 0.5),))
    assert cells(change)["lora"] == ("", "../loras/a.safetensors:0.5")
    write_settings(change)
    again = plan(root, loras=(LoraFile(str(path), "00", 0.5),))
    assert "lora" not in cells(again)
    assert cells(plan(root, seed=10))["lora"] == ("../loras/a.safetensors:0.5", "")


def test_what_ovi_toml_says_counts(root):
    (root / "ovi.toml").write_text('[render]\nsteps = 33\nvideo_negative = "blur"\n')
    change = plan(root)
    assert cells(change) == {"seed": ("", "9"), "steps": ("", "20")}
    assert "video_negative" in change.notes[0]


def test_a_prompt_that_was_changed_since_is_told_and_kept_unless_asked_for(root):
    people(root).write_text(PEOPLE.replace("A dog barks", "A wolf barks"))
    assert "prompt was changed" in plan(root).notes[0]
    change = plan(root, with_prompt=True)
    assert cells(change)["text_prompt"][1] == "A dog barks. Audio: A dog."


def test_a_cell_that_somebody_changed_meanwhile_stops_it(root):
    change = plan(root)
    theirs = PEOPLE.replace('A dog.",,', 'A dog.",77,')
    people(root).write_text(theirs)
    with pytest.raises(PromptFileError, match="'77' by now"):
        write_settings(change)
    assert people(root).read_text() == theirs


def test_a_change_elsewhere_in_the_set_meanwhile_stays(root):
    change = plan(root)
    people(root).write_text(PEOPLE.replace("calm", "merry"))
    write_settings(change)
    assert "merry" in people(root).read_text()
    assert ',9,"wild' in people(root).read_text()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda root: people(root).unlink(), "no set 'people'"),
        (lambda root: people(root).write_text("text_prompt\nx\n"), "no row '2' any more"),
        (
            lambda root: (
                (root / "prompts" / "a").mkdir()
                or (root / "prompts" / "a" / "people.csv").write_text(PEOPLE)
            ),
            "Several sets",
        ),
    ],
)
def test_a_row_that_cannot_be_told_is_an_error_with_a_remedy(root, spoil, says):
    spoil(root)
    with pytest.raises(UsageError, match=says) as caught:
        plan(root)
    assert "--set" in str(caught.value)


def test_a_named_set_decides(root):
    other = root / "prompts" / "other.csv"
    people(root).rename(other)
    assert cells(plan(root, set_path=other)) == {"seed": ("", "9")}
