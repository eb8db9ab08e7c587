"""How a prompt looks when it is shown: its parts, its speech against the clip, its findings."""

from collections.abc import Iterable, Iterator
from typing import Any

from ovi_studio.actions.inspecting import PromptView
from ovi_studio.lint.diagnostic import Diagnostic
from ovi_studio.prompt.model import SegmentKind, Span
from ovi_studio.report.plain import printable, screen_width, wrapped

BAR_WIDTH = 40
_LABEL_WIDTH = 10


def prompt_text(view: PromptView) -> str:
    """The prompt for people, as plain text."""
    width = screen_width()
    lines = [_title(view), *_structure(view, width), "", *_facts(view, width)]
    if view.findings:
        lines += ["", *finding_lines(view.findings)]
    return "\n".join(lines)


def finding_lines(findings: Iterable[Diagnostic]) -> Iterator[str]:
    """Each finding in a line or two: where, how bad, what."""
    width = screen_width()
    return (_finding_line(finding, width) for finding in findings)


def _finding_line(finding: Diagnostic, width: int) -> str:
    head = f"{finding.line}:{finding.column} {finding.severity} {finding.code} {finding.name}: "
    return wrapped(head + finding.message, width, "    ")


def _title(view: PromptView) -> str:
    place = f" row {view.row.id} (line {view.row.line})" if view.row.source else ""
    return f"{printable(view.name + place)}, for {view.variant.name}, mode {view.mode}"


def _structure(view: PromptView, width: int) -> Iterator[str]:
    """One paragraph for each part, in the order of the prompt."""
    speeches = iter(zip(view.prompt.speeches, view.time.lines, strict=True))
    captions = iter(view.prompt.captions)
    end = 0.0
    for segment in view.prompt.segments:
        match segment.kind:
            case SegmentKind.SPEECH:
                speech, time = next(speeches)
                start, end = end, end + time.seconds
                words = f"{start:.1f} to {end:.1f} s  {speech.text.strip()}"
                yield _part("speech", words if speech.is_closed else f"{words} (left open)", width)
            case SegmentKind.CAPTION:
                yield _part("audio", next(captions).text, width)
            case SegmentKind.STRAY:
                yield _part("stray", segment.span.of(view.prompt.text), width)
            case SegmentKind.SCENE:
                words = segment.span.of(view.prompt.text).strip()
                if words:
                    yield _part("scene", words, width)


def _facts(view: PromptView, width: int) -> Iterator[str]:
    total, clip = view.time.total, view.variant.video_seconds
    yield _part(
        "speech",
        f"{_bar(total.seconds, clip)} {total.seconds:.1f} of {clip:.1f} s at the fastest pace the "
        f"model knows, {total.relaxed_seconds:.1f} s at an ordinary rate",
        width,
    )
    how = "exact" if view.tokens.is_exact else "estimate, on the high side"
    yield _part("tokens", f"{view.tokens.count} of {view.variant.max_tokens} ({how})", width)
    yield _part("size", _size(view), width)


def _size(view: PromptView) -> str:
    output = view.output
    if output.size is None:
        return output.note
    if output.asked == output.size:
        return str(output.size)
    return f"{output.size}, fitted from {output.asked}"


def _bar(seconds: float, clip: float) -> str:
    """The speech in the clip; what does not fit stands behind it."""
    filled = round(BAR_WIDTH * seconds / clip)
    inside = "#" * min(filled, BAR_WIDTH)
    return f"[{inside:-<{BAR_WIDTH}}]{'>' * min(filled - BAR_WIDTH, BAR_WIDTH)}"


def _part(label: str, text: str, width: int) -> str:
    return f"{label:<{_LABEL_WIDTH}}{wrapped(text, width, ' ' * _LABEL_WIDTH)}"


def prompt_data(view: PromptView) -> dict[str, Any]:
    """The prompt as plain JSON values. Spans count characters of `text`; sizes are in pixels.

    `set`, `row`, `line` (null for a prompt from no file), `variant`, `mode`, `text`; `segments`
    (`kind`: scene, speech, caption or stray; `span`); `speeches` (`text`, `span`, `is_closed`,
    `seconds`, `end_seconds`, `relaxed_seconds`); `audio` (`text`, `span`, `form`) or null;
    `speech_seconds`, `relaxed_speech_seconds`, `clip_seconds`; `tokens` (`count`, `is_exact`,
    `limit`); `size`, `asked_size` (`height`, `width`, or null) and `size_note`; `findings`.
    """
    row, output, total = view.row, view.output, view.time.total
    audio = view.prompt.audio
    return {
        "set": view.name,
        "row": row.id,
        "line": row.line if row.source else None,
        "variant": view.variant.name,
        "mode": view.mode,
        "text": view.prompt.text,
        "segments": [
            {"kind": segment.kind, "span": _span_data(segment.span)}
            for segment in view.prompt.segments
        ],
        "speeches": list(_speech_data(view)),
        "audio": audio and {
            "text": audio.text, "span": _span_data(audio.span), "form": audio.form,
        },
        "speech_seconds": round(total.seconds, 2),
        "relaxed_speech_seconds": round(total.relaxed_seconds, 2),
        "clip_seconds": round(view.variant.video_seconds, 3),
        "tokens": {
            "count": view.tokens.count,
            "is_exact": view.tokens.is_exact,
            "limit": view.variant.max_tokens,
        },
        "size": output.size and {"height": output.size.height, "width": output.size.width},
        "asked_size": output.asked and {
            "height": output.asked.height, "width": output.asked.width,
        },
        "size_note": output.note,
        "findings": [finding_data(finding) for finding in view.findings],
    }  # fmt: skip


def _speech_data(view: PromptView) -> Iterator[dict[str, Any]]:
    end = 0.0
    for speech, time in zip(view.prompt.speeches, view.time.lines, strict=True):
        end += time.seconds
        yield {
            "text": speech.text,
            "span": _span_data(speech.span),
            "is_closed": speech.is_closed,
            "seconds": round(time.seconds, 2),
            "end_seconds": round(end, 2),
            "relaxed_seconds": round(time.relaxed_seconds, 2),
        }


def finding_data(finding: Diagnostic) -> dict[str, Any]:
    """A finding as plain JSON values, without its fix."""
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity,
        "message": finding.message,
        "line": finding.line,
        "column": finding.column,
        "span": None if finding.span is None else _span_data(finding.span),
    }


def _span_data(span: Span) -> dict[str, int]:
    return {"start": span.start, "end": span.end}
