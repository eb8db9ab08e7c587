"""The configuration that holds for one command: command line > environment > project > user.

What nobody says is None, and decided by whoever uses it; `project/config_settings.py` knows what
that comes to. Relative paths count from the folder of the file that names them, those of a variable
from the working folder.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from ovi.spec.geometry import FrameSize
from ovi.spec.placement import HostMemory, Offload
from ovi.spec.request import Mode, NoiseSource, TransformerPrecision
from ovi_studio.errors import UsageError
from ovi_studio.project.config_file import ConfigFile, Entry, read_config_file, read_value
from ovi_studio.project.config_settings import DEFAULT_VARIANT, SETTING_OF, SETTINGS, Setting
from ovi_studio.project.layout import PROJECT_FILE, find_layout

USER_FILE = Path("ovi", "config.toml")
"""Inside the folder where the platform keeps configurations."""


class Layer(StrEnum):
    """Who said a value; the first of these who says it wins."""

    COMMAND_LINE = "command line"
    ENVIRONMENT = "environment"
    PROJECT = "project"
    USER = "user"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from."""

    layer: Layer
    place: str = ""
    """`FILE, line N`, or the name of a variable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSettings:
    """Table `[render]`. None: nobody says it."""

    variant: str | None = None
    mode: Mode | None = None
    size: FrameSize | None = None
    seed: int | None = None
    repeats: int | None = None
    steps: int | None = None
    solver: str | None = None
    shift: float | None = None
    video_guidance: float | None = None
    audio_guidance: float | None = None
    slg_layer: int | None = None
    video_negative: str | None = None
    audio_negative: str | None = None
    output: Path | None = None
    """absolute, as `ckpt_dir`"""
    device: str | None = None
    profile: str | None = None
    precision: TransformerPrecision | None = None
    text_precision: TransformerPrecision | None = None
    vae_precision: TransformerPrecision | None = None
    vae_tiling: int | None = None
    """pixels; 0: no tiles"""
    offload: Offload | None = None
    resident_blocks: int | None = None
    host_memory: HostMemory | None = None
    attention: str | None = None
    noise: NoiseSource | None = None
    ckpt_dir: Path | None = None
    picture_model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LintSettings:
    """Table `[lint]`: rules by code, beginning of a code, or name."""

    select: tuple[str, ...] | None = None
    """None: all."""
    ignore: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSettings:
    """Table `[disk]`: what may stay on the disk. None: nobody says it."""

    encodings_gb: float | None = None
    logs_days: float | None = None
    trash_days: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewSettings:
    """Table `[preview]`: what is seen of a clip while it is denoised. None: nobody says it."""

    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class StudioConfig:
    """Every setting, and where each comes from."""

    render: RenderSettings
    lint: LintSettings
    disk: DiskSettings = DiskSettings()
    preview: PreviewSettings = PreviewSettings()
    llm: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Connections by name, unchecked; those of the user's file may hold secrets."""
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """By key (`render.seed`); a key that is not here has its default."""
    project_path: Path | None = None
    """The `ovi.toml` in effect."""
    user_path: Path | None = None
    """Where the user's own file is, or would be."""

    @property
    def variant_name(self) -> str:
        """The variant that holds where no row names another."""
        return self.render.variant or DEFAULT_VARIANT

    @property
    def names_variant(self) -> bool:
        """True if somebody chose the variant."""
        return self.render.variant is not None

    def value(self, key: str) -> Any:
        """The value of a setting by its key; None: nobody says it."""
        section, _, name = key.partition(".")
        return getattr(getattr(self, section), name)

    def origin(self, key: str) -> Origin:
        """Who said the value of a setting."""
        return self.origins.get(key, Origin(Layer.DEFAULT))


