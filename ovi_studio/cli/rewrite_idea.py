"""New prompts from an idea, on the command line."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ovi_studio.actions.inventing import IdeaOrder, IdeaResult, IdeaSession, save_ideas
from ovi_studio.actions.rewritten_sets import checked_target, free_path, slug_of
from ovi_studio.cli.following import talk, write_result
from ovi_studio.errors import ExitCode, StudioError
from ovi_studio.project.layout import find_layout
from ovi_studio.project.sets import set_folder
from ovi_studio.report.expansion import counted
from ovi_studio.report.json import json_text
from ovi_studio.report.paths import short_path
from ovi_studio.report.rewriting import (
    REWRITE_VERSION,
    estimate_data,
    estimate_line,
    idea_data,
    idea_line,
    spent_data,
    spent_line,
)
from ovi_studio.rewrite.order import Purpose, Wish


def invent(
    idea: str, wish: Wish, *, count: int, template: str | None, into: str | None,
    variant: str | None, connection: str | None, model: str | None, seed: int, max_retries: int,
    fresh: bool, dry_run: bool, as_json: bool,
) -> int:  # fmt: skip
    """Writes prompts for an idea into a new set; returns the exit code. Raises StudioError."""
    here = Path.cwd()
    order = IdeaOrder(
        wish=replace(wish, theme=idea.strip(), purpose=Purpose.IDEA), count=count,
        template=template, variant=variant, connection=connection, model=model, seed=seed,
        max_retries=max_retries, is_fresh=fresh,
    )  # fmt: skip
    results: list[IdeaResult] = []
    with IdeaSession(order, here, on_wait=lambda why, _: talk(f"Trying again. {why}")) as session:
        path = _target(into, idea, here)
        estimate = session.estimate()
        talk(
            f"{counted(count, 'prompt')} for {session.variant.name}, by {session.connection.label}."
        )
        if not session.is_variant_chosen:
            talk(
                f"Nobody names a variant, so it is {session.variant.name}, the project's default; "
                "--variant 720x720_5s or --variant 960x960_10s makes longer clips."
            )
        talk(estimate_line(estimate, session.connection))
        written: Path | None = None
        if not dry_run:
            try:
                for result in session.results():
                    results.append(result)
                    talk(idea_line(result))
            except KeyboardInterrupt:
                talk(_resume_hint("Stopped", results))
                return ExitCode.INTERRUPTED
            except StudioError as error:
                hint = _resume_hint("Nothing was written", results)
                raise type(error)(f"{error}\n{hint}") from error
            talk(spent_line(session.spent))
            if any(result.text for result in results):
                number = save_ideas(session, results, path)
                written = path
                talk(f"{number} of {count} written to {short_path(path)}.")
        if as_json:
            document = {
                "rewrite_version": REWRITE_VERSION,
                "idea": idea,
                "writer": session.connection.label,
                "clips": [idea_data(result) for result in results],
                "output": None if written is None else str(written),
                "estimate": estimate_data(estimate),
                "spent": spent_data(session.spent),
            }
            write_result(json_text(document))
    is_whole = dry_run or all(result.text for result in results)
    return ExitCode.OK if is_whole else ExitCode.FAILED


def _resume_hint(what: str, results: Sequence[IdeaResult]) -> str:
    num_done = sum(bool(result.text) for result in results)
    stored = f" {counted(num_done, 'clip')} stored: the same command goes on from there."
    return f"{what}.{stored if num_done else ''}"


def _target(into: str | None, idea: str, here: Path) -> Path:
    if into is not None:
        return checked_target(into, here)
    folder = set_folder(find_layout(here))
    return free_path(folder if folder.is_dir() else here, slug_of(idea))
