"""`ovi clips`: looks at finished clips, and says which are good."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ovi_studio.cli.options import Json

if TYPE_CHECKING:
    from ovi_studio.actions.library import ClipLibrary, LibraryClip, TrashedClip

clips_commands = typer.Typer(
    help="Look at finished clips, and choose among them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_CLIP_HELP = "A file, its name, SET:ROW, latest, starred, all, or the first letters of an identity."

Clips = Annotated[list[str], typer.Argument(metavar="CLIP...", help=_CLIP_HELP)]
Clip = Annotated[str, typer.Argument(metavar="CLIP", help=_CLIP_HELP)]
Tag = Annotated[str, typer.Argument(metavar="TAG", help="The tag; the clips come after it.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


@clips_commands.command("list")
def list_clips(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TEXT...]",
            help="Words that name or prompt must hold; '#TAG' (in quotes), set:NAME, row:ID, "
            "seed:N, variant:NAME, is:starred.",
        ),
    ] = None,
    starred: Annotated[bool, typer.Option("--starred", help="Only those with a star.")] = False,
    trash: Annotated[bool, typer.Option("--trash", help="List the trash instead.")] = False,
    json: Json = False,
) -> int:
    """List finished clips, the newest first."""
    from ovi_studio.actions.clip_filter import matching_clips
    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.report.clips import clip_document, clips_table, trash_document, trash_table
    from ovi_studio.report.json import json_text

    library = _library()
    if trash:
        gone = library.trashed()
        if json:
            write_result(json_text(trash_document(gone)))
        elif gone:
            write_result(trash_table(gone))
        else:
            talk("The trash is empty.")
        return 0
    clips = matching_clips(library.clips(), " ".join(words or ()))
    clips = [clip for clip in clips if clip.is_starred or not starred]
    if library.notes_fault is not None:
        talk(library.notes_fault)
    if json:
        write_result(json_text([clip_document(clip) for clip in clips]))
    elif clips:
        write_result(clips_table(clips))
    else:
        talk("There is no such clip." if words or starred else "No clip was rendered here yet.")
    return 0


@clips_commands.command("show")
def show_clip(clip: Clip, json: Json = False) -> int:
    """Show one clip: stars, tags, note, prompt and recipe."""
    from ovi_studio.cli.following import write_result
    from ovi_studio.report.clips import clip_document, clip_text
    from ovi_studio.report.json import json_text

    for found in _clips([clip])[1]:
        document = {**clip_document(found), "recipe": found.recipe}
        write_result(json_text(document) if json else clip_text(found))
    return 0


@clips_commands.command("star")
def star(clips: Clips) -> int:
    """Give clips a star."""
    library, found = _clips(clips)
    return _said(library.star(found), f"{_number(found)} starred.")


@clips_commands.command("unstar")
def unstar(clips: Clips) -> int:
    """Take the star of clips."""
    library, found = _clips(clips)
    return _said(library.star(found, on=False), f"{_number(found)} not starred any more.")


@clips_commands.command("tag")
def tag(tag: Tag, clips: Clips) -> int:
    """Put a tag on clips."""
    library, found = _clips(clips)
    return _said(library.tag(found, tag), f"{_number(found)} tagged.")


@clips_commands.command("untag")
def untag(tag: Tag, clips: Clips) -> int:
    """Take a tag off clips."""
    library, found = _clips(clips)
    return _said(library.untag(found, tag), f"{_number(found)} without that tag.")


@clips_commands.command("note")
def note(
    clip: Clip,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The note; empty removes it.")],
) -> int:
    """Write a note on a clip, in place of the one it has."""
    library, found = _clips([clip])
    return _said(library.note(found, text), f"{_number(found)} noted.")


@clips_commands.command("trash")
def trash(clips: Clips, yes: Yes = False) -> int:
    """Move clips to the trash of the project; `ovi clips restore` brings them back."""
    from ovi_studio.cli.following import talk
    from ovi_studio.errors import ExitCode

    library, found = _clips(clips)
    if not _agrees(f"Move {_number(found)} to the trash?", yes):
        return ExitCode.FAILED
    talk(f"{len(library.trash(found))} in the trash. `ovi clips restore` brings them back.")
    return ExitCode.OK


@clips_commands.command("restore")
def restore(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CLIP...]", help="Names in the trash. Default: the last deleted."),
    ] = None,
) -> int:
    """Bring clips back from the trash; `ovi clips list --trash` shows it."""
    from ovi_studio.cli.following import talk
    from ovi_studio.report.paths import short_path

    library = _library()
    for path in library.restore(_trashed(names, library.trashed())):
        talk(f"{short_path(path)} is back.")
    return 0


@clips_commands.command("empty-trash")
def empty_trash(yes: Yes = False) -> int:
    """Remove for good what is in the trash."""
    from ovi_studio.cli.following import talk
    from ovi_studio.errors import ExitCode

    library = _library()
    clips = library.trashed()
    if not clips:
        talk("The trash is empty.")
        return ExitCode.OK
    if not _agrees(f"Remove {_number(clips)} for good?", yes):
        return ExitCode.FAILED
    gone = library.empty_trash(clips)
    talk(f"{len(gone)} removed for good.")
    return ExitCode.OK if len(gone) == len(clips) else ExitCode.FAILED


@clips_commands.command("use")
def use(
    clip: Clip,
    set_path: Annotated[
        str | None, typer.Option("--set", metavar="SET", help="The set, where several could be.")
    ] = None,
    prompt: Annotated[
        bool, typer.Option("--prompt", help="Write the clip's prompt back too.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show it and write nothing.")] = False,
    json: Json = False,
) -> int:
    """Write a clip's seed and settings into the row it was rendered from.

    The seed is always written; a setting only where the row would be rendered otherwise without
    it. All other cells stay as they are.
    """
    from pathlib import Path

    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.project.sets import set_named
    from ovi_studio.report.clips import change_document, change_text
    from ovi_studio.report.json import json_text

    library, found = _clips([clip])
    path = None if set_path is None else set_named(set_path, Path.cwd())
    change = library.plan_use(_only(found), set_path=path, with_prompt=prompt)
    write_result(json_text(change_document(change)) if json else change_text(change))
    if not dry_run and change.cells:
        library.write_use(change)
        talk("Written.")
    return 0


@clips_commands.command("reseed")
def reseed(
    clip: Clip,
    seed: Annotated[
        int | None, typer.Option(help="Default: the next one that the row was not rendered with.")
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Render though weights or first frame have changed.")
    ] = False,
) -> int:
    """Render a clip again with another seed and everything else as then, in the background."""
    from ovi_studio.actions.clip_reseeding import next_seed, reseed_clip
    from ovi_studio.cli.following import talk

    library, found = _clips([clip])
    chosen = _only(found)
    number = next_seed(chosen, library.clips()) if seed is None else seed
    job = reseed_clip(chosen.path, number, library.layout, accepts_differences=anyway)
    talk(f"Job {job.id}: seed {number}, in the background. `ovi queue list` shows it.")
    return 0


@clips_commands.command("open")
def open_clips(clips: Clips) -> int:
    """Show clips in the system's player, or in the one that OVI_PLAYER names."""
    library, found = _clips(clips)
    for clip in found:
        library.open(clip)
    return 0


