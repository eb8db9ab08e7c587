import itertools

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ovi_studio.expand.errors import ExpansionError
from ovi_studio.expand.grammar import read_entry, read_pattern
from ovi_studio.expand.matrix import all_texts, draw_texts
from ovi_studio.expand.pattern import MAX_DEPTH, MAX_LENGTH
from tests.studio.expand.writing import (
    NO_WILDCARDS,
    Entries,
    any_text,
    escape,
    pattern_text,
)

W = Entries(w=["one", "2::two", "{three|four}"])


def texts(pattern: str, wildcards=NO_WILDCARDS) -> list[str]:
    return list(all_texts(read_pattern(pattern, wildcards)))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("a fox", ["a fox"]),
        ("", [""]),
        ("a {red|blue} fox", ["a red fox", "a blue fox"]),
        ("{red|}", ["red", ""]),
        ("{}", [""]),
        ("{red}", ["red"]),
        ("{a|{b|c}|d}", ["a", "b", "c", "d"]),
        ("{{a|b}|c}", ["a", "b", "c"]),
        ("{a|b}{c|d}", ["ac", "ad", "bc", "bd"]),
        ("{3::a|0.5::b|.5::c}", ["a", "b", "c"]),
        ("{2$$x|y|z}", ["x, y", "x, z", "y, x", "y, z", "z, x", "z, y"]),
        ("{2$$ and $$x|y}", ["x and y", "y and x"]),
        ("{2$$$$x|y}", ["xy", "yx"]),
        ("{1-2$$+$$x|y}", ["x", "y", "x+y", "y+x"]),
        ("{-2$$+$$x|y}", ["x", "y", "x+y", "y+x"]),
        ("{2-$$+$$x|y}", ["x+y", "y+x"]),
        ("{-$$+$$x|y}", ["x", "y", "x+y", "y+x"]),
        ("{0-1$$x|y}", ["", "x", "y"]),
        ("{0$$x|y}", [""]),
        ("{9$$+$$x|y}", ["x+y", "y+x"]),
        ("{2$$+$$x|{y|z}}", ["x+y", "x+z", "y+x", "z+x"]),
        (r"{2$$\|$$x|y}", ["x|y", "y|x"]),
        ("{ a | b }", [" a ", " b "]),
        ("a | b", ["a | b"]),
        ("__w__!", ["one!", "two!", "three!", "four!"]),
        ("{1$$__w__}", ["one", "two", "three", "four"]),
        (r"\{a\|b\}", ["{a|b}"]),
        (r"\_\_w__", ["__w__"]),
        (r"{\2\::a}", [r"\2::a"]),
        (r"C:\new \\ <\S>", [r"C:\new \ <\S>"]),
        ("a_b ____ _ __ $5", ["a_b ____ _ __ $5"]),
        ("costs 2::1 and $$", ["costs 2::1 and $$"]),
        (
            "He says, <S>{Hi|Ho}!<E> <AUDCAP>wind<ENDAUDCAP>",
            [
                "He says, <S>Hi!<E> <AUDCAP>wind<ENDAUDCAP>",
                "He says, <S>Ho!<E> <AUDCAP>wind<ENDAUDCAP>",
            ],
        ),
    ],
)
def test_pattern_stands_for_these_texts(written, expected):
    assert texts(written, W) == expected


def test_several_of_a_wildcard_are_different_entries():
    colours = Entries(colours=["red", "blue"])
    assert texts("{2$$ $$__colours__}", colours) == ["red blue", "blue red"]
    # with two wildcards in the braces, the user asks for one entry of each
    assert "red red" in texts("{2$$ $$__colours__|__colours__}", colours)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("a {red|blue fox", r'"{red|blue fox" at character 3 is never closed.*\\{'),
        ("a red} fox", r'"} fox" at character 6 closes nothing.*\\}'),
        ("{a|{b}", "at character 1 is never closed"),
        ("{3-1$$a|b}", "smaller number first"),
        ("{0::a|b}", "never drawn"),
        ("${season}", "column or --var"),
        ("__nowhere__", "nowhere"),
        ("{" * 60 + "}" * 60, "nested more than"),
        ("{1-500$$" + "|".join("a" * 500) + "}", "Choose fewer"),
    ],
)
def test_a_mistake_is_named_with_its_place(written, says):
    with pytest.raises(ExpansionError, match=says):
        read_pattern(written, W)


class _Growing:
    """Wildcards w0, w1, ...: each is made from the one before, which is read once."""

    def __init__(self, make_entry):
        self._make_entry = make_entry
        self._known = {0: [read_entry("{a|b}", self, 0)]}

    def options(self, name, nesting):
        number = int(name[1:])
        if number not in self._known:
            entry = self._make_entry(f"__w{number - 1}__")
            self._known[number] = [read_entry(entry, self, nesting)]
        return self._known[number]


def test_wildcards_that_swell_are_refused_before_they_fill_memory():
    doubling = _Growing(lambda before: before * 2)
    assert read_pattern("__w5__", doubling).count == 2**32
    with pytest.raises(ExpansionError, match=str(MAX_LENGTH)):
        read_pattern("__w30__", doubling)


def test_patterns_are_never_deeper_than_can_be_walked():
    nesting = _Growing(lambda before: "{x" * 20 + before + "}" * 20)
    depths = []

    def read_deeper_and_deeper():
        for number in range(200):
            depths.append(read_pattern(f"__w{number}__", nesting).depth)

    with pytest.raises(ExpansionError, match=f"nested more than {MAX_DEPTH} deep"):
        read_deeper_and_deeper()
    assert depths == sorted(depths)
    assert 0 < depths[-1] <= MAX_DEPTH


@given(any_text)
def test_any_text_is_read_or_refused(text):
    try:
        pattern = read_pattern(text, W)
    except ExpansionError:
        return
    assert pattern.count >= 1
    assert isinstance(next(all_texts(pattern)), str)


@given(st.text(max_size=60))
def test_escaped_text_stands_for_itself(text):
    assert texts(escape(text)) == [text]


@given(st.text(st.characters(exclude_characters="{}|_$\\"), max_size=60))
def test_text_without_signs_is_left_as_it_is(text):
    assert texts(text) == [text]


@given(pattern_text)
def test_count_is_the_number_of_texts(text):
    pattern = read_pattern(text, W)
    assume(pattern.count <= 3000)
    assert len(list(all_texts(pattern))) == pattern.count


@given(st.lists(st.sets(st.sampled_from("abcdefgh"), min_size=1), min_size=1, max_size=4))
def test_every_combination_comes_once(options):
    pattern = read_pattern("/".join("{" + "|".join(sorted(some)) + "}" for some in options), W)
    expected = {"/".join(chosen) for chosen in itertools.product(*options)}
    produced = list(all_texts(pattern))
    assert set(produced) == expected
    assert len(produced) == len(expected) == pattern.count


@settings(max_examples=50)
@given(pattern_text, st.text(max_size=5))
def test_drawn_texts_are_among_all_and_always_the_same(text, key):
    pattern = read_pattern(text, W)
    assume(pattern.count <= 500)
    drawn = list(draw_texts(pattern, 4, key))
    assert drawn == list(draw_texts(read_pattern(text, W), 4, key))
    assert len(set(drawn)) == len(drawn) <= 4
    assert set(drawn) <= set(all_texts(pattern))
    assert list(draw_texts(pattern, 2, key)) == drawn[:2]


@given(pattern_text)
def test_longest_bounds_every_text(text):
    pattern = read_pattern(text, W)
    for written in itertools.islice(all_texts(pattern), 50):
        assert len(written) <= pattern.longest
