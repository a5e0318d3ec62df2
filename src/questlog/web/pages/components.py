"""Every component in every state, for who changes pages (docs/design/README.md)."""

from litestar import Response, get

from questlog.console.access import Right, Scope, needs
from questlog.web.charts import Figure
from questlog.web.log_in import AnyRequest
from questlog.web.site import ThisSite
from questlog.web.tables import Cell, Column, Table

_SPARK = "0,22 20,18 40,20 60,11 80,13 100,6"
_SPEC = {
    "kind": "line",
    "unit": "players",
    "currency": None,
    "zone": "UTC",
    "granularity": "day",
    "x": [f"2026-01-{day:02d}" for day in range(1, 11)],
    "series": [
        {
            "key": f"series_{n}",
            "name": f"Series {n}",
            "values": [n * 12 + (day * n) % 9 for day in range(10)],
            "compared": False,
        }
        for n in range(1, 9)
    ],
    "unfinished_from": 9,
    "marks": [{"x": "2026-01-05", "kind": "release", "text": "1.4.0", "url": ""}],
    "compared_x": None,
    "zoom": None,
}


@get("/components", opt=needs(Right.VIEW, Scope.NONE))
async def components_page(site: ThisSite, request: AnyRequest) -> Response[str]:
    """Every component in every state."""
    columns = [
        Column("country", "Country", "", "", is_number=False),
        Column("dau", "Players", "players", "", is_number=True),
    ]
    rows = [
        [Cell("DE", "DE", "#", is_data=True), Cell("1,234", "1234", share=1.0)],
        [Cell("مرحبا 🎮 " + "long " * 30, "x", is_data=True), Cell("617", "617", share=0.5)],
        [Cell("–", ""), Cell("–", "")],
    ]
    figures = [
        Figure("dau", "Active players", "1,234", "1234", "", "+12.3 %", "good", "1,099", _SPARK, "100,6 120,20", "#"),
        Figure("errors", "Errors", "88", "88", "", "+40.0 %", "bad", "63", _SPARK, "", None),
        Figure("arpdau", "ARPDAU", "$0.0342", "0.0342", "", "–", "even", "–", "", "", None),
    ]
    return await site.page(
        request,
        "components.html",
        page="components",
        table=Table(columns, rows, [Cell("", ""), Cell("1,851", "1851")], "A caption"),
        figures=figures,
        spec=_SPEC,
    )
