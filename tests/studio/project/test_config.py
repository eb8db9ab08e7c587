"""The configuration has one precedence, knows where its values come from, says what is wrong."""

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from ovi.spec.request import Mode
from ovi.spec.variants import VARIANTS
from ovi_studio.actions.settings import choices_of_settings, tokenizer_path
from ovi_studio.errors import UsageError
from ovi_studio.project.config import (
    DiskSettings,
    Layer,
    LintSettings,
    Origin,
    PreviewSettings,
    RenderSettings,
    load_config,
    unknown_variables,
    user_config_path,
)
from ovi_studio.project.config_file import is_secret
from ovi_studio.project.config_settings import DEFAULT_VARIANT, SETTINGS
from ovi_studio.project.new_project import project_file_text
from ovi_studio.render.choices import Choices
from ovi_studio.render.input_files import DEFAULT_PICTURE_MODEL
from ovi_studio.render.plan import DEFAULT_VARIANT as PLANNED_VARIANT
from ovi_studio.render.settings import (
    guidance_for,
    placement_for,
    precision_for,
    repeats_for,
    sampling_for,
)

ROOT = Path(__file__).parents[3]

SAMPLES = {
    "variant": "960x960_5s", "mode": "t2v", "size": "512x512", "seed": 7, "repeats": 3, "steps": 9,
    "solver": "euler", "shift": 2.5, "video_guidance": 1.5, "audio_guidance": 2.0, "slg_layer": 3,
    "video_negative": "blur", "audio_negative": "echo", "output": "clips", "device": "cpu",
    "profile": "8gb", "precision": "fp8", "text_precision": "int8", "vae_precision": "bf16",
    "vae_tiling": 256, "offload": "model", "resident_blocks": 5, "host_memory": "mapped",
    "attention": "math", "noise": "cuda", "ckpt_dir": "weights", "picture_model": "./flux",
    "select": ["S"], "ignore": ["P3"], "seconds": 3.0,
    "encodings_gb": 5.0, "logs_days": 3.0, "trash_days": 4.0,
}  # fmt: skip
"""A value other than the default for every setting."""

NOT_CONFIGURED = {
    "image",
    "gpus",
    "gpus_per_clip",
    "accelerator",
    "seeds",
    "guidance_cache",
    "step_cache",
    "loras",
}
"""Choices that belong to one command."""


def toml(value):
    return str(value) if not isinstance(value, str) else f'"{value}"'


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "project"


@pytest.fixture
def load(tmp_path, folder):
    """Loads with these texts as files and these variables."""

    def load(project=None, user=None, said=None, **variables):
        folder.mkdir(exist_ok=True)
        if project is not None:
            write(folder / "ovi.toml", project)
        if user is not None:
            write(tmp_path / "home" / "ovi" / "config.toml", user)
        return load_config(folder, {"XDG_CONFIG_HOME": str(tmp_path / "home"), **variables}, said)

    return load


def test_nobody_says_anything(load):
    config = load()
    assert config.render == RenderSettings()
    assert config.lint == LintSettings()
    assert config.variant_name == DEFAULT_VARIANT == PLANNED_VARIANT
    assert not config.names_variant
    assert config.project_path is None
    assert {config.origin(s.key) for s in SETTINGS} == {Origin(Layer.DEFAULT)}


def test_each_layer_wins_over_the_ones_below(load, folder, tmp_path):
    config = load(
        user="[render]\nseed = 1\nsteps = 1\nshift = 1\nsolver = 'euler'\n",
        project="[render]\nseed = 2\nsteps = 2\nshift = 2\n",
        OVI_SEED="3",
        OVI_STEPS="3",
        said={"render.seed": 4, "render.shift": None},
    )
    render = config.render
    assert (render.seed, render.steps, render.shift, render.solver) == (4, 3, 2.0, "euler")
    assert config.origin("render.seed") == Origin(Layer.COMMAND_LINE)
    assert config.origin("render.steps") == Origin(Layer.ENVIRONMENT, "OVI_STEPS")
    assert config.origin("render.shift") == Origin(Layer.PROJECT, f"{folder / 'ovi.toml'}, line 4")
    user_file = tmp_path / "home" / "ovi" / "config.toml"
    assert config.origin("render.solver") == Origin(Layer.USER, f"{user_file}, line 5")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
