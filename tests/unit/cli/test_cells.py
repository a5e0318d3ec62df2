from decimal import Decimal

import pytest

from questlog.cli.cells import cells


@pytest.mark.parametrize(
    ("values", "unit", "kind", "shown"),
    [
        ([Decimal("0.42345"), None], "share", "double", ["42.3 %", "–"]),
        ([Decimal("1234.5"), 0], "USD", "decimal128(38, 6)", ["$ 1,234.50", "$ 0.00"]),
        ([Decimal("-0.0123"), 0], "USD", "decimal128(38, 6)", ["$ -0.0123", "$ 0.0000"]),
        ([63720, 3600], "s", "int64", ["17.7 h", "1.0 h"]),
        ([Decimal(300), 30], "s", "double", ["5.0 min", "0.5 min"]),
        ([Decimal("59.96")], "s", "double", ["60.0 s"]),
        ([1234567, 5], "players", "int64", ["1,234,567", "5"]),
        ([Decimal("1234.567"), 2], "", "double", ["1,234.57", "2.00"]),
        ([Decimal("0.01234")], "", "double", ["0.0123"]),
        ([20251, 7], "", "int64", ["20251", "7"]),
        (["2025-01-01", None], "", "date32[day]", ["2025-01-01", "–"]),
        ([True, False], "", "bool", [True, False]),
        ([None], "USD", "double", ["–"]),
        ([], "s", "int64", []),
    ],
)
def test_values_are_rounded_and_have_their_unit(
    values: list[object], unit: str, kind: str, shown: list[object]
) -> None:
    assert cells(values, unit, kind) == shown
