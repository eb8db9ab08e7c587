from collections import Counter
from itertools import permutations, product
from random import Random

from ovi_studio.expand.grammar import read_pattern
from ovi_studio.expand.matrix import all_texts, draw_texts
from ovi_studio.expand.pattern import draw_text, text_at
from tests.studio.expand.writing import NO_WILDCARDS


def read(text):
    return read_pattern(text, NO_WILDCARDS)


def test_draws_are_the_same_everywhere():
    """Written down once: a change here changes what every user's seed draws."""
    pattern = read("{a|b|c} {2::red|blue} {2$$+$$x|y|z} {0-3$$p|q|r}")
    assert list(draw_texts(pattern, 4, "0\nkey")) == [
        "b red x+z ",
        "b blue x+y ",
        "b red z+x q, r",
        "a blue x+y q",
    ]


def test_draws_follow_the_weights():
    pattern = read("{6::a|3::b|c}")
    random = Random(5)
    counts = Counter(draw_text(pattern, random) for _ in range(5000))
    assert abs(counts["a"] - 3000) < 150
    assert abs(counts["b"] - 1500) < 150


def test_every_number_chosen_is_drawn_equally_often():
    pattern = read("{1-3$$,$$a|b|c}")
    random = Random(5)
    counts = Counter(len(draw_text(pattern, random).split(",")) for _ in range(3000))
    assert all(abs(counts[number] - 1000) < 120 for number in (1, 2, 3))


def test_choices_of_several_count_as_written_out():
    """Against the definition: ordered selections, each option with each of its texts."""
    options = [["a"], ["b1", "b2"], ["c1", "c2", "c3"], ["d"]]
    written = "|".join("{" + "|".join(texts) + "}" for texts in options)
    pattern = read("{1-3$$-$$" + written + "}")
    expected = [
        "-".join(texts)
        for number in (1, 2, 3)
        for chosen in permutations(options, number)
        for texts in product(*chosen)
    ]
    assert sorted(all_texts(pattern)) == sorted(expected)
    assert pattern.count == len(expected)


def test_huge_numbers_are_counted_and_reached_without_being_made():
    pattern = read("{a|b|c|d|e|f|g|h|i|j}" * 60)
    assert pattern.count == 10**60
    assert text_at(pattern, 10**60 - 1) == "j" * 60
    assert text_at(pattern, 7) == "a" * 59 + "h"


def test_drawing_ends_when_nothing_new_comes():
    assert sorted(draw_texts(read("{a|b|a}"), 9, "key")) == ["a", "b"]
