"""The servers of the rewrite view: listing them, looking whether one listens, setting one up."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ovi_studio.actions.connections import (
    PRESETS,
    ConnectionChoice,
    add_connection,
    list_connections,
    server_problem,
)
from ovi_studio.tui.dialogs import Choice

if TYPE_CHECKING:
    from ovi_studio.tui.screens.rewrite import RewriteScreen

_KEYS = {"openai": "o", "ollama": "l", "lmstudio": "m", "llamacpp": "c", "vllm": "v"}


class ConnectionSetup:
    """Tells the form of a screen what there is to write with."""

    def __init__(self, screen: "RewriteScreen") -> None:
        self._screen = screen

    def load(self) -> None:
        """Lists the servers in the form."""
        context = self._screen.context

        def find() -> list[ConnectionChoice]:
            return list_connections(context.load_config(), context.environment)

        def show(choices: list[ConnectionChoice]) -> None:
            self._screen.form.set_connections(choices)
            self.check()

        self._screen.run_in_thread(find, show, group="connections", exclusive=True)

    def check(self) -> None:
        """Says whether the chosen server listens, if it is on this machine."""
        form = self._screen.form
        choice = form.connection
        if choice is None or choice.problem or choice.connection is None:
            return

        def show(found: tuple[str, str]) -> None:
            if form.connection == choice:
                form.say_state(*found)

        self._screen.run_in_thread(partial(server_problem, choice.connection), show, group="server")

    def set_up(self) -> None:
        """Asks which server, then which model, and writes that into ovi.toml."""
        choices = [Choice(_KEYS.get(name, name[0]), name, name) for name in PRESETS]
        self._screen.choose(
            "Which server?", choices, self._ask_model,
            "Its settings go to ovi.toml; a key never does, only the variable's name. Another one: "
            "ovi connect NAME --base-url URL --model MODEL.",
        )  # fmt: skip

    def _ask_model(self, name: str) -> None:
        preset = PRESETS[name]
        where = preset.get("base_url", "OpenAI")
        self._screen.ask_text(
            f"Which model of {where}?", partial(self._add, name), value=preset.get("model", "")
        )

    def _add(self, name: str, model: str) -> None:
        layout = self._screen.context.layout

        def show(path: Path) -> None:
            self._screen.say(f"[llm.{name}] was added to {path}.")
            self._screen.form.choose_connection(name)
            self.load()

        self._screen.run_in_thread(lambda: add_connection(name, {"model": model}, layout), show)
