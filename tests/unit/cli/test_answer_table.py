from typing import Any

from questlog.cli.answer_table import Grid, grids_of

COHORT = [("cohort", "date32[day]", ""), ("size", "int64", "players"), ("age", "int64", "")]
SHARE = ("share", "double", "share")


def content(columns: list[tuple[str, str, str]], rows: list[list[Any]], totals: list[dict[str, Any]]) -> dict[str, Any]:
    named = [{"name": name, "type": kind, "unit": unit} for name, kind, unit in columns]
    return {"columns": named, "rows": rows, "totals": totals}


def test_cohorts_are_a_triangle_with_a_line_for_all() -> None:
    rows = [
        ["2025-01-01", 4, 0, 1],
        ["2025-01-01", 4, 1, 0.5],
        ["2025-01-02", 1996, 0, 1],
        ["2025-01-02", 1996, 1, None],
    ]
    totals: list[dict[str, Any]] = [{"size": 2000, "age": 0, "share": 1}, {"size": 4, "age": 1, "share": 0.5}]
    assert grids_of(content([*COHORT, SHARE], rows, totals)) == [
        Grid(
            "share by age",
            ["cohort", "size", "0", "1"],
            ["date32[day]", "int64", "decimal", "decimal"],
            [
                ["2025-01-01", "4", "100.0 %", "50.0 %"],
                ["2025-01-02", "1,996", "100.0 %", ""],
                ["all", "2,000", "100.0 %", "50.0 %"],
            ],
        )
    ]


def test_the_size_of_all_cohorts_counts_also_those_of_which_no_age_has_passed() -> None:
    rows = [["2025-01-01", 4, 0, 1], ["2025-01-02", 6, 0, None]]
    (grid,) = grids_of(content([*COHORT, SHARE], rows, [{"size": 4, "age": 0, "share": 1}]))
    assert grid.rows[-1] == ["all", "10", "100.0 %"]


def test_several_values_of_cohorts_are_several_triangles() -> None:
    columns = [
        *COHORT,
        ("revenue", "double", "USD"),
        ("ltv", "double", "USD"),
        ("sessions_total_per_player", "double", ""),
    ]
    totals = [{"size": 1, "age": 0, "revenue": 2, "ltv": 2, "sessions_total_per_player": 1}]
    grids = grids_of(content(columns, [["2025-01-01", 1, 0, 2, 2, 1]], totals))
    assert [grid.title for grid in grids] == ["ltv by age", "sessions_total_per_player by age"]
    assert grids[0].rows == [["2025-01-01", "1", "$ 2.00"]]


def test_intervals_of_cohorts_stay_rows() -> None:
    columns = [*COHORT, SHARE, ("share_low", "double", "share")]
    (grid,) = grids_of(content(columns, [["2025-01-01", 1, 0, 1, 0.2]], []))
    assert list(grid.rows) == [("2025-01-01", "1", "0", "100.0 %", "20.0 %")]


def test_one_total_is_the_last_row() -> None:
    columns = [("bucket", "string", ""), ("platform", "string", ""), ("dau", "int64", "players")]
    (grid,) = grids_of(content(columns, [["2025-01-01", "ios", 1000], ["2025-01-01", None, 1]], [{"dau": 1001}]))
    assert [list(row) for row in grid.rows] == [
        ["2025-01-01", "ios", "1,000"],
        ["2025-01-01", "–", "1"],
        ["total", "", "1,001"],
    ]


def test_totals_that_are_the_rows_are_not_repeated() -> None:
    columns = [("size", "int64", "players"), ("age", "int64", "")]
    totals = [{"size": 7, "age": 0}, {"size": 5, "age": 1}]
    assert len(grids_of(content(columns, [[7, 0], [5, 1]], totals))) == 1
    grids = grids_of(content([("group", "string", ""), *columns], [["a", 7, 0], ["a", 5, 1]], totals))
    assert [grid.title for grid in grids] == ["", "total"]
    assert [list(row) for row in grids[1].rows] == [["7", "0"], ["5", "1"]]
