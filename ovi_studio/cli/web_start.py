"""What `ovi web` finds out before it starts: packages, password, browser. Imports are late."""

import os
import sys
from collections.abc import MutableMapping


def check_packages(*, has_page: bool, has_tools: bool, draws: bool) -> None:
    """Raises MissingExtraError with the command that installs what is missing."""
    from importlib.util import find_spec

    from ovi_studio.errors import MissingExtraError

    needed = ["fastapi", "uvicorn", "multipart", "PIL", *(["gradio"] if has_page else [])]
    if any(find_spec(name) is None for name in needed):
        raise MissingExtraError(
            'The web page needs packages that are not installed: pip install "ovi-studio[web]".'
        )
    if has_tools and find_spec("mcp") is None:
        raise MissingExtraError(
            "Serving assistants needs the package mcp, not installed: "
            'pip install "ovi-studio[mcp]".'
        )
    if draws and any(find_spec(name) is None for name in ("diffusers", "transformers")):
        raise MissingExtraError(
            "Drawing first frames needs packages that are not installed: pip install "
            '"ovi-studio[image]".'
        )


def read_secret(environment: MutableMapping[str, str], *, is_needed: bool) -> str | None:
    """The password, from the environment or typed in; None where nobody is to be asked for one.

    It is taken out of the environment, so that no worker that is started inherits it. Raises
    UsageError where one is needed and nobody can be asked.
    """
    from ovi_studio.errors import UsageError
    from ovi_studio.web.serving import SECRET_VARIABLE, check_secret

    secret = environment.pop(SECRET_VARIABLE, "")
    if secret.strip():
        return check_secret(secret)
    if not is_needed:
        return None
    if not sys.stdin.isatty():
        raise UsageError(
            "Others could reach this page, so it needs a password: put one into the variable "
            f"{SECRET_VARIABLE}, or keep to loopback."
        )
    from getpass import getpass

    first = getpass("Password for the page: ")
    if first != getpass("Once more: "):
        raise UsageError("The two passwords differ. Start again.")
    return check_secret(first)


def show(address: str, *, is_wanted: bool | None) -> None:
    """Opens a browser, if wanted; where nobody said, if there is a screen and a person."""
    has_screen = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if is_wanted if is_wanted is not None else has_screen and sys.stdin.isatty():
        import threading
        import webbrowser

        # Some browsers only come back when they are closed.
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
