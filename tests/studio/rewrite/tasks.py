"""Tasks and judges for tests, without a project."""

from ovi.spec.variants import variant_named
from ovi_studio.lint.registry import RULES
from ovi_studio.lint.subject import Target
from ovi_studio.prompt.parse import parse_prompt
from ovi_studio.prompt.prompt_set import TEXT_COLUMN, PromptRow
from ovi_studio.rewrite.acceptance import Judge
from ovi_studio.rewrite.budget import budgets_of
from ovi_studio.rewrite.order import Task
from ovi_studio.rewrite.part import Part, find_slots

TWO_LINES = (
    "A singer in a glittering jacket grips the microphone, sweat on his brow, red light behind "
    "him, and shouts, <S>Tonight we play until the roof comes off.<E>. The crowd roars, fists in "
    "the air. Beside him a guitarist in a torn shirt leans in and adds, <S>And after that?<E> The "
    "drummer laughs, the camera circles slowly around the three of them, dust in the light. "
    "<AUDCAP>Electric guitar riffs, cheering crowd, two male voices.<ENDAUDCAP>"
)


def row_of(text, row_id="1"):
    return PromptRow(row_id, 2, text, {TEXT_COLUMN: text})


def task_of(text, part=Part.SPEECH, variant="720x720_5s", row_id="1", draw=1):
    prompt = parse_prompt(text)
    slots = find_slots(prompt, part)
    chosen = variant_named(variant)
    return Task(
        row_of(text, row_id), draw, prompt, slots, budgets_of(prompt, slots, chosen), chosen
    )


def judge(**options):
    return Judge(RULES, Target(), **options)
