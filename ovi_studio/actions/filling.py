"""Filling prompt templates: what `ovi new` does, for every screen."""

from collections.abc import Mapping

from ovi.spec.variants import variant_named
from ovi_studio.expand.errors import ExpansionError
from ovi_studio.expand.locations import template_folders
from ovi_studio.expand.template import (
    PromptTemplate,
    find_templates,
    load_template,
    read_template_file,
)
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.prompt.format import format_for


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


def fill_with_defaults(name: str, variant: str, layout: ProjectLayout) -> str:
    """The prompt that a template makes as it stands, to be written over: blanks that have no
    default hold three dots. Raises as `fill_template` does.
    """
    template = load_template(name, template_folders(layout))
    values = {blank.name: "..." for blank in template.blanks if blank.default is None}
    return fill_template(name, values, variant, layout)


def fill_template(name: str, values: Mapping[str, str], variant: str, layout: ProjectLayout) -> str:
    """The prompt that a template makes of these values, in the variant's caption form.

    Raises ExpansionError for an unknown template or blank and for one that has to be filled,
    RequestError for an unknown variant.
    """
    form = variant_named(variant).audio_form
    template = load_template(name, template_folders(layout))
    return format_for(template.fill(values), form)
