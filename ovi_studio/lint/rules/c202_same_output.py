"""Rule same-output."""

from collections.abc import Callable, Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.same_clip import clip_key, has_notes, row_key
from ovi_studio.lint.subject import Subject


def start_watch() -> Callable[[Subject], Iterator[Finding]]:
    """A row that would make the same clip as an earlier one.

    What it does
        Compares the cells that decide a clip: prompt, picture, seed, variant, size, negative
        prompts and the like. Rows that are the same altogether are duplicate-row's business.

    Why it matters
        The clip is rendered once for both rows.

    Example (csv)
        text_prompt,seed,remark
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,1,first try
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,1,second try

    Use instead (csv)
        text_prompt,seed,remark
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,1,first try
        A pale face looks at us and says <S>hello yellow<E>. Audio: A voice.,2,second try

    Fix safety
        There is no fix: give one of the rows another seed, or delete it.
    """
    lines: dict[int, int] = {}
    rows: set[int] = set()

    def check(subject: Subject) -> Iterator[Finding]:
        if not has_notes(subject.row.columns):
            return  # rows can differ only in what decides a clip
        whole = row_key(subject)
        line = lines.setdefault(clip_key(subject), subject.row.line)
        if line != subject.row.line and whole not in rows:
            yield Finding(
                f"This row makes the same clip as line {line}: change the seed, or delete one."
            )
        rows.add(whole)

    return check
