"""A prompt checked while it is written: structure, findings with fixes, and how much of it fits.

For editors, which ask after every key. The same is to be had from `ovi lint` and `ovi show`, but
for the rules that compare the rows of a set: those need the whole set.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ovi.spec.variants import Variant
from ovi_studio.actions.authoring import row_of_text
from ovi_studio.actions.inspecting import OutputSize, PromptView, PromptViewer
from ovi_studio.lint.diagnostic import Diagnostic, Severity
from ovi_studio.lint.edits import apply_edits
from ovi_studio.lint.fixer import Fixer
from ovi_studio.lint.rule import Kind
from ovi_studio.project.config import StudioConfig
from ovi_studio.prompt.model import Prompt
from ovi_studio.prompt.prompt_set import TEXT_COLUMN, PromptRow
from ovi_studio.prompt.tokens import TokenCount


@dataclass(frozen=True)
class LiveCheck:
    """What there is to say about a prompt as it stands."""

    view: PromptView
    """All of it; what editors mostly need is below."""

    @property
    def text(self) -> str:
        """The prompt."""
        return self.view.row.text

    @property
    def prompt(self) -> Prompt:
        """Its parts: speeches, captions, marks, each with its span."""
        return self.view.prompt

    @property
    def findings(self) -> tuple[Diagnostic, ...]:
        """By position; those about the row as a whole have no span, those about another cell name
        it in `cell`."""
        return self.view.findings

    @property
    def speech_seconds(self) -> float:
        """What the speech takes at the pace of the fastest published lines."""
        return self.view.time.total.seconds

    @property
    def relaxed_seconds(self) -> float:
        """What the speech takes at an ordinary rate."""
        return self.view.time.total.relaxed_seconds

    @property
    def clip_seconds(self) -> float:
        """The length of the variant's clips."""
        return self.view.variant.video_seconds

    @property
    def tokens(self) -> TokenCount:
        """Of the prompt as the variant gets it."""
        return self.view.tokens

    @property
    def max_tokens(self) -> int:
        """What the text encoder reads; the rest is cut."""
        return self.view.variant.max_tokens

    @property
    def output(self) -> OutputSize:
        """The size of the picture that comes out."""
        return self.view.output

    @property
    def worst(self) -> Severity | None:
        """How bad the worst finding is; None if there is none."""
        severities = (finding.severity for finding in self.findings)
        return max(severities, key=lambda severity: severity.rank, default=None)

    @cached_property
    def num_safe_fixes(self) -> int:
        """Findings that `fix_safely` may mend."""
        return sum(1 for one in self.findings if one.fix is not None and one.fix.is_safe)


class LiveChecker:
    """Checks prompts of one set, or of none, as often as wanted. Make one anew when the
    configuration changes. One thread at a time."""

    def __init__(
        self,
        config: StudioConfig,
        working_folder: Path,
        *,
        path: Path | None = None,
        variant: Variant | None = None,
    ) -> None:
        """`path` is the set's; `variant` wins over what rows say."""
        self._viewer = PromptViewer(path, config, working_folder, variant)
        self._linter = self._viewer.linter([Kind.ROW])
        self._codes = {rule.code for rule in self._linter.rules}

    def check(self, row: PromptRow) -> LiveCheck:
        """What there is to say about a row."""
        return LiveCheck(self._viewer.view(row, self._linter))

    def severity_of(self, row: PromptRow) -> Severity | None:
        """How bad the worst finding in a row is; cheaper than all there is to say."""
        found = self._linter.diagnostics_of(row)
        return max((one.severity for one in found), key=lambda one: one.rank, default=None)

    def fix_safely(self, row: PromptRow) -> Mapping[str, str]:
        """The cells that change, by column, when all safe fixes are applied that do no harm."""
        fixer = Fixer(
            self._viewer.target, lambda _, rule, fix: fix.is_safe and rule.code in self._codes
        )
        return fixer.fix(row).changes


def check_live(
    text: str,
    config: StudioConfig,
    working_folder: Path,
    *,
    row: PromptRow | None = None,
    path: Path | None = None,
    variant: Variant | None = None,
) -> LiveCheck:
    """What there is to say about a prompt; `row` has the other cells, `path` is the set's.

    Who checks often keeps a `LiveChecker`.
    """
    checker = LiveChecker(config, working_folder, path=path, variant=variant)
    return checker.check(row_with_text(row, text))


def row_with_text(row: PromptRow | None, text: str) -> PromptRow:
    """A row as it would be with another prompt; of none, a row with nothing else."""
    if row is None:
        return row_of_text(text)
    return replace(row, text=text, values={**row.values, TEXT_COLUMN: text}, source=None)


def fixed_cells(row: PromptRow, finding: Diagnostic) -> Mapping[str, str]:
    """The cells that change, by column, when the fix of a finding is applied to its row.

    Empty if it has none.
    """
    if finding.fix is None:
        return {}
    by_cell: dict[str, str] = {}
    for cell in dict.fromkeys(edit.cell for edit in finding.fix.edits):
        edits = [edit for edit in finding.fix.edits if edit.cell == cell]
        by_cell[cell] = apply_edits(row.values.get(cell, ""), edits)
    return by_cell
