import pytest

from questlog.cli.table import text_table


def lines(names: list[str], kinds: list[str], *rows: list[object]) -> list[str]:
    return list(text_table(names, kinds, rows))


def test_columns_are_as_wide_as_their_widest_cell_and_numbers_flush_right() -> None:
    assert lines(["name", "n"], ["string", "int64"], ["a", 7], ["longer", 12_345]) == [
        "name    n",
        "──────  ─────",
        "a           7",
        "longer  12345",
    ]


def test_without_rows_the_heading_stays() -> None:
    assert lines(["a"], ["string"]) == ["a", "─"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "NULL"),
        ("", ""),
        (True, "true"),
        ([1, {"a": "ü"}], '[1,{"a":"ü"}]'),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u202eabc", "\\u202eabc"),
        ("x" * 81, "x" * 79 + "…"),
        ("x" * 80, "x" * 80),
    ],
)
def test_no_value_steers_the_terminal_or_breaks_the_table(value: object, shown: str) -> None:
    assert lines(["c"], ["string"], [value])[2] == shown


def test_wide_and_combining_characters_are_counted_as_they_are_drawn() -> None:
    table = lines(["a", "b"], ["string", "string"], ["日本", "x"], ["e\u0301", "y"], ["abcd", "z"])
    assert table[2:] == ["日本  x", "e\u0301     y", "abcd  z"]
