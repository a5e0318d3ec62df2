"""Economy: what players earn and spend, and what they hold. For a designer who balances it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from questlog.analytics.analyses.economy import Balances, Economy, Largest
from questlog.analytics.analyses.economy_rows import Level
from questlog.analytics.analyses.histogram import Histogram
from questlog.analytics.analyses.member_cells import BalanceCell
from questlog.analytics.question.query import Granularity
from questlog.web.cards import Asked, Card, Drawing, Height
from questlog.web.charts import NO_CHART, chart, histogram_spec, time_series
from questlog.web.questions import point_length
from questlog.web.reports import Report
from questlog.web.standard_cards import figures_card
from questlog.web.tables import drawn, table_of
from questlog.web.translations import mark
from questlog.web.view import View
from questlog.web.who import who_url

_EMPTY = mark(
    "No resource event in this period. It takes events of the category resource, for example Source:gems:chest:daily "
    "and Sink:gems:boost:shield."
)
_CHOOSE = mark("Choose a currency above: balances of several currencies have no common scale.")
_MOST_NODES = 15
_OF_ITEMS = ("currency", "item_type", "item_id", "source", "sink", "flow", "economy_players")


def currency_of(view: View) -> str | None:
    """The currency that the address chooses."""
    return view.own.get("currency", "")[:256] or None


def _items(by: Level, largest: Largest, items: int) -> Callable[[View], Mapping[str, msgspec.Struct]]:
    def questions(view: View) -> Mapping[str, msgspec.Struct]:
        question = Economy(
            view.period, by=by, currency=currency_of(view), largest=largest, items=items, filter=view.filter
        )
        return {"items": question}

    return questions


def _currencies(view: View) -> Mapping[str, msgspec.Struct]:
    return {"currencies": Economy(view.period, filter=view.filter, compare=view.compare)}


def _flow(view: View) -> Mapping[str, msgspec.Struct]:
    question = Economy(
        view.period,
        currency=currency_of(view),
        granularity=point_length(view, Granularity.DAY),
        filter=view.filter,
    )
    return {"flow": question}


def _balances(view: View) -> Mapping[str, msgspec.Struct]:
    return {"balances": Balances(min(view.period.end, view.game.today), currency_of(view), filter=view.filter)}


def _histogram_question(view: View) -> Balances:
    return Balances(min(view.period.end, view.game.today), currency_of(view), Histogram(20), view.filter)


def _histogram(view: View) -> Mapping[str, msgspec.Struct]:
    return {"histogram": _histogram_question(view)} if currency_of(view) else {}


def _table(*bars: str, columns: Sequence[str] | None = None) -> Callable[[Asked], Drawing]:
    def draw(asked: Asked) -> Drawing:
        links = {
            "currency": lambda row: asked.view.with_own(currency=str(row["currency"])) if row["currency"] else None
        }
        table = table_of(asked.answer, asked.formats, asked.translate, columns=columns, bars=bars, links=links)
        return drawn(table)

    return draw


def _draw_sankey(asked: Asked) -> Drawing:
    """Where the resources come from and where they go: sources left, the currency in the middle, sinks right."""
    rows = asked.answer.table.to_pylist()
    sources = _greatest(rows, "source")
    sinks = _greatest(rows, "sink")
    name = currency_of(asked.view) or asked.translate(mark("All currencies"))
    spec = {
        "kind": "flow",
        "unit": "",
        "name": name,
        "sources": [{"name": each, "value": value, "link": None} for each, value in sources],
        "sinks": [{"name": each, "value": value, "link": None} for each, value in sinks],
    }
    said = asked.translate(mark("{sources} come in from {n} items, {sinks} go out."))
    summary = said.format(
        sources=asked.formats.number(sum(value for _, value in sources)),
        n=len(sources),
        sinks=asked.formats.number(sum(value for _, value in sinks)),
    )
    table = table_of(asked.answer, asked.formats, asked.translate)
    return chart(spec, table, summary, is_empty=not sources and not sinks)


def _greatest(rows: list[dict[str, Any]], measure: str) -> list[tuple[str, float]]:
    named = [
        (":".join(str(row[part]) for part in ("item_type", "item_id") if row[part] is not None) or "–", row[measure])
        for row in rows
        if row[measure]
    ]
    return sorted(named, key=lambda each: -each[1])[:_MOST_NODES]


def _draw_flow(asked: Asked) -> Drawing:
    if currency_of(asked.view):
        return time_series(asked, metrics=("source", "sink"))
    return time_series(asked, metrics=("flow",), group="currency")


def _draw_histogram(asked: Asked) -> Drawing:
    if not asked.answers:
        return NO_CHART
    rows = asked.answer.table.to_pylist()
    inner = [row for row in rows if row["low"] is not None and row["high"] is not None]
    question = _histogram_question(asked.view)
    links = [who_url(asked.view, BalanceCell(question, row["low"], row["high"])) for row in inner]
    spec = histogram_spec(inner, "", "players", "players") | {"links": links}
    table = table_of(asked.answer, asked.formats, asked.translate, bars=("players",))
    said = asked.translate(mark("{players} players have such a balance.")).format(
        players=asked.formats.number(sum(row["players"] for row in inner))
    )
    return chart(spec, table, said, is_empty=not inner)


def _values(view: View) -> Mapping[str, Any]:
    return {"currency": currency_of(view) or ""}


REPORT = Report(
    "economy",
    "What do players earn and spend, and what do they hold?",
    (
        figures_card("economy.figures", ("economy_players", "source_per_player", "sink_per_player", "flow_per_player")),
        Card(
            "economy.currencies",
            mark("Currencies"),
            _currencies,
            _table("source", "sink"),
            span=12,
            height=Height.LOW,
            help=mark("A currency chooses itself for the cards below."),
            empty=_EMPTY,
        ),
        Card(
            "economy.flow", mark("Flow by item"), _items(Level.ITEM_ID, Largest.SOURCE, 200), _draw_sankey, empty=_EMPTY
        ),
        Card("economy.course", mark("Sources and sinks over time"), _flow, _draw_flow, takes_marks=True, empty=_EMPTY),
        Card(
            "economy.sources",
            mark("Where it comes from"),
            _items(Level.ITEM_ID, Largest.SOURCE, 20),
            _table("source", columns=_OF_ITEMS),
            empty=_EMPTY,
        ),
        Card(
            "economy.sinks",
            mark("Where it goes"),
            _items(Level.ITEM_ID, Largest.SINK, 20),
            _table("sink", columns=_OF_ITEMS),
            empty=_EMPTY,
        ),
        Card(
            "economy.balances",
            mark("What players hold"),
            _balances,
            _table("mean"),
            help=mark("At the end of the period's last day, of all players who ever had an event of the currency."),
            empty=_EMPTY,
        ),
        Card(
            "economy.hoarders",
            mark("Players by balance"),
            _histogram,
            _draw_histogram,
            help=mark("A bar leads to the players in it."),
            empty=_CHOOSE,
        ),
    ),
    template="economy.html",
    values=_values,
)
