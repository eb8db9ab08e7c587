"""Rule no-caption."""

from collections.abc import Iterator

from ovi.spec.variants import AudioForm
from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """A prompt without an audio caption.

    What it does
        Reports that nothing says what is heard.

    Why it matters
        Voices, room, sounds and music are then left to chance; all but one of the 65 published
        examples have a caption.

    Example
        A pale face with black hair looks at us and says <S>hello yellow<E>.

    Use instead
        A pale face with black hair looks at us and says <S>hello yellow<E>. Audio: A quiet room.

    Fix safety
        There is no fix: only you know what is heard.
    """
    is_tagged = subject.variant.audio_form is AudioForm.TAGGED
    form = "<AUDCAP>...<ENDAUDCAP>" if is_tagged else "Audio: ..."
    yield Finding(f"Nothing says what is heard: end the prompt with {form}")
