"""Releases: the first day on which a new build has enough players."""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated

import ibis
import ibis.expr.types as ir
import msgspec
from msgspec import Meta

from questlog.analytics.engine import tables
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.examples import JANUARY, Example
from questlog.analytics.question.query import Period
from questlog.store.schema import DIMENSIONS

MAX_RELEASES = 1_000
DAYS_BEFORE_RELEASE = 30
"""For how many days testers alone can have a build before its release."""

_BIT_OF_BUILD = 1 << DIMENSIONS.index("build")
_BIT_OF_DAY = 1 << len(DIMENSIONS)


class Releases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The builds that were released in the period, each on the first day on which enough players had it.

    Enough are `min_players` players and `min_share` of the day's active players. Testers can have a build for 30 days
    before; a build that has enough players only later than that has no release. Builds of the first day of the game's
    data have none either: nothing was before them. Of more than `limit` releases, those with the most players on their
    first day are shown.
    """

    period: Period
    min_players: Annotated[int, Meta(ge=1, le=1_000_000)] = 3
    min_share: Annotated[float, Meta(ge=0, le=1)] = 0.01
    limit: Annotated[int, Meta(ge=1, le=MAX_RELEASES)] = 50

    def check(self, segments: Mapping[str, SegmentDefinition]) -> None:
        """Raises `InvalidQuery` for a period that is not possible."""
        del segments
        self.period.check()


def answer(question: Releases, context: Context) -> Answer:
    """The releases by day. Raises `InvalidQuery`, `QueryAborted`."""
    question.check(context.segments)
    found = context.run(released, context.game_id, question)
    order = [("day", "ascending"), ("players", "descending"), ("build", "ascending")]
    table = found.sort_by(order).select([column.name for column in _COLUMNS])
    return Answer(table, _COLUMNS, data_version=context.data_version)


def released(game_id: int, question: Releases) -> ir.Table:
    """`build`, `day`, `players`, `share` and `first_seen` of each release."""
    by_day = _builds_by_day(game_id, question.period)
    by_day = by_day.filter(by_day.players >= question.min_players, by_day.share >= question.min_share)
    rank = ibis.row_number().over(ibis.window(group_by="build", order_by="day"))
    by_day = by_day.mutate(**{"release:place": rank})
    first = by_day.filter(by_day["release:place"] == 0, by_day.day >= question.period.start)
    order = [ibis.desc("players"), "day", "build"]
    return first.order_by(order).limit(question.limit).drop("release:place")


def _builds_by_day(game_id: int, period: Period) -> ir.Table:
    """The players of the days on which each new build can be released."""
    before = dt.timedelta(days=DAYS_BEFORE_RELEASE)
    rows = tables.player_day_values
    rows = rows.filter(
        rows.game_id == game_id, rows.day.between(period.start - before, period.end), rows.player_no.notnull()
    )
    # The day's first row of a player has one of its builds: so one pass counts the players of builds, and of the day.
    counted = rows.group_by("build", "day").aggregate(
        players=rows.count(where=(rows.first_of & _BIT_OF_BUILD) > 0),
        firsts=rows.count(where=(rows.first_of & _BIT_OF_DAY) > 0),
    )
    players = counted.mutate(active=counted.firsts.sum().over(ibis.window(group_by="day")))
    new = _new_builds(game_id, period)
    new = new.select(first_seen=new.first_seen, **{"new:build": new.build})
    found = players.inner_join(new, players.build == new["new:build"])
    found = found.filter(found.day.between(found.first_seen, found.first_seen + ibis.interval(days=before.days)))
    share = found.players.cast("float64") / found.active
    return found.select("build", "day", "players", "first_seen", share=share)


def _new_builds(game_id: int, period: Period) -> ir.Table:
    """`build` and `first_seen` of those whose release can be in the period."""
    values = tables.field_values
    values = values.filter(values.game_id == game_id, values.field == "build")
    start = values.aggregate(start=values.day.min())
    seen = values.group_by(build=values.value).aggregate(first_seen=values.day.min())
    seen = seen.cross_join(start)
    earliest = period.start - dt.timedelta(days=DAYS_BEFORE_RELEASE)
    return seen.filter(seen.first_seen.between(earliest, period.end), seen.first_seen > seen.start)


_COLUMNS = (
    AnswerColumn("build", "", "the build"),
    AnswerColumn("day", "", "the day of its release: the first with enough players"),
    AnswerColumn("players", "players", "players with an event of the build on that day"),
    AnswerColumn("share", "share", "`players` ÷ all active players of that day"),
    AnswerColumn("first_seen", "", "the first day with an event of the build"),
)

ANALYSIS = Analysis(
    "releases",
    Releases,
    answer,
    "The first day of each new build of enough players.",
    page="reference/analyses/releases.md",
    examples=(
        Example("The releases of January", {"period": JANUARY}),
        Example("Only builds that a tenth of the players had at once", {"period": JANUARY, "min_share": 0.1}),
    ),
)
