"""What the rewrite view says before anything is asked: how to begin, and what it will cost."""

from ovi_studio.actions.rewriting import RewritePlan
from ovi_studio.report.rewriting import estimate_line
from ovi_studio.rewrite.estimate import Estimate
from ovi_studio.rewrite.part import Part

HINT = """\
Other words for your prompts: choose a set, press enter, write a theme, and press ctrl+r.

Only the chosen part changes; tags, scene and sound stay byte for byte. Each line fits its time in \
the clip, and nothing is written before you have accepted it.

The offline bank needs no server. A server that speaks OpenAI's chat completions writes better: \
choose "set up a server" as writer."""

_PARTS = {
    Part.SPEECH: "The speech",
    Part.AUDIO: "The audio caption",
    Part.SCENE: "The scene",
    Part.ALL: "Speech, audio caption and scene",
}


def cost_text(plan: RewritePlan, estimate: Estimate | None) -> str:
    """Who writes what, what it costs, and what is noteworthy."""
    what = f"{_PARTS[plan.order.wish.part]} of {rows_text(len(plan.rows) - len(plan.kept))}"
    if plan.connection is None:
        lines = [f"{what}, by the {plan.label}. It costs nothing."]
    else:
        lines = [f"{what}, by {plan.label}."]
        if estimate is not None:
            lines.append(estimate_line(estimate, plan.connection))
    if plan.kept:
        lines.append(f"{rows_text(len(plan.kept))} cannot be rewritten: {plan.kept[0].reason}")
    return "\n".join([*lines, *plan.notes])


def rows_text(count: int) -> str:
    """So many rows, in words."""
    return "1 row" if count == 1 else f"{count} rows"
