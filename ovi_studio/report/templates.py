"""How prompt templates look: as text to read, or as plain JSON values."""

from collections.abc import Sequence

from ovi_studio.expand.template import Blank, PromptTemplate


def templates_text(templates: Sequence[PromptTemplate]) -> str:
    """Each template's purpose and blanks."""
    return "\n\n".join(map(_template_text, templates))


def _template_text(template: PromptTemplate) -> str:
    return "\n".join([f"{template.name}: {template.purpose}", *map(_blank_text, template.blanks)])


def _blank_text(blank: Blank) -> str:
    if blank.default is None:
        return f"  {blank.name}: {blank.description} (has to be filled)"
    default = f"default: {blank.default}" if blank.default else "optional"
    return f"  {blank.name}: {blank.description} ({default})"


def template_data(template: PromptTemplate) -> dict[str, object]:
    """`name`, `purpose`, `path` of its file, and `blanks`: `name`, `description`, `default`.

    A `default` of null has to be filled, an empty one may stay empty.
    """
    return {
        "name": template.name,
        "purpose": template.purpose,
        "path": None if template.path is None else str(template.path),
        "blanks": [
            {"name": blank.name, "description": blank.description, "default": blank.default}
            for blank in template.blanks
        ],
    }
