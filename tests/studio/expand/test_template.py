import pytest

from ovi_studio.expand.errors import ExpansionError
from ovi_studio.expand.template import Blank, find_templates, load_template, read_template

GOOD = """{#
Somebody says something.

who: who talks (default a man (tall) and a dog)
line: the words,
  as they are spoken
music: what plays (optional)
#}
A wide
shot. {{ who|sentence }} says, <S>{{ line }}<E>
Audio: a voice{% if music %}, {{ music }}{% endif %}.
"""


def test_header_is_read():
    template = read_template("talk", GOOD)
    assert template.purpose == "Somebody says something."
    assert template.blanks == (
        Blank("who", "who talks", "a man (tall) and a dog"),
        Blank("line", "the words, as they are spoken", None),
        Blank("music", "what plays", ""),
    )


def test_template_is_filled_in_one_line():
    template = read_template("talk", GOOD)
    assert template.fill({"line": "Hello\nthere."}) == (
        "A wide shot. A man (tall) and a dog says, <S>Hello there.<E> Audio: a voice."
    )
    filled = template.fill({"line": "{a|b} {{ x }}", "music": "a waltz", "who": "élodie"})
    assert filled == ("A wide shot. Élodie says, <S>{a|b} {{ x }}<E> Audio: a voice, a waltz.")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "needs line: give --set line="),
        ({"line": "x", "lines": "y"}, "no blank 'lines'.*Did you mean line"),
    ],
)
def test_wrong_blanks_are_named(values, says):
    with pytest.raises(ExpansionError, match=says):
        read_template("talk", GOOD).fill(values)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("A fox.", "has no header"),
        ("{# #} A fox.", "its purpose"),
        ("{# A fox.\nwho #}{{ who }}", "'who' describes no blank"),
        ("{# A fox.\nwho: #}{{ who }}", "'who:' describes no blank"),
        ("{# A fox.\nwho: (default x) #}{{ who }}", "describes no blank"),
        ("{# A fox.\nwho: x #}A fox.", "describes who, and the text never uses it"),
        ("{# A fox.\n#}\n\nA {{ who }}.", "line 4: who is not in the header"),
        ("{# A fox.\nwho: x\nwho: y #}{{ who }}", "describes who twice"),
        ("{# A fox.\nwho: x #}\n{% for a in who %}{% endfor %}", "line 3: A loop is not allowed"),
        ("{# A fox.\nwho: x #}\n{{ who", "t.jinja, line 3"),
    ],
)
def test_a_wrong_template_is_named_with_its_line(source, says):
    with pytest.raises(ExpansionError, match=says):
        read_template("t.jinja", source)


def test_the_first_folder_wins_and_the_rest_is_no_template(tmp_path):
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    for folder in (own, shipped):
        folder.mkdir()
        (folder / "talk.jinja").write_text(f"{{# From {folder.name}. #}} A fox.")
    (shipped / "news.jinja").write_text("{# News. #} A fox.")
    (shipped / "readme.txt").write_text("no template")
    assert list(find_templates((own, shipped))) == ["news", "talk"]
    assert load_template("talk", (own, shipped)).purpose == "From own."
    with pytest.raises(ExpansionError, match=r"There are: news, talk\. Did you mean news"):
        load_template("newz", (own, shipped))
    with pytest.raises(ExpansionError, match=r"no template '\.\./talk'"):
        load_template("../talk", (own,))