@pytest.mark.parametrize("layer", ["project", "user", "environment"])
def test_every_setting_can_be_said_by_every_layer(load, folder, tmp_path, setting, layer):
    sample = SAMPLES[setting.name]
    text = f"[{setting.section}]\n{setting.name} = {toml(sample)}\n"
    variable = ",".join(sample) if isinstance(sample, list) else str(sample)
    if layer == "environment":
        config = load(**{setting.variable: variable})
    else:
        config = load(**{layer: text})
    value = config.value(setting.key)
    base = {"project": folder, "user": tmp_path / "home" / "ovi", "environment": folder}[layer]
    if setting.name in ("output", "ckpt_dir"):
        assert value == base / sample
    elif setting.name == "picture_model":
        assert value == str(base / "flux")
    else:
        assert str(value) == str(tuple(sample) if isinstance(sample, list) else sample)
    others = [s for s in SETTINGS if s is not setting]
    assert all(config.value(other.key) is None for other in others)


def test_settings_fields_and_samples_are_the_same():
    fields = {
        "render": RenderSettings,
        "lint": LintSettings,
        "preview": PreviewSettings,
        "disk": DiskSettings,
    }
    assert [s.name for s in SETTINGS] == list(SAMPLES)
    for section, kind in fields.items():
        names = [s.name for s in SETTINGS if s.section == section]
        assert names == [field.name for field in dataclasses.fields(kind)]


def test_every_render_setting_reaches_rendering(load):
    lines = [f"{s.name} = {toml(SAMPLES[s.name])}" for s in SETTINGS if s.section == "render"]
    choices = choices_of_settings(load(project="\n".join(["[render]", *lines])))
    said = {f.name for f in dataclasses.fields(Choices) if getattr(choices, f.name) is not None}
    assert {f.name for f in dataclasses.fields(Choices)} - said == NOT_CONFIGURED
    assert (choices.num_steps, choices.mode) == (9, Mode.T2V)


def test_shown_defaults_are_those_of_rendering():
    default = {setting.name: setting.default for setting in SETTINGS}
    chosen, variant = Choices(device="cpu"), VARIANTS["960x960_5s"]
    sampling, guidance = sampling_for(chosen, variant), guidance_for(chosen, variant)
    assert (default["seed"], default["shift"], default["solver"]) == (
        sampling.seed, sampling.shift, sampling.solver,
    )  # fmt: skip
    assert default["repeats"] == repeats_for(chosen)
    assert default["vae_precision"] == precision_for(chosen).video_vae
    assert default["attention"] == placement_for(chosen, Mode.T2V).attention
    assert default["picture_model"] == DEFAULT_PICTURE_MODEL
    names = ("video_guidance", "audio_guidance", "video_negative", "audio_negative")
    assert [default[name] for name in names] == [
        guidance.video_scale, guidance.audio_scale, guidance.video_negative,
        guidance.audio_negative,
    ]  # fmt: skip
    told = {setting.name: setting.default_text for setting in SETTINGS}
    few_steps = sampling_for(chosen, VARIANTS["nano"]).num_steps
    assert told["steps"] == f"{sampling.num_steps}; {few_steps} with nano"
    assert guidance_for(chosen, VARIANTS["nano"]).skip_layer is None
    assert told["slg_layer"] == f"{guidance.skip_layer}; none with nano"


