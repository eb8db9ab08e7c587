"""The command `ovi`: registers the commands; the one place where errors become exit codes."""

import sys
import traceback
from collections.abc import Sequence

import typer

from ovi_studio.cli.add import add
from ovi_studio.cli.bench import bench
from ovi_studio.cli.config import config_commands
from ovi_studio.cli.convert import convert
from ovi_studio.cli.doctor import doctor
from ovi_studio.cli.edit import edit
from ovi_studio.cli.expand import expand
from ovi_studio.cli.export import export
from ovi_studio.cli.fmt import fmt
from ovi_studio.cli.history import history
from ovi_studio.cli.import_ import import_
from ovi_studio.cli.init import init
from ovi_studio.cli.lint import lint
from ovi_studio.cli.new import new
from ovi_studio.cli.queue import queue_commands
from ovi_studio.cli.render import render
from ovi_studio.cli.reproduce import reproduce
from ovi_studio.cli.rule import rule
from ovi_studio.cli.sets import sets
from ovi_studio.cli.show import show
from ovi_studio.cli.stats import stats
from ovi_studio.cli.variants import variants
from ovi_studio.cli.version import version
from ovi_studio.cli.weights import weights_commands

app = typer.Typer(
    name="ovi",
    help="Write, check and render prompts for Ovi, the open model that makes short talking videos.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
# Writing prompts.
app.command()(init)
app.command()(new)
app.command()(add)
app.command()(edit)
app.command()(sets)
app.command()(show)
app.command()(stats)
app.command(name="import")(import_)
app.command()(export)
app.command()(expand)
# Checking them.
app.command()(lint)
app.command()(rule)
app.command()(fmt)
app.command()(convert)
# Rendering them.
app.command()(render)
app.command()(reproduce)
app.add_typer(queue_commands, name="queue")
app.command()(history)
# This installation.
app.command()(doctor)
app.add_typer(weights_commands, name="weights")
app.command()(variants)
app.add_typer(config_commands, name="config")
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(bench)
app.command()(version)

_WRONG_USE: type[Exception] = typer.BadParameter.__bases__[0]
"""What the argument parser raises; typer has no public name for it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. Returns its exit code, see `ovi_studio.errors.ExitCode`."""
    from ovi.errors import OviError
    from ovi_studio.errors import ExitCode, StudioError

    try:
        result = app(args=arguments, prog_name="ovi", standalone_mode=False)
        sys.stdout.flush()
        return int(result or 0)
    except _WRONG_USE as error:
        error.show()  # type: ignore[attr-defined]
        return ExitCode.USAGE
    except StudioError as error:
        return _say(str(error), error.exit_code)
    except OviError as error:
        return _say(str(error), ExitCode.USAGE)
    except (KeyboardInterrupt, typer.Abort):
        return _say("Stopped.", ExitCode.INTERRUPTED)
    except OSError as error:
        return _say(
            f"{error.filename or 'The system'}: {error.strerror or error}.", ExitCode.FAILED
        )
    except Exception:
        traceback.print_exc()
        return _say(
            "This was not foreseen; please report it with the lines above.", ExitCode.FAILED
        )


def _say(message: str, exit_code: int) -> int:
    sys.stderr.write(f"{message}\n")
    return exit_code
