import pytest

from ovi_studio.errors import UsageError
from ovi_studio.expand.errors import ExpansionError
from ovi_studio.expand.matrix import Block, Expansion, Matrix, SourcePrompt
from ovi_studio.expand.matrix_text import read_seeds, read_values, read_variables
from tests.studio.expand.writing import NO_WILDCARDS


def prompt(text, number=1, **cells):
    return SourcePrompt(text, f"set:{number}", f"set.csv, line {number + 1}", cells)


def rows(prompts, **matrix):
    expansion = Expansion(prompts, Matrix(**matrix), NO_WILDCARDS)
    made = [(row.text, row.seed, row.variant, row.origin) for row in expansion]
    assert sum(block.num_rows for block in expansion.blocks()) == len(made)
    return made


def test_variants_are_outermost_and_seeds_innermost():
    assert rows(
        [prompt("{{ who }} {a|b}"), prompt("fox", 2)],
        variables={"who": ["x", "y"]},
        seeds=[1, 2],
        variants=["nano", "720x720_5s"],
    )[:10] == [
        ("x a", 1, "nano", "set:1 who=x"),
        ("x a", 2, "nano", "set:1 who=x"),
        ("x b", 1, "nano", "set:1 who=x"),
        ("x b", 2, "nano", "set:1 who=x"),
        ("y a", 1, "nano", "set:1 who=y"),
        ("y a", 2, "nano", "set:1 who=y"),
        ("y b", 1, "nano", "set:1 who=y"),
        ("y b", 2, "nano", "set:1 who=y"),
        ("fox", 1, "nano", "set:2"),
        ("fox", 2, "nano", "set:2"),
    ]


def test_nothing_said_keeps_the_rows_own():
    assert rows([prompt("fox")]) == [("fox", None, None, "set:1")]


def test_cells_are_variables_and_the_command_line_wins():
    cells = {"hero": "a fox", "place": "Rome"}
    assert rows([prompt("{{ hero }} in {{ place }}", **cells)], variables={"hero": ["a cat"]}) == [
        ("a cat in Rome", None, None, "set:1 hero=a cat")
    ]


def test_values_may_hold_alternatives():
    assert [row[0] for row in rows([prompt("{{ hero }}!", hero="{a|b}")])] == ["a!", "b!"]


def test_an_empty_cell_is_no_value():
    with pytest.raises(ExpansionError, match=r"set.csv, line 2: Line 1 .*hero has no value"):
        rows([prompt("{{ hero }}", hero=" ")])
    assert rows([prompt("{{ hero|default('a fox') }}", hero="")])[0][0] == "a fox"


def test_a_variable_that_no_prompt_uses_is_refused():
    with pytest.raises(ExpansionError, match="No prompt uses the variable them"):
        rows([prompt("{{ theme }}")], variables={"theme": ["a"], "them": ["b"]})


def test_draws_do_not_depend_on_the_other_rows_and_are_shared_by_themes():
    fox, cat = prompt("fox {a|b|c|d|e|f} {{ x }}", 1), prompt("cat {a|b|c|d|e|f}", 2)
    alone = rows([fox], num_drawn=3, variables={"x": ["1", "2"]})
    together = rows([cat, fox], num_drawn=3, variables={"x": ["1", "2"]})
    assert alone == together[3:]
    assert [text[:-1] for text, *_ in alone[:3]] == [text[:-1] for text, *_ in alone[3:]]
    other = rows([fox], num_drawn=3, draw_seed=1, variables={"x": ["1", "2"]})
    assert other != alone


def test_all_are_taken_where_there_are_not_more_than_asked_for():
    assert [row[0] for row in rows([prompt("{a|b|c}")], num_drawn=3)] == ["a", "b", "c"]
    assert len(rows([prompt("{a|b|c|d}")], num_drawn=3)) == 3


def test_blocks_are_counted_without_making_rows():
    huge = prompt("{a|b}" * 100)
    expansion = Expansion([huge], Matrix(seeds=range(10), variants=["nano"]), NO_WILDCARDS)
    assert list(expansion.blocks()) == [Block(huge, "nano", 10 * 2**100)]
    assert next(iter(expansion)).text == "a" * 100


@pytest.mark.parametrize("number", [0, -1, 10**9])
def test_numbers_that_cannot_be_drawn_are_refused(number):
    with pytest.raises(ExpansionError, match="cannot be drawn"):
        rows([prompt("fox")], num_drawn=number)


def test_too_many_values_are_refused_at_once():
    variables = {name: ["v"] * 1000 for name in "abc"}
    with pytest.raises(ExpansionError, match="Use fewer values"):
        rows([prompt("{{ a }}{{ b }}{{ c }}")], variables=variables)


@pytest.mark.parametrize(
    ("written", "seeds"),
    [("5", (5,)), ("1-4", (1, 2, 3, 4)), (" 7, 1 - 2,7", (7, 1, 2)), ("3-3", (3,))],
)
def test_seeds_are_read(written, seeds):
    assert read_seeds(written) == seeds


@pytest.mark.parametrize("written", ["", "a", "1-", "4-1", "-3", "1,,2", "1.5", "0-99999999"])
def test_what_are_no_seeds_is_refused(written):
    with pytest.raises(UsageError, match="seeds"):
        read_seeds(written)


def test_variables_are_read():
    assert read_variables(["theme=noir, opera", "x=a=b", r"theme=a\, b,noir", "e="]) == {
        "theme": ("noir", "opera", "a, b"),
        "x": ("a=b",),
        "e": ("",),
    }
    with pytest.raises(UsageError, match="--var name=value"):
        read_variables(["theme"])


def test_values_are_read():
    assert read_values(["line=Yes, no = maybe"]) == {"line": "Yes, no = maybe"}
    with pytest.raises(UsageError, match="given twice"):
        read_values(["a=1", "a=2"])
    with pytest.raises(UsageError, match="--set"):
        read_values(["a b=1"])