@clips_commands.command("compare")
def compare(first: Clip, second: Clip, json: Json = False) -> int:
    """Show which settings of two clips differ. The exit code is 1 if any does."""
    from ovi_studio.actions.library import compare_clips
    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.errors import ExitCode
    from ovi_studio.report.clips import comparison_document, comparison_text
    from ovi_studio.report.json import json_text

    one, other = (_only(_clips([word])[1]) for word in (first, second))
    differences = compare_clips(one, other)
    if json:
        write_result(json_text(comparison_document(differences)))
    elif differences:
        write_result(comparison_text(differences))
    else:
        talk("The recipes say the same.")
    return ExitCode.FAILED if differences else ExitCode.OK


def _library() -> "ClipLibrary":
    """The clips of the project that we are in."""
    from pathlib import Path

    from ovi_studio.actions.library import ClipLibrary
    from ovi_studio.project.layout import find_layout

    return ClipLibrary(find_layout(Path.cwd()))


def _clips(words: list[str]) -> "tuple[ClipLibrary, list[LibraryClip]]":
    from ovi_studio.actions.library import select_clips

    library = _library()
    return library, select_clips(words, library.clips())


def _only(clips: "list[LibraryClip]") -> "LibraryClip":
    from ovi_studio.errors import UsageError

    if len({clip.identity for clip in clips}) > 1:
        names = ", ".join(clip.short_identity for clip in clips[:8])
        raise UsageError(f"{len(clips)} clips have that name; name one by its identity: {names}.")
    return clips[0]


def _trashed(names: list[str] | None, clips: "list[TrashedClip]") -> "list[TrashedClip]":
    from ovi_studio.errors import UsageError

    if not clips:
        raise UsageError("The trash is empty.")
    if not names:
        return clips[:1]
    found = []
    for name in names:
        named = [clip for clip in clips if name in ("all", clip.name, clip.path.name)]
        if not named:
            raise UsageError(f"There is no {name!r} in the trash; `ovi clips list --trash`.")
        found += [clip for clip in named if clip not in found]
    return found


def _agrees(question: str, yes: bool) -> bool:
    from ovi_studio.errors import UsageError

    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"Nobody is here to answer: {question} Give --yes.")
    return typer.confirm(question, err=True)


def _number(clips: "Sequence[LibraryClip | TrashedClip]") -> str:
    return "1 clip" if len(clips) == 1 else f"{len(clips)} clips"


def _said(told: str | None, done: str) -> int:
    from ovi_studio.cli.following import talk

    if told is not None:
        talk(told)
    talk(done)
    return 0
