"""Runs `ovi expand` and `ovi new` in this process; errors come as exceptions."""

import typer

from ovi_studio.cli.expand import expand
from ovi_studio.cli.new import new

_app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
_app.command()(expand)
_app.command()(new)


def run(*arguments) -> int:
    """The exit code of a command that ends without an error."""
    return int(_app(args=[str(word) for word in arguments], standalone_mode=False) or 0)
