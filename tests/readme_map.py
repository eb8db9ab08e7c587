"""Builds the README's map of the tree from the first line of every module's docstring.

`python -m tests.readme_map` rewrites the map in README.md; a test holds the two equal. Packages
whose files follow one pattern, such as the lint rules, stand as one line.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
START, END = "<!-- map: make map -->", "<!-- /map -->"
AS_ONE_LINE = {
    "ovi_studio/lint/rules": "one rule a file, named by its code; its docstring is its help",
}


def build_map() -> str:
    """The map as a Markdown code block, one line a file."""
    lines = ["```"]
    for package in ("ovi", "ovi_studio"):
        lines += _package_lines(ROOT / package, 0)
    return "\n".join((*lines, "```"))


def current_map() -> str:
    """The map as it stands in the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.split(START)[1].split(END)[0].strip()


def _package_lines(folder: Path, depth: int) -> Iterator[str]:
    relative = folder.relative_to(ROOT).as_posix()
    summary = AS_ONE_LINE.get(relative) or _first_line(folder / "__init__.py")
    yield _line(f"{folder.name}/", summary, depth)
    if relative in AS_ONE_LINE:
        return
    for file in sorted(folder.glob("*.py")):
        if file.name != "__init__.py":
            yield _line(file.name, _first_line(file), depth + 1)
    for inner in sorted(p for p in folder.iterdir() if (p / "__init__.py").exists()):
        yield from _package_lines(inner, depth + 1)


def _line(name: str, summary: str, depth: int) -> str:
    return f"{'  ' * depth + name:<30} {summary}".rstrip()


def _first_line(file: Path) -> str:
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return docstring.splitlines()[0].rstrip(".") if docstring else ""


def main() -> None:
    """Rewrites the map in README.md."""
    path = ROOT / "README.md"
    text = path.read_text(encoding="utf-8")
    before, rest = text.split(START)
    after = rest.split(END)[1]
    path.write_text(f"{before}{START}\n{build_map()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
