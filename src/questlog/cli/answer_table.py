"""Lays out the answer to a question for people: units, totals once, cohorts as a triangle."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from questlog.cli.cells import cells

_NUMBER = "decimal"
_TRIANGLE = {"cohort", "size", "age"}
_VALUES = ("share", "ltv", "playtime_total_per_player", "sessions_total_per_player")
_KEYS = ("cohort", "group", "size")
_OF_INTERVALS = ("_numerator", "_denominator", "_low", "_high")

Rows = Sequence[Sequence[object]]


class Grid(NamedTuple):
    """A table with written cells. `title` is "" where the headings say enough."""

    title: str
    names: Sequence[str]
    kinds: Sequence[str]
    rows: Rows


def grids_of(content: Mapping[str, Any]) -> list[Grid]:
    """The tables of an answer of the form `compact`: one, and one of totals where these do not fit into it."""
    columns, rows, totals = content["columns"], content["rows"], content["totals"] or []
    names = [column["name"] for column in columns]
    if _is_triangle(names):
        return [_triangle(columns, rows, totals, name) for name in names if name in _VALUES]
    shown = [column for column in columns if any(column["name"] in total for total in totals)]
    totalled = [[total.get(column["name"]) for column in shown] for total in totals]
    if not totals or totalled == rows:
        return [_grid(columns, rows)]
    if len(totals) == 1 and len(names) > len(shown):
        return [_with_total(columns, rows, totals[0])]
    return [_grid(columns, rows), _grid(shown, totalled)._replace(title="total")]


def _grid(columns: Sequence[Mapping[str, str]], rows: Rows) -> Grid:
    written = [
        cells([row[place] for row in rows], column["unit"], column["type"]) for place, column in enumerate(columns)
    ]
    lines = list(zip(*written, strict=True))
    return Grid("", [column["name"] for column in columns], [column["type"] for column in columns], lines)


def _with_total(columns: Sequence[Mapping[str, str]], rows: Rows, total: Mapping[str, object]) -> Grid:
    """The total as the last row. What it does not have (its groups) is empty."""
    row = [total.get(column["name"]) for column in columns]
    grid = _grid(columns, [*rows, row])
    missing = [place for place, column in enumerate(columns) if column["name"] not in total]
    last = list(grid.rows[-1])
    for place in missing:
        last[place] = "total" if place == missing[0] else ""
    return grid._replace(rows=[*grid.rows[:-1], last])


def _is_triangle(names: Sequence[str]) -> bool:
    return (
        set(names) >= _TRIANGLE
        and not set(names).isdisjoint(_VALUES)
        and not any(name.endswith(_OF_INTERVALS) for name in names)
    )


def _triangle(
    columns: Sequence[Mapping[str, str]], rows: Rows, totals: Sequence[Mapping[str, Any]], shown: str
) -> Grid:
    """The column `shown`: a line for each cohort, a column for each age, and a last line for all cohorts."""
    names = [column["name"] for column in columns]
    age, keys = names.index("age"), [column for column in columns if column["name"] in _KEYS]
    column = columns[names.index(shown)]
    raw = [row[names.index(shown)] for row in rows] + [total[shown] for total in totals]
    values = cells(raw, column["unit"], column["type"], nothing="")
    lines: dict[tuple[object, ...], dict[object, object]] = {}
    for row, value in zip(rows, values, strict=False):
        head = tuple(row[place] for place, name in enumerate(names) if name in _KEYS)
        lines.setdefault(head, {})[row[age]] = value
    if totals and len(lines) > 1:
        of_all = {"cohort": "all", "group": "", "size": sum(int(str(head[-1])) for head in lines)}
        head = tuple(of_all[column["name"]] for column in keys)
        lines[head] = dict(zip((total["age"] for total in totals), values[len(rows) :], strict=True))
    heads = _grid(keys, list(lines))
    ages = list(dict.fromkeys(row[age] for row in rows))
    grid = [
        [*head, *(line.get(each, "") for each in ages)] for head, line in zip(heads.rows, lines.values(), strict=True)
    ]
    return Grid(f"{shown} by age", [*heads.names, *map(str, ages)], [*heads.kinds, *([_NUMBER] * len(ages))], grid)
