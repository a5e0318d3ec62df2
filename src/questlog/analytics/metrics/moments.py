"""Players and what they did, by hour or minute, from the events. A dimension is the player's value of the day."""

import ibis.expr.types as ir

from questlog.analytics.metrics.daily import with_player_days
from questlog.analytics.metrics.parts import Part, aggregated, players_of, with_groups
from questlog.analytics.metrics.purchases import OWN, is_purchase
from questlog.analytics.selection.buckets import bucket_of_time
from questlog.analytics.selection.rows import events_with


def build(part: Part) -> ir.Table:
    """The measures of activity within days."""
    events = events_with(part.scope)
    events = events.mutate(
        day=events.event_time.date(),
        moment=bucket_of_time(events.event_time, part.granularity),
        is_purchase=is_purchase(events, part.named),
    )
    if {measure.name for measure in part.measures} <= OWN:
        events = events.filter(events.is_purchase)
    if part.is_plain:
        return aggregated(part, events, events.moment, [_of_events(part, events, each.name) for each in part.measures])
    rows = with_groups(part, with_player_days(part, _by_player(events)))
    return aggregated(part, rows, rows.moment, [_of_players(rows, each.name) for each in part.measures])


def _of_events(part: Part, events: ir.Table, name: str) -> ir.Scalar:
    if name in ("active", "player_days"):
        return players_of(part, events.player_no)
    if name == "paying":
        return players_of(part, events.player_no, events.is_purchase)
    return _sums(events)[name]


def _sums(events: ir.Table) -> dict[str, ir.Scalar]:
    return {
        "events": events.count(),
        "transactions": events.count(where=events.is_purchase),
        "revenue": events.amount_usd.sum(where=events.is_purchase),
        "ad_revenue": events.ad_revenue_usd.sum(),
    }


def _by_player(events: ir.Table) -> ir.Table:
    """One row for each player, day and hour (minute), so that dimensions are joined to as few as possible."""
    return events.group_by("player_no", "day", "moment").aggregate(**_sums(events))


def _of_players(rows: ir.Table, name: str) -> ir.Scalar:
    if name in ("active", "player_days"):
        return rows.count(where=rows.player_no.notnull())
    if name == "paying":
        return rows.count(where=rows.player_no.notnull() & (rows.transactions > 0))
    return rows[name].sum()
