"""Rule variant-mismatch."""

from collections.abc import Iterator

from ovi.errors import RequestError
from ovi.spec.variants import variant_named
from ovi_studio.lint.diagnostic import Finding, Severity
from ovi_studio.lint.subject import MODE_COLUMN, MODES, VARIANT_COLUMNS, Subject
from ovi_studio.prompt.model import Span


def check(subject: Subject) -> Iterator[Finding]:
    """A row meant for another variant or mode than the one it is checked for.

    What it does
        Compares the row's columns `variant` (or `model_name`) and `mode` with what was given on the
        command line, which wins; and reports variants that do not exist.

    Why it matters
        A prompt for 10 seconds has too many words for 5, and each variant has its own form of
        caption.

    Example (csv, nano)
        text_prompt,variant
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,960x960_10s

    Use instead (csv, nano)
        text_prompt,variant
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,nano

    Fix safety
        There is no fix: either may be what was meant.
    """
    values, target = subject.row.values, subject.target
    for column in VARIANT_COLUMNS:
        written = values.get(column, "").strip()
        if not written:
            continue
        whole = Span(0, len(values[column]))
        try:
            variant_named(written)
        except RequestError as error:
            yield Finding(str(error), whole, severity=Severity.ERROR, cell=column)
            continue
        if written != subject.variant.name:
            yield Finding(
                f"The row is for {written} and is checked for {subject.variant.name}: leave out "
                "--variant, or change the row.",
                whole,
                cell=column,
            )
    mode = values.get(MODE_COLUMN, "").strip()
    if target.mode is not None and mode in MODES and mode != target.mode:
        yield Finding(
            f"The row is for mode {mode} and is checked for {target.mode}: leave out --mode, or "
            "change the row.",
            Span(0, len(values[MODE_COLUMN])),
            cell=MODE_COLUMN,
        )
