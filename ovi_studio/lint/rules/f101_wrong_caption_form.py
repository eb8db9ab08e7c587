"""Rule wrong-caption-form."""

from collections.abc import Iterator

from ovi.spec.variants import AudioForm
from ovi_studio.lint.diagnostic import Finding, Fix
from ovi_studio.lint.edits import edit_between
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.format import format_for

_SHOWN = {
    AudioForm.TAGGED: "<AUDCAP>...<ENDAUDCAP>",
    AudioForm.PREFIXED: "Audio: ... at the end",
}


def check(subject: Subject) -> Iterator[Finding]:
    """An audio caption in the form of another variant.

    What it does
        Compares the form of the caption with the one the variant was trained on: tags for
        720x720_5s, the prefix `Audio:` for the others.

    Why it matters
        In the other form the caption is read as part of the scene. `ovi render` writes the right
        form by itself where the caption's borders are certain; other programs do not, or swallow
        text on the way.

    Example
        A pale face says <S>hello yellow<E>. <AUDCAP>A clear woman's voice.<ENDAUDCAP>

    Use instead
        A pale face says <S>hello yellow<E>. Audio: A clear woman's voice.

    Fix safety
        Safe: only the tags change. There is no fix where the caption's borders are in doubt.
    """
    form = subject.variant.audio_form
    written = format_for(subject.text, form)
    fix = None
    if written != subject.text:
        fix = Fix(f"Write {_SHOWN[form]}", (edit_between(subject.text, written),))
    for caption in subject.prompt.captions:
        if caption.form is not form and caption.text:
            yield Finding(
                f"{subject.variant.name} expects its audio caption as {_SHOWN[form]}.",
                caption.opening.span,
                fix,
            )
            fix = None  # it mends all of them
