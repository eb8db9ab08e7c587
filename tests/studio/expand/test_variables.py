from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovi_studio.expand.errors import BlankError, ExpansionError
from ovi_studio.expand.sandbox import read_blanks
from ovi_studio.expand.variables import fill_variables, names_in

VALUES = {"hero": "a fox", "place": "Rome"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{{ hero }} in {{place}}", "a fox in Rome"),
        ("{{ hero|upper }}", "A FOX"),
        ("{{ hero|sentence }} in {{ place|sentence }}", "A fox in Rome"),
        ("{{ rain|default('sun') }}", "sun"),
        ("{{ 'x' if rain is defined else 'y' }}", "y"),
        ("{{ hero ~ '!' }}", "a fox!"),
        ("{{ hero }} {{a|b}|c}", "a fox {{a|b}|c}"),
        ("{{{ hero }}|b}", "{a fox|b}"),
        (r"{{ hero }} \{\{ hero \}\}", r"a fox \{\{ hero \}\}"),
        ("{{ hero }}\r\n{#x|y}", "a fox\r\n{#x|y}"),
        ("no braces <S>x<E>", "no braces <S>x<E>"),
    ],
)
def test_variables_are_filled_and_the_rest_left(written, expected):
    assert fill_variables(written, VALUES) == expected


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (
            "one\n{{ villain }}",
            "Line 2 of the prompt, {{ villain }}: villain has no value.*--var v",
        ),
        ("{{ villain|upper }}", "Line 1 of the prompt.*'villain' is undefined"),
        ("{{ hero.__class__ }}", "An attribute is not allowed"),
        ("{{ hero['x'] }}", "An item in brackets is not allowed"),
        ("{{ hero.upper() }}", "not allowed"),
        ("{{ range(9) }}", "A call is not allowed"),
        ("{{ 9**9**9 }}", "not allowed"),
        ("{{ 'a' * 999999999 }}", "not allowed"),
        ("{{ hero|replace('a', 'b') }}", "No filter named 'replace'"),
        ("{{ hero|tojson }}", "No filter named"),
        ("{{ hero is callable }}", "No test named"),
        ("{{ }}", "Expected an expression"),
        ("{{ hero|title(1, 2, 3) }}", "argument"),
        ("{{ " + "9" * 5000 + " }}", "Line 1"),
        ("{% for x in hero %}", "belongs into a template file"),
    ],
)
def test_what_cannot_be_filled_is_named(written, says):
    with pytest.raises(ExpansionError, match=says):
        fill_variables(written, VALUES)


@pytest.mark.parametrize(
    "hostile",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{% set x = 'a' * 9999999999 %}",
        "{% filter upper %}x{% endfilter %}",
        "{{ ''.__class__.__mro__ }}",
        "{{ self }}{{ self._TemplateReference__context }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ [1, 2] }}",
        "{{ {'a': 1} }}",
        "{{ not " + "not " * 500 + "x }}",
        "{{ " + "(" * 5000 + "x" + ")" * 5000 + " }}",
        "{% if x %}" * 70 + "{% endif %}" * 70,
        "{{ x }}" * 6000,
    ],
)
def test_hostile_templates_are_refused_before_they_run(hostile):
    with pytest.raises(BlankError):
        read_blanks(hostile)


def test_a_missing_value_is_named_with_its_line():
    blanks = read_blanks("one\n\n{# note\n#}\n{% if a %}\n{{ b }}\n{% endif %}")
    assert dict(blanks.names) == {"a": 5, "b": 6}
    with pytest.raises(BlankError, match="line 6: 'b' is undefined"):
        blanks.fill({"a": "x"})
    assert blanks.fill({"a": ""}) == "one\n\n"


def test_names_are_found_without_jinja():
    assert names_in("{{ a }} {b|{{ c|upper }}} {{d|e}|f} {g}") == {"a", "c", "upper"}


@given(st.text(st.sampled_from(list("{}% x|'\"().#-~[]12\n")), max_size=30))
def test_any_text_is_filled_or_refused(text):
    with suppress(ExpansionError):
        assert isinstance(fill_variables(text, {"x": "X"}), str)


@given(st.text(st.sampled_from(list("{}% xif'\"().#-~[]12\n|")), max_size=30))
def test_any_template_is_read_or_refused(text):
    with suppress(BlankError):
        assert isinstance(read_blanks(text).fill({"x": "X", "i": "", "f": "f"}), str)
