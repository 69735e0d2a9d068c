"""TOML as we write it: whatever is in a text, a reader of TOML finds that text and nothing beside it."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_compute_rosetta.takeover.toml_text import Table, write

HOSTILE = [
    "",
    '"',
    '"""',
    "\\",
    "\\u0041",
    "a\nb\r\nc\td",
    "\x00\x01\x08\x0b\x0c\x1f\x7f\x80\x85\x9f",
    "\u2028\u2029\u202e\ufeff\U0001f680",
    '"\n[[facility]]\nid = "x',
    "# no comment",
    "]",
]


def table(**entries) -> Table:
    """Make a table of some entries."""
    made = Table("[one]")
    for key, value in entries.items():
        made.add(key, value)
    return made


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_come_back(text):
    """Quotes, escapes, control characters and TOML itself stay what they are, alone and in lists."""
    read = tomllib.loads(write([table(text=text, one=[text], many=[text, "x", text])]))
    assert {"one": {"text": text, "one": [text], "many": [text, "x", text]}} == read


@given(st.text(), st.lists(st.text()), st.integers(-(2**63), 2**63 - 1), st.booleans())
def test_any_value_comes_back(text, texts, number, flag):
    """Of any text, list, number and flag."""
    read = tomllib.loads(write([table(text=text, texts=texts, number=number, flag=flag)]))
    assert {"one": {"text": text, "texts": texts, "number": number, "flag": flag}} == read


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_escapes_from_a_comment(text):
    """A comment ends where we end it, whatever is in it: no key and no table comes out of it."""
    commented = Table("[one]", comment=[text])
    commented.add("key", 1, text, text)
    assert {"one": {"key": 1}} == tomllib.loads(write([commented], [text]))


def test_tables_of_a_list_keep_their_order_and_their_own():
    """Each `[[facility]]` has the tables that follow it."""
    first, second = Table("[[facility]]"), Table("[[facility]]")
    first.add("id", "a")
    second.add("id", "b")
    storage = Table("[[facility.storage]]")
    storage.add("name", "data")
    read = tomllib.loads(write([first, storage, second, Table("[facility.slurm]")]))
    assert [{"id": "a", "storage": [{"name": "data"}]}, {"id": "b", "slurm": {}}] == read["facility"]
