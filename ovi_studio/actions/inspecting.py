"""Looking at prompts and sets: what `ovi show`, `ovi stats` and `ovi sets` do, for every screen."""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ovi.errors import OviError
from ovi.image_header import read_image_size
from ovi.spec.geometry import FrameSize, fit_size, fit_size_to_image, picture_size
from ovi.spec.request import Mode
from ovi.spec.variants import Variant
from ovi_studio.actions.authoring import row_of_text, variant_of
from ovi_studio.actions.linting import Tally, lint_options, lint_sources
from ovi_studio.actions.settings import choices_of_settings, default_variant, tokenizer_path
from ovi_studio.errors import StudioError
from ovi_studio.lint.diagnostic import Diagnostic, Severity
from ovi_studio.lint.files import RowLinter
from ovi_studio.lint.limits import count_words
from ovi_studio.lint.rule import Kind
from ovi_studio.lint.subject import Target
from ovi_studio.project.config import StudioConfig
from ovi_studio.project.image_cells import find_picture
from ovi_studio.project.layout import find_layout
from ovi_studio.project.prompt_sources import TextSource, rows_of
from ovi_studio.project.sets import SetRow, find_sets, set_folder, set_name
from ovi_studio.prompt.format import format_for
from ovi_studio.prompt.model import Prompt
from ovi_studio.prompt.parse import parse_prompt
from ovi_studio.prompt.prompt_set import PromptRow
from ovi_studio.prompt.timing import PromptTime, time_prompt
from ovi_studio.prompt.tokens import TokenCount, clean_text, count_tokens
from ovi_studio.render.choices import Choices, choices_of_row
from ovi_studio.render.settings import mode_for


@dataclass(frozen=True, slots=True)
class OutputSize:
    """The size that comes out."""

    size: FrameSize | None
    """None: it is not known, see `note`."""
    asked: FrameSize | None
    """What it was fitted from: the size asked for, or the first frame's."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class PromptView:
    """Everything worth knowing about one prompt."""

    name: str
    """The set or `prompt`."""
    row: PromptRow
    prompt: Prompt
    variant: Variant
    mode: Mode
    time: PromptTime
    tokens: TokenCount
    """Of the prompt as the variant gets it."""
    output: OutputSize
    findings: tuple[Diagnostic, ...]


class PromptViewer:
    """Views prompts of one set, or of none, one at a time and as often as wanted."""

    def __init__(
        self,
        path: Path | None,
        config: StudioConfig,
        working_folder: Path,
        variant: Variant | None = None,
    ) -> None:
        """`path` is the set's; `variant` the one that the user names."""
        self._name = set_name(path, find_layout(working_folder)) if path else "prompt"
        self._config = config
        self._variant = variant
        self._options = replace(lint_options(config, working_folder), variant=variant)
        self._target = self._options.target(path)
        self._file = str(path or "prompt")
        self._folders = (path.parent, working_folder) if path else (working_folder,)
        self._tokenizer = tokenizer_path(config, working_folder)

    @property
    def target(self) -> Target:
        """What the prompts are checked for."""
        return self._target

    def linter(self, kinds: Collection[Kind] = tuple(Kind)) -> RowLinter:
        """What checks rows: in order, for rules about the set remember the rows before."""
        rules = [rule for rule in self._options.rules if rule.kind in kinds]
        return RowLinter(self._file, rules, self._target)

    def view(self, row: PromptRow, linter: RowLinter) -> PromptView:
        """Everything worth knowing about a row."""
        variant = self._variant or variant_of(row) or default_variant(self._config)
        chosen = _choices(row, self._config)
        prompt = parse_prompt(row.text)
        return PromptView(
            self._name,
            row,
            prompt,
            variant,
            mode_for(chosen),
            time_prompt(prompt),
            _count_tokens(row.text, variant, self._tokenizer),
            _output_size(chosen, variant, self._folders),
            tuple(linter.diagnostics_of(row)),
        )


def view_prompts(
    source: TextSource | SetRow,
    config: StudioConfig,
    working_folder: Path,
    variant: Variant | None = None,
) -> Iterator[PromptView]:
    """A view of each prompt that a source names.

    `variant` is the one the user names; without it the row's own counts, then the configured one.
    Raises PromptFileError for a set that cannot be read.
    """
    path = source.path if isinstance(source, SetRow) else None
    rows = rows_of(source) if isinstance(source, SetRow) else iter([row_of_text(source.text)])
    viewer = PromptViewer(path, config, working_folder, variant)
    linter = viewer.linter()
    for row in rows:
        yield viewer.view(row, linter)


def _choices(row: PromptRow, config: StudioConfig) -> Choices:
    """What the row and the configuration say; of a row that cannot be read, the latter only."""
    configured = choices_of_settings(config)
    try:
        return choices_of_row(row.values).over(configured)
    except (StudioError, OviError):
        return configured  # the linter says what is wrong with the row


