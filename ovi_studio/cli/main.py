"""The command `ovi`: registers the commands; the one place where errors become exit codes."""

import importlib
import sys
from collections.abc import Sequence

import typer

COMMANDS = {
    # All of it on one screen.
    "studio": "studio.studio",
    "web": "web.web",
    # Writing prompts.
    "init": "init.init",
    "new": "new.new",
    "add": "add.add",
    "edit": "edit.edit",
    "sets": "sets.sets",
    "rows": "rows.rows_commands",
    "show": "show.show",
    "stats": "stats.stats",
    "import": "import_.import_",
    "export": "export.export",
    "expand": "expand.expand",
    "rewrite": "rewrite.rewrite",
    "translate": "translate.translate",
    "connect": "connect.connect",
    # Checking them.
    "lint": "lint.lint",
    "rule": "rule.rule",
    "fmt": "fmt.fmt",
    "convert": "convert.convert",
    # Rendering them.
    "draw": "draw.draw",
    "render": "render.render",
    "plan": "plan.plan",
    "reproduce": "reproduce.reproduce",
    "queue": "queue.queue_commands",
    "history": "history.history",
    "clips": "clips.clips_commands",
    # This installation.
    "doctor": "doctor.doctor",
    "gc": "gc.gc",
    "weights": "weights.weights_commands",
    "variants": "variants.variants",
    "config": "config.config_commands",
    "preview": "preview.preview_commands",
    "bench": "bench.bench",
    "train": "train.train",
    "eval": "eval.evaluate",
    "version": "version.version",
}
"""Every command, in the order of the help: where it is, below this package."""

PASSES_OPTIONS_ON = ("bench", "train", "eval")
"""Commands whose options are read by another program."""


def build_app(arguments: Sequence[str]) -> typer.Typer:
    """The application with the command that `arguments` begin with, or with all commands.

    Typer reads the options of every command it has on each start, which takes longer than a check
    of a small set; so a command that is named comes alone.
    """
    app = typer.Typer(
        name="ovi",
        help="Write, check and render prompts for Ovi, the open model that makes short talking "
        "videos.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    # A callback keeps Typer from taking a lone command for the whole program.
    app.callback()(lambda: None)
    named = arguments[0] if arguments else ""
    for name in (named,) if named in COMMANDS else COMMANDS:
        module, _, attribute = COMMANDS[name].partition(".")
        command = getattr(importlib.import_module(f"ovi_studio.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            settings = {
                "allow_extra_args": name in PASSES_OPTIONS_ON,
                "ignore_unknown_options": name in PASSES_OPTIONS_ON,
            }
            app.command(name=name, context_settings=settings)(command)
    return app


_WRONG_USE: type[Exception] = typer.BadParameter.__bases__[0]
"""What the argument parser raises; typer has no public name for it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. Returns its exit code, see `ovi_studio.errors.ExitCode`."""
    from ovi.errors import OviError
    from ovi_studio.errors import ExitCode, StudioError

    try:
        app = build_app(sys.argv[1:] if arguments is None else arguments)
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
        import traceback

        traceback.print_exc()
        return _say(
            "This was not foreseen; please report it with the lines above.", ExitCode.FAILED
        )


def _say(message: str, exit_code: int) -> int:
    sys.stderr.write(f"{message}\n")
    return exit_code