def load_config(
    working_folder: Path, environment: Mapping[str, str], said: Mapping[str, object] | None = None
) -> StudioConfig:
    """The configuration for a command that runs in `working_folder`.

    `said` is what the command line says, by key; None in it says nothing. The project is found
    upwards from the working folder. Raises UsageError that names the file or variable and the key.
    """
    project_path, user_path = config_paths(working_folder, environment)
    user = _read_existing(user_path, may_hold_secrets=True)
    project = _read_existing(project_path, may_hold_secrets=False)
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    layers = (
        (Layer.USER, user.entries if user else ()),
        (Layer.PROJECT, project.entries if project else ()),
        (Layer.ENVIRONMENT, _variables(environment, working_folder)),
        (Layer.COMMAND_LINE, _said(said or {}, working_folder)),
    )
    for layer, entries in layers:
        for entry in entries:
            values[entry.setting.key] = entry.value
            origins[entry.setting.key] = Origin(layer, entry.place)
    return StudioConfig(
        RenderSettings(**_section(values, "render")),
        LintSettings(**_section(values, "lint")),
        DiskSettings(**_section(values, "disk")),
        PreviewSettings(**_section(values, "preview")),
        _merged_llm(user, project),
        origins,
        project.path if project else None,
        user_path,
    )


def config_paths(working_folder: Path, environment: Mapping[str, str]) -> tuple[Path, Path | None]:
    """The project's file and the user's, whether they exist or not."""
    return find_layout(working_folder).root / PROJECT_FILE, user_config_path(environment)


def user_config_path(environment: Mapping[str, str], platform: str = sys.platform) -> Path | None:
    """The user's own configuration file, whether it exists or not.

    `$XDG_CONFIG_HOME/ovi/config.toml` where that variable is set; else in `%APPDATA%` on Windows,
    `~/Library/Application Support` on macOS, `~/.config` elsewhere. None where no home is known.
    """
    named = Path(environment.get("XDG_CONFIG_HOME", ""))
    if named.is_absolute():  # the specification wants relative ones ignored
        return named / USER_FILE
    if platform == "win32":
        folder = environment.get("APPDATA")
        return Path(folder) / USER_FILE if folder else None
    home = environment.get("HOME")
    if not home:
        return None
    folder = "Library/Application Support" if platform == "darwin" else ".config"
    return Path(home) / folder / USER_FILE


def unknown_variables(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Variables that are probably misspelt, each with the one that was probably meant."""
    import difflib  # only the few who need it pay for it

    known = [setting.variable for setting in SETTINGS]
    pairs = []
    for name in environment:
        if name.startswith("OVI_") and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
            pairs += [(name, near[0])] if near else []
    return pairs


def _read_existing(path: Path | None, *, may_hold_secrets: bool) -> ConfigFile | None:
    if path is None or not path.is_file():
        return None
    return read_config_file(path, may_hold_secrets=may_hold_secrets)


def _variables(environment: Mapping[str, str], working_folder: Path) -> Iterator[Entry]:
    """What the environment says; an empty variable says nothing."""
    for setting in SETTINGS:
        text = environment.get(setting.variable, "").strip()
        if text:
            yield _entry_of_text(setting, text, working_folder)


def _entry_of_text(setting: Setting, text: str, folder: Path) -> Entry:
    try:
        value = setting.kind.from_text(text)
    except ValueError as error:
        raise UsageError(
            f"{setting.variable}: {setting.key} must be {setting.kind.described}, not {text!r}."
        ) from error
    return Entry(setting, read_value(setting, value, folder, setting.variable), setting.variable)


def _said(said: Mapping[str, object], folder: Path) -> Iterator[Entry]:
    for key, value in said.items():
        if value is not None:
            setting = SETTING_OF[key]
            yield Entry(setting, read_value(setting, value, folder, "The command line"), "")


def _section(values: Mapping[str, Any], section: str) -> dict[str, Any]:
    return {
        SETTING_OF[key].name: value
        for key, value in values.items()
        if SETTING_OF[key].section == section
    }


def _merged_llm(user: ConfigFile | None, project: ConfigFile | None) -> dict[str, dict[str, Any]]:
    """The connections of both files; of one that both name, the project's values win."""
    merged: dict[str, dict[str, Any]] = {}
    for file in (user, project):
        for name, table in (file.llm if file else {}).items():
            merged[name] = {**merged.get(name, {}), **table}
    return merged
