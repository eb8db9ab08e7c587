"""Projects with sets to rewrite and a connection to a server of the tests' own."""

import csv
import os

from ovi_studio.actions.rewriting import RewriteOrder, RewriteSession, plan_rewrite
from ovi_studio.rewrite.order import Wish
from ovi_studio.rewrite.part import Part

KEY = "sk-Test0Key1With2Letters3And4Digits5"
VARIABLE = "OVI_TEST_SECRET"

SCENE = (
    "A woman in a {colour} raincoat stands in the middle of a wet street at night, neon light on "
    "her face, and looks straight into the lens. Behind her people hurry past with umbrellas, and "
    "a tram slides by without a sound. She takes one step towards us and says, <S>{line}<E> The "
    "camera moves slowly closer, until only her eyes are left. <AUDCAP>A low female voice, rain on "
    "asphalt, a distant tram bell.<ENDAUDCAP>"
)
_COLOURS = (
    "red yellow green blue white black grey pink orange purple brown silver golden olive navy "
    "crimson ivory amber violet teal"
)
COLOURS = _COLOURS.split()
_NUMBERS = "zero one two three four five six seven eight nine"
NUMBERS = _NUMBERS.split()


def make_project(folder, url, *, rows=6, **settings):
    """A project with the set `rain` and the connection `test`."""
    (folder / "prompts").mkdir(parents=True)
    values = {"base_url": url, "model": "fake", "api_key_env": VARIABLE, **settings}
    written = "\n".join(f"{name} = {_toml(value)}" for name, value in values.items())
    (folder / "ovi.toml").write_text(f"[llm.test]\n{written}\n", encoding="utf-8")
    write_set(folder / "prompts" / "rain.csv", rows)
    return folder


def _toml(value):
    return f'"{value}"' if isinstance(value, str) else str(value)


def write_set(path, num_rows):
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text_prompt", "seed", "variant"])
        for number in range(num_rows):
            colour = COLOURS[number % len(COLOURS)] + (" plastic" if number >= len(COLOURS) else "")
            text = SCENE.format(colour=colour, line=f"I came back for you, number {_word(number)}.")
            writer.writerow([text, number, "720x720_5s"])


def _word(number):
    return " ".join(NUMBERS[int(digit)] for digit in str(number))


def read_set(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def order(**changes):
    part = changes.pop("part", Part.SPEECH)
    wish = changes.pop("wish", Wish(theme="AI is taking over the world", part=part))
    return RewriteOrder(**{"source": "rain", "wish": wish, "connection": "test", **changes})


def rewrite(folder, **changes):
    """Results by row, and the session that gave them."""
    os.environ[VARIABLE] = KEY
    try:
        plan = plan_rewrite(order(**changes), folder)
        with RewriteSession(plan) as session:
            results = list(session.results())
    finally:
        del os.environ[VARIABLE]
    return {result.task.key: result for result in results}, session


def files_with(folder, needle):
    """The files below a folder that hold a text, in whatever encoding of bytes."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and needle.encode() in path.read_bytes():
            found.append(str(path))
    return found