def _count_tokens(text: str, variant: Variant, tokenizer: Path) -> TokenCount:
    written = format_for(text, variant.audio_form)
    if variant.is_embedded:  # it reads bytes, and one token ends the text
        return TokenCount(len(clean_text(written).encode("utf-8", "replace")) + 1, is_exact=True)
    return count_tokens(written, tokenizer)


def _output_size(chosen: Choices, variant: Variant, folders: tuple[Path, ...]) -> OutputSize:
    area = variant.target_area
    mode = mode_for(chosen)
    if mode is Mode.I2V:
        return _size_of_first_frame(chosen.image, area, folders)
    side = math.isqrt(area)
    asked = chosen.size or FrameSize(side, side)
    if mode is Mode.T2V:
        return OutputSize(fit_size(asked.height, asked.width, area), asked)
    drawn = picture_size(asked.height, asked.width, area)
    return OutputSize(fit_size_to_image(drawn.height, drawn.width, area), drawn)


def _size_of_first_frame(image: str | None, area: int, folders: tuple[Path, ...]) -> OutputSize:
    if not image:
        return OutputSize(None, None, "it follows the first frame, and none is named")
    path = find_picture(image, folders)
    if path is None:
        return OutputSize(None, None, f"it follows the first frame, and {image} is not there")
    try:
        size = read_image_size(path)
    except OviError as error:
        return OutputSize(None, None, str(error))
    return OutputSize(fit_size_to_image(size.height, size.width, area), size)


@dataclass(frozen=True, slots=True)
class Spread:
    """A quantity over the rows of a set."""

    total: float = 0
    least: float = 0
    median: float = 0
    most: float = 0


@dataclass(frozen=True, slots=True)
class SetSummary:
    """What a set holds."""

    path: Path
    name: str
    num_rows: int
    num_clips: int
    """rows times their repeats"""
    words: Spread
    """of a prompt, tags not counted"""
    spoken_words: Spread
    speech_seconds: Spread
    """at the pace of the fastest published lines"""
    caption_words: Spread
    """of the rows that have an audio caption"""
    num_silent: int
    """rows without speech"""
    num_without_caption: int
    num_images: int
    """rows that name a first frame"""
    num_missing_images: int
    findings: dict[Severity, int] | None
    """None: the set was not checked"""


@dataclass(slots=True)
class _Tally:
    """What is counted while rows go by."""

    words: list[int] = field(default_factory=list)
    spoken_words: list[int] = field(default_factory=list)
    speech_seconds: list[float] = field(default_factory=list)
    caption_words: list[int] = field(default_factory=list)
    num_clips: int = 0
    num_images: int = 0
    num_missing_images: int = 0


def summarize_set(
    source: SetRow, config: StudioConfig, working_folder: Path, *, checks: bool = True
) -> SetSummary:
    """What a set holds, row by row. Raises PromptFileError.

    Without `checks` the linter is left out, which takes most of the time.
    """
    path = source.path
    tally, findings = _Tally(), Tally()
    for row in rows_of(source):
        _count_row(tally, row, config, (path.parent, working_folder))
    if checks:
        for _ in lint_sources([source], lint_options(config, working_folder), findings):
            pass  # it counts along
    return SetSummary(
        path,
        set_name(path, find_layout(working_folder)),
        len(tally.words),
        tally.num_clips,
        _spread(tally.words),
        _spread(tally.spoken_words),
        _spread(tally.speech_seconds),
        _spread(tally.caption_words),
        tally.spoken_words.count(0),
        len(tally.words) - len(tally.caption_words),
        tally.num_images,
        tally.num_missing_images,
        findings.by_severity if checks else None,
    )


def _count_row(
    tally: _Tally, row: PromptRow, config: StudioConfig, folders: tuple[Path, ...]
) -> None:
    prompt = parse_prompt(row.text)
    spoken = sum(count_words(speech.text) for speech in prompt.speeches)
    captions = [count_words(caption.text) for caption in prompt.captions]
    tally.words.append(count_words(prompt.scene_text) + spoken + sum(captions))
    tally.spoken_words.append(spoken)
    tally.speech_seconds.append(time_prompt(prompt).total.seconds)
    if captions:
        tally.caption_words.append(sum(captions))
    tally.num_clips += max(1, _choices(row, config).repeats or 1)
    if row.image_path:
        tally.num_images += 1
        tally.num_missing_images += find_picture(row.image_path, folders) is None


def _spread(numbers: list[int] | list[float]) -> Spread:
    if not numbers:
        return Spread()
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    median = (ordered[middle] + ordered[~middle]) / 2
    return Spread(sum(ordered), ordered[0], median, ordered[-1])


def project_sets(working_folder: Path) -> list[Path]:
    """The sets of the project, by name; none if it has no folder for them."""
    folder = set_folder(find_layout(working_folder))
    return find_sets(folder) if folder.is_dir() else []
