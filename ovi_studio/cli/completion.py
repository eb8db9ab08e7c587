"""What the shell offers when the user presses tab."""


def complete_variant(incomplete: str) -> list[str]:
    """Names of variants."""
    from ovi.spec.variants import VARIANTS

    return [name for name in VARIANTS if name.startswith(incomplete)]


def complete_set(incomplete: str) -> list[str]:
    """Names of the project's sets. Files are offered by the shell itself."""
    from pathlib import Path

    from ovi_studio.project.layout import find_layout
    from ovi_studio.project.sets import find_sets, set_folder, set_name

    layout = find_layout(Path.cwd())
    names = [set_name(path, layout) for path in find_sets(set_folder(layout))]
    return [name for name in names if name.startswith(incomplete)]


def complete_setting(incomplete: str) -> list[str]:
    """Columns that decide something, with the sign that their value follows."""
    from ovi_studio.render.choices import COLUMNS

    return [f"{name}=" for name in COLUMNS if name.startswith(incomplete)]
