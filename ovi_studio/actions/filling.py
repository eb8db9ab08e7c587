"""Filling prompt templates: what `ovi new` does, for every screen."""

from collections.abc import Mapping
from pathlib import Path

from ovi.spec.variants import variant_named
from ovi_studio.errors import PromptFileError
from ovi_studio.expand.errors import ExpansionError
from ovi_studio.expand.locations import template_folders
from ovi_studio.expand.template import (
    PromptTemplate,
    find_templates,
    load_template,
    read_template_file,
)
from ovi_studio.project.atomic_write import replace_file
from ovi_studio.project.file_lock import file_lock
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.project.prompt_file import append_rows, read_prompt_set
from ovi_studio.prompt.format import format_for
from ovi_studio.prompt.prompt_set import TEXT_COLUMN

VARIANT_COLUMN = "variant"


def list_templates(layout: ProjectLayout) -> tuple[list[PromptTemplate], list[str]]:
    """All templates, the project's own before ours of the same name, and what is wrong with
    those that cannot be used."""
    templates: list[PromptTemplate] = []
    faults: list[str] = []
    for path in find_templates(template_folders(layout)).values():
        try:
            templates.append(read_template_file(path))
        except ExpansionError as error:
            faults.append(str(error))
    return templates, faults


def fill_template(name: str, values: Mapping[str, str], variant: str, layout: ProjectLayout) -> str:
    """The prompt that a template makes of these values, in the variant's caption form.

    Raises ExpansionError for an unknown template or blank and for one that has to be filled,
    RequestError for an unknown variant.
    """
    form = variant_named(variant).audio_form
    template = load_template(name, template_folders(layout))
    return format_for(template.fill(values), form)


def add_prompt(path: Path, text: str, variant: str | None = None) -> int:
    """Adds a prompt to a set, which is made if it is not there; returns the number of its row.

    `variant` goes into a column of that name if the set has one. Raises PromptFileError.
    """
    if not path.exists():
        _start_set(path)
    prompt_set = read_prompt_set(path)
    cells = {TEXT_COLUMN: text}
    if variant is not None and VARIANT_COLUMN in prompt_set.columns:
        cells[VARIANT_COLUMN] = variant
    append_rows(path, [cells], prompt_set.version)
    return len(prompt_set) + 1


def _start_set(path: Path) -> None:
    """Makes a set without rows."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with file_lock(path.resolve()):
            if not path.exists():
                with replace_file(path.resolve()) as stream:
                    stream.write(f"{TEXT_COLUMN}\n".encode())
    except OSError as error:
        raise PromptFileError(f"{path} cannot be written: {error.strerror}.") from error
