"""Guesses for which variant a set was written, where nobody says it."""

from collections.abc import Sequence

from ovi.spec.variants import VARIANTS, AudioForm, Variant
from ovi_studio.lint.limits import count_words, limits_of
from ovi_studio.prompt.model import Prompt
from ovi_studio.prompt.timing import time_prompt


def guess_variant(prompts: Sequence[Prompt]) -> Variant:
    """The variant whose caption form, prompt length and amount of speech fit all the prompts."""
    nano, five = VARIANTS["nano"], VARIANTS["960x960_5s"]
    if any(prompt.audio and prompt.audio.form is AudioForm.TAGGED for prompt in prompts):
        return VARIANTS["720x720_5s"]
    if all(len(prompt.text.split()) <= limits_of(nano).prompt_to for prompt in prompts):
        return nano
    for prompt in prompts:
        num_words = sum(count_words(speech.text) for speech in prompt.speeches)
        too_long = time_prompt(prompt).total.seconds > five.video_seconds
        if too_long or num_words > limits_of(five).speech_error:
            return VARIANTS["960x960_10s"]
    return five