def test_the_documentation_lists_every_setting():
    text = (ROOT / "docs" / "projects.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    listed = {row[0].strip("| `"): row[1].strip("` ") for row in rows if "OVI_" in row[1]}
    assert listed == {setting.key: setting.variable for setting in SETTINGS}


def test_a_new_project_file_says_nothing_and_uncommented_only_defaults(load):
    text = project_file_text()
    assert load(project=text).origins == {}
    uncommented = re.sub(r"(?m)^# (\w+ = )", r"\1", text.partition("# A server")[0])
    assert set(tomllib.loads(uncommented)["render"]) == {
        setting.name for setting in SETTINGS if setting.section == "render"
    }
    config = load(project=uncommented)
    for setting in SETTINGS:
        if setting.default is not None:
            assert config.value(setting.key) == setting.default


def test_paths_of_variables_count_from_the_working_folder_and_home_is_known(folder):
    inner = folder / "inner"
    inner.mkdir(parents=True)
    write(folder / "ovi.toml", '[render]\noutput = "clips"\nckpt_dir = "~/w"\n')
    config = load_config(inner, {"OVI_OUTPUT": "here"})
    assert config.render.output == inner / "here"
    assert load_config(inner, {}).render.output == folder / "clips"
    assert config.render.ckpt_dir == Path.home() / "w"
    assert tokenizer_path(config, inner).is_relative_to(Path.home() / "w")


def test_empty_variables_say_nothing(load):
    assert load(OVI_SEED="", OVI_VARIANT="  ").origins == {}


@pytest.mark.parametrize(("text", "said"), [
    ("[render]\nvarient = 'nano'\n",
     "line 2: render.varient is no setting. Did you mean render.variant"),
    ("[render]\n\nsize-x = 1\n", "line 3: render.size-x is no setting. Did you mean render.size?"),
    ("[render]\nselect = ['S']\n",
     "line 2: render.select is no setting. Did you mean lint.select?"),
    ("seed = 1\n", "line 1: seed is no setting. Did you mean render.seed?"),
    ("[rendr]\nseed = 1\n", "line 1: [rendr] is no section. Did you mean [render]?"),
    ("[zzz]\n", "line 1: [zzz] is no section. Known: [render], [lint], [preview], [disk], [llm]."),
    ("[render]\nseed = 'a'\n", "line 2: render.seed must be a whole number, not 'a'."),
    ("[render]\nseed = true\n", "line 2: render.seed must be a whole number, not True."),
    ("[render]\nseed = -1\n", "line 2: render.seed: Seed -1 is out of range"),
    ("[render]\nsteps = 0\n", "line 2: render.steps: 0 steps cannot be taken"),
    ("[render]\nshift = nan\n", "line 2: render.shift must be a finite number"),
    ("[render]\nvideo_guidance = inf\n", "line 2: render.video_guidance must be a finite number"),
    ("[render]\nrepeats = 0\n", "line 2: render.repeats must be at least 1, not 0."),
    ("[render]\nmode = 't2x'\n", "line 2: render.mode must be one of t2v, i2v, t2i2v, not 't2x'."),
    ("[render]\nvariant = '960x960_5'\n", "Did you mean 960x960_5s?"),
    ("[render]\nsize = '720'\n", "line 2: render.size: '720' is not a size."),
    ("[render]\noutput = ''\n", "line 2: render.output is empty"),
    ("[lint]\nselect = 'S'\n", "line 2: lint.select must be a list of texts, not 'S'."),
    ("[lint]\nselect = [1]\n", "line 2: lint.select must be a list of texts, not [1]."),
    ("render = 3\n", "line 1: render is no setting."),
    ("[render]\nseed = \n", "line 2: this is not TOML: Invalid value"),
    ("a = 1\na = 2\n", "line 2: this is not TOML: Cannot overwrite a value."),
    ("schema = 2\n", "line 1: schema 2 is newer than this program"),
    ("schema = '1'\n", "line 1: schema must be 1, not '1'."),
    ("[llm]\nlocal = 3\n", "tables of their own: [llm.NAME]"),
    ("[render]\nseed = " + "9" * 5000, "this is not TOML"),
    ("llm = " + "[" * 5000, "ovi.toml"),
    ("# c\n[lint]\nselect = [\n  'S',\n]\n"
     "[render]\nvideo_negative = '''\nseed = 1\n'''\nseed = 'x'\n",
     "line 10: render.seed must be"),
    ("render.\"seed\" = 'x'\n", "line 1: render.seed must be"),
    ("[render] # c\nsolver='x' # seed = 1\n", "line 2: render.solver: There is no solver 'x'"),
])  # fmt: skip
def test_what_is_wrong_is_said_with_file_line_and_key(load, folder, text, said):
    with pytest.raises(UsageError) as caught:
        load(project=text)
    assert said in str(caught.value)
    assert str(caught.value).startswith(str(folder / "ovi.toml"))


@pytest.mark.parametrize(("variable", "text", "said"), [
    ("OVI_SEED", "x", "OVI_SEED: render.seed must be a whole number, not 'x'."),
    ("OVI_SHIFT", "a lot", "OVI_SHIFT: render.shift must be a number, not 'a lot'."),
    ("OVI_SHIFT", "nan", "OVI_SHIFT: render.shift must be a finite number"),
    ("OVI_STEPS", "0", "OVI_STEPS: render.steps: 0 steps"),
    ("OVI_NOISE", "gpu", "OVI_NOISE: render.noise must be one of cpu, cuda"),
])  # fmt: skip
def test_what_is_wrong_with_a_variable_is_said_with_its_name(load, variable, text, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        load(**{variable: text})


def test_files_that_are_no_text_are_refused(folder):
    folder.mkdir()
    (folder / "ovi.toml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(UsageError, match="not UTF-8"):
        load_config(folder, {})


SECRETS = [
    ('api_key = "hunter2"', "llm.a.api_key"),
    ('apiKey = "hunter2"', "llm.a.apiKey"),
    ('token = "hunter2"', "llm.a.token"),
    ('headers = { Authorization = "hunter2" }', "llm.a.headers.Authorization"),
    ('extra = "sk-hunter2hunter2"', "llm.a.extra"),
    ('base_url = "https://me:hunter2@host/v1"', "llm.a.base_url"),
    ('list = ["Bearer hunter2"]', "llm.a.list.0"),
]


@pytest.mark.parametrize(("line", "key"), SECRETS)
def test_secrets_are_refused_in_a_project_and_never_repeated(load, line, key):
    with pytest.raises(UsageError, match="holds a secret") as caught:
        load(project=f"[llm.a]\n{line}\n")
    assert key in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("line", [line for line, _ in SECRETS])
def test_secrets_may_stand_in_the_users_own_file(load, line):
    assert load(user=f"[llm.a]\n{line}\n").llm["a"]


@pytest.mark.parametrize("name", ["api_key_env", "max_tokens", "key_file", "model", "monkey"])
def test_ordinary_names_are_no_secrets(name):
    assert not is_secret(name, "value")


def test_connections_are_kept_and_the_projects_win(load):
    config = load(
        user='[llm.a]\nmodel = "small"\napi_key = "x"\n[llm.b]\nmodel = "b"\n',
        project='[llm.a]\nmodel = "large"\nmax_tokens = 10\n',
    )
    assert config.llm == {
        "a": {"model": "large", "api_key": "x", "max_tokens": 10},
        "b": {"model": "b"},
    }


@pytest.mark.parametrize(("platform", "environment", "path"), [
    ("linux", {"HOME": "/home/a"}, "/home/a/.config/ovi/config.toml"),
    ("linux", {"HOME": "/home/a", "XDG_CONFIG_HOME": "/c"}, "/c/ovi/config.toml"),
    ("linux", {"HOME": "/h", "XDG_CONFIG_HOME": "relative"}, "/h/.config/ovi/config.toml"),
    ("darwin", {"HOME": "/Users/a"}, "/Users/a/Library/Application Support/ovi/config.toml"),
    ("win32", {"APPDATA": "/a/Roaming", "HOME": "/a"}, "/a/Roaming/ovi/config.toml"),
    ("win32", {}, None),
    ("linux", {}, None),
])  # fmt: skip
def test_the_users_file_lies_where_the_platform_keeps_it(platform, environment, path):
    found = user_config_path(environment, platform)
    assert found == (Path(path) if path else None)


def test_misspelt_variables_are_noticed_and_others_left_alone():
    variables = {"OVI_VARIAN": "x", "OVI_GOLDEN_DIR": "x", "PATH": "x", "OVI_SEED": "1"}
    assert unknown_variables(variables) == [("OVI_VARIAN", "OVI_VARIANT")]
