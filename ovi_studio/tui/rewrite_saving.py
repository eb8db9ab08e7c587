"""Writes what was accepted in the rewrite view: into a new set, or in place after a yes; undo."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ovi_studio.actions.inventing import save_ideas
from ovi_studio.actions.reviewing import Decision
from ovi_studio.actions.rewrite_undo import Undone, undo_rewrite
from ovi_studio.actions.rewritten_sets import (
    check_writable,
    checked_target,
    free_path,
    new_path,
    save_in_place,
    save_new_set,
    slug_of,
)
from ovi_studio.project.sets import set_folder, set_name
from ovi_studio.report.rewriting import undone_line
from ovi_studio.tui.dialogs import Choice
from ovi_studio.tui.messages import SetChanged
from ovi_studio.tui.rewrite_offers import IdeaOffers, Offers, RewriteOffers
from ovi_studio.tui.screens.base import StudioScreen


class Saving:
    """Asks where to, and writes; the screen is told of the file."""

    def __init__(self, screen: StudioScreen, then: Callable[[Path], None]) -> None:
        self._screen = screen
        self._then = then

    def ask(self, offers: Offers | None) -> None:
        """Asks what is to become of the accepted rows."""
        if offers is None:
            return
        counts = offers.counts()
        if not counts[Decision.ACCEPTED]:
            self._screen.warn("Nothing is accepted yet: a accepts a row, A all that are left.")
            return
        if isinstance(offers, RewriteOffers):
            rest = offers.total - counts[Decision.ACCEPTED]
            detail = (
                f"{rest} others keep their old text ({counts[Decision.OPEN]} not decided)."
                if rest
                else "Every row is accepted."
            )
            choices = (
                Choice("n", "New set", "new"),
                Choice("i", "In place", "place"),
                Choice("b", "Back", "back"),
            )
            self._screen.choose(
                f"Write {counts[Decision.ACCEPTED]} rewritten rows where?", choices,
                partial(self._take, offers), detail,
            )  # fmt: skip
        elif isinstance(offers, IdeaOffers):
            self._ask_name_of_ideas(offers)

    def take_back(self, path: Path) -> None:
        """Takes the last writing in place back, after a yes."""
        root = self._screen.context.root

        def undo() -> None:
            self._screen.run_in_thread(lambda: undo_rewrite(str(path), root), self._undone)

        self._screen.confirm(
            f"Take the last rewriting of {path.stem} back?", undo, yes="Yes", no="No",
            detail="Rows that someone has changed since stay as they are.",
        )  # fmt: skip

    def _undone(self, undone: Undone) -> None:
        self._screen.say(undone_line(undone))
        self._screen.tell(SetChanged(undone.path))

    def _take(self, offers: RewriteOffers, answer: str) -> None:
        if answer == "new":
            root = self._screen.context.root
            plan = offers.run.plan
            self._screen.run_in_thread(
                lambda: new_path(plan, None, root), partial(self._ask_name, offers)
            )
        elif answer == "place":
            self._confirm_in_place(offers)

    def _ask_name(self, offers: RewriteOffers, path: Path) -> None:
        layout = self._screen.context.layout
        plan, results = offers.run.plan, offers.run.review.results()
        root = self._screen.context.root

        def write(name: str) -> None:
            def save() -> tuple[Path, str]:
                target = checked_target(name, root)
                number = save_new_set(plan, results, target)
                return target, f"{number} rows were written to {set_name(target, layout)}."

            self._screen.run_in_thread(save, self._written)

        self._screen.ask_text(
            "What shall the new set be called?", write, value=set_name(path, layout)
        )

    def _confirm_in_place(self, offers: RewriteOffers) -> None:
        plan, results = offers.run.plan, offers.run.review.results()
        number = offers.counts()[Decision.ACCEPTED]

        def save() -> tuple[Path, str]:
            check_writable(plan)
            left = save_in_place(plan, results)
            said = f"{number - len(left)} rows of {plan.source.path.stem} were changed."
            if left:
                said += f" Left alone, as someone has changed them: row {', '.join(left[:8])}."
            return plan.source.path, f"{said} ctrl+z takes it back."

        def write() -> None:
            self._screen.run_in_thread(save, self._written)

        self._screen.confirm(
            f"Change {number} rows of {plan.source.path.name}?", write, yes="Yes, change",
            no="No", detail="A copy is kept: ctrl+z, or `ovi rewrite SET --undo`, takes it back.",
        )  # fmt: skip

    def _ask_name_of_ideas(self, offers: IdeaOffers) -> None:
        session = offers.run.session
        assert session is not None, "clips come from a session"
        accepted = list(offers.accepted)
        root, layout = self._screen.context.root, self._screen.context.layout

        def write(name: str) -> None:
            def save() -> tuple[Path, str]:
                target = checked_target(name, root)
                number = save_ideas(session, accepted, target)
                return target, f"{number} new prompts were written to {set_name(target, layout)}."

            self._screen.run_in_thread(save, self._written)

        def ask(path: Path) -> None:
            self._screen.ask_text(
                "What shall the new set be called?", write, value=set_name(path, layout)
            )

        folder = set_folder(layout)
        theme = session.order.wish.theme
        self._screen.run_in_thread(lambda: free_path(folder, slug_of(theme)), ask)

    def _written(self, written: tuple[Path, str]) -> None:
        path, said = written
        self._screen.say(f"{said} o opens it.")
        self._then(path)
