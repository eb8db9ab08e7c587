"""What stands under the prompt while it is written: findings with fixes, speech time, real size."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ovi.spec.geometry import FrameSize
from ovi_studio.actions.live_check import LiveCheck, LiveChecker, fixed_cells
from ovi_studio.actions.settings import load_settings
from ovi_studio.lint.diagnostic import Diagnostic, Severity
from ovi_studio.prompt.prompt_set import IMAGE_COLUMN, TEXT_COLUMN, PromptRow
from ovi_studio.web.context import WebContext
from ovi_studio.web.page_form import FormValues, cells_of
from ovi_studio.web.page_markup import Markup, button, join, tag

MAX_SHOWN = 12
"""Findings that are shown; of a prompt with more, the rest is counted."""

_SIGNS = {Severity.ERROR: "✕", Severity.WARNING: "!", Severity.INFO: "i"}


def row_of_fields(values: FormValues, picture: Path | None, *, is_drawn: bool) -> PromptRow:
    """The fields as the row of a set, so that they are checked like one."""
    cells = {
        TEXT_COLUMN: values.prompt,
        **cells_of(values),
        IMAGE_COLUMN: "" if picture is None else str(picture),
        "mode": "i2v" if picture is not None else "t2i2v" if is_drawn else "t2v",
    }
    return PromptRow("1", 1, values.prompt, cells, tuple(cells))


def check_fields(context: WebContext, row: PromptRow) -> LiveCheck:
    """What there is to say about the fields. Raises StudioError for a broken configuration."""
    return _checker(context).check(row)


def fix_one(context: WebContext, row: PromptRow, key: str) -> Mapping[str, str] | None:
    """The cells that change when a finding is mended; None if the row has no such finding now."""
    for finding in check_fields(context, row).findings:
        if key_of(finding) == key and finding.fix is not None:
            return fixed_cells(row, finding)
    return None


def fix_all(context: WebContext, row: PromptRow) -> Mapping[str, str]:
    """The cells that change when everything is mended that is safe to mend."""
    return _checker(context).fix_safely(row)


def with_cells(values: FormValues, cells: Mapping[str, str]) -> FormValues:
    """The fields with what a fix makes of the texts and the size among them."""
    size = FrameSize.parse(cells["size"]) if cells.get("size") else None
    return replace(
        values,
        height=values.height if size is None else size.height,
        width=values.width if size is None else size.width,
        prompt=cells.get(TEXT_COLUMN, values.prompt),
        video_negative=cells.get("video_negative", values.video_negative),
        audio_negative=cells.get("audio_negative", values.audio_negative),
    )


def key_of(finding: Diagnostic) -> str:
    """Names a finding, so that a button can say which one it mends."""
    span = finding.span
    place = "" if span is None else f"{span.start}-{span.end}"
    return f"{finding.code}:{finding.cell}:{place}"


def show_check(check: LiveCheck) -> Markup:
    """Speech, tokens and findings."""
    if not check.text.strip():
        return tag("div", _hint(), class_="ovi-check")
    return tag("div", _speech_bar(check), _findings(check), class_="ovi-check", aria_live="polite")


def show_size(check: LiveCheck) -> Markup:
    """The size that comes out, and the length."""
    output = check.output
    if output.size is None:
        text = f"Real size: {output.note}."
        return tag("div", text, class_="ovi-size")
    shape = _shape(output.size.height, output.size.width)
    length = f"{check.clip_seconds:.2f} s, {check.view.variant.num_frames} frames at 24 a second"
    return tag(
        "div", shape,
        tag("div", tag("strong", f"{output.size.height}×{output.size.width}"),
            " pixels come out, height × width", tag("br"), tag("small", length)),
        class_="ovi-size",
    )  # fmt: skip


def _checker(context: WebContext) -> LiveChecker:
    return LiveChecker(load_settings(context.working_folder), context.working_folder)


def _hint() -> Markup:
    return tag(
        "p", "Say what is seen, put what is spoken between ", tag("code", "<S>"), " and ",
        tag("code", "<E>"), ", and end with ", tag("code", "Audio: "), "and how it sounds.",
        class_="ovi-hint",
    )  # fmt: skip


def _speech_bar(check: LiveCheck) -> Markup:
    """Speech against the clip: filled for the fastest pace, lighter for an ordinary one."""
    spoken, relaxed, clip = check.speech_seconds, check.relaxed_seconds, check.clip_seconds
    state = "over" if spoken > clip else "tight" if relaxed > clip else "fits"
    words = {
        "fits": "fits at an ordinary pace", "tight": "fits only if it is spoken fast",
        "over": "too long to be spoken",
    }[state]  # fmt: skip
    if not check.prompt.speeches:
        words = "nobody speaks"
    widths = [f"width:{min(100.0, 100 * seconds / clip):.1f}%" for seconds in (relaxed, spoken)]
    tokens = check.tokens
    kind = "" if tokens.is_exact else "about "
    return tag(
        "div",
        tag("div", tag("span", f"Speech {spoken:.1f} of {clip:.1f} s"), tag("span", words),
            class_="ovi-bar-label"),
        tag("div", tag("i", style=widths[0], class_="relaxed"), tag("i", style=widths[1]),
            class_=f"ovi-bar {state}", role="img", aria_label=f"Speech: {words}"),
        tag("small", f"{kind}{tokens.count} of {check.max_tokens} tokens",
            class_="over" if tokens.count > check.max_tokens else None),
    )  # fmt: skip


def _findings(check: LiveCheck) -> Markup:
    findings = sorted(check.findings, key=lambda finding: -finding.severity.rank)
    if not findings:
        return tag("p", tag("b", "✓"), " Nothing to complain about.", class_="ovi-clean")
    num_more = len(findings) - MAX_SHOWN
    shown = [_finding(finding, check.text) for finding in findings[:MAX_SHOWN]]
    head: list[Markup] = []
    if check.num_safe_fixes > 1:
        head = [button(f"Fix all {check.num_safe_fixes} that are safe", "fix-all", kind="quiet")]
    tail = [tag("li", f"and {num_more} more")] if num_more > 0 else []
    return join([*head, tag("ul", *shown, *tail, class_="ovi-findings")])


def _finding(finding: Diagnostic, text: str) -> Markup:
    about = "" if finding.cell == TEXT_COLUMN else f" ({finding.cell.replace('_', ' ')})"
    quoted = None
    if finding.span is not None and finding.cell == TEXT_COLUMN:
        cut = text[finding.span.start : finding.span.end].strip()
        if cut:
            quoted = tag("q", cut if len(cut) <= 60 else f"{cut[:59]}…")
    fix = None
    if finding.fix is not None:
        is_safe = finding.fix.is_safe
        fix = button(
            finding.fix.title if is_safe else f"{finding.fix.title} (a guess)", "fix",
            key=key_of(finding), kind="quiet",
        )  # fmt: skip
    return tag(
        "li",
        tag("span", _SIGNS[finding.severity], class_="sign", title=str(finding.severity)),
        tag("div", tag("span", finding.message, about), quoted and join([" ", quoted]),
            tag("small", f" {finding.code} {finding.name}"), fix and tag("div", fix)),
        class_=f"is-{finding.severity}",
    )  # fmt: skip


def _shape(height: int, width: int) -> Markup:
    """A small picture of the frame's shape."""
    longest = max(height, width)
    tall, wide = round(36 * height / longest), round(36 * width / longest)
    return tag("span", style=f"height:{tall}px;width:{wide}px", class_="ovi-shape")
