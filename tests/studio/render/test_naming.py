"""Names of clips are readable, safe everywhere, and different for different clips."""

import re

from hypothesis import given
from hypothesis import strategies as st

from ovi_studio.render.job import ClipSource
from ovi_studio.render.naming import clip_name

IDENTITY = "0123456789abcdef" * 4


def test_a_name_says_set_row_seed_and_identity():
    assert clip_name(ClipSource("demo", "2"), 7, IDENTITY) == "demo-2-s7-01234567.mp4"


def test_what_file_systems_do_not_take_is_replaced():
    source = ClipSource('con.x: "a/b\\c"', "..")
    assert clip_name(source, 0, IDENTITY) == "con-x-a-b-c-x-s0-01234567.mp4"
    assert clip_name(ClipSource("Füchse 狐", "é"), 0, IDENTITY) == "Füchse-狐-é-s0-01234567.mp4"


@given(st.text(), st.text())
def test_every_name_can_be_a_file_everywhere(set_name, row_id):
    name = clip_name(ClipSource(set_name, row_id), 2**63 - 1, IDENTITY)
    assert len(name.encode()) <= 255
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f]', name)
    assert not re.match(r"(con|prn|aux|nul|com\d|lpt\d)\.", name, re.IGNORECASE)
    assert not name.startswith((".", " "))
