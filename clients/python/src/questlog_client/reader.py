"""Asks a Questlog server about a game. The fields of each question are the server's own, under the same names."""

import datetime as dt
import os
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from questlog_client.answer import Answer, read_answer
from questlog_client.errors import QuestlogError, ServerFailed
from questlog_client.filters import Json
from questlog_client.http import Server

Day = dt.date | str
Period = tuple[Day, Day] | Day
"""First and last day in the game's time zone (both included), or one day; a date, or a text such as `2026-01-31`."""

Compare = str | tuple[Day, Day]
"""`previous_period`, `previous_weekdays`, `previous_year`, or the first and last day of another period."""

_TOKEN_VARIABLE = "QUESTLOG_TOKEN"  # noqa: S105


class Reader:
    """Asks one server. Any number of threads may use it.

    `token` is an API token (`questlog token create NAME`), by default the environment's `QUESTLOG_TOKEN`. `game` is the
    game that is meant where a question names none: a name, game key or number. `timeout_s` bounds each wait for the
    server, in seconds. Every method raises `QuestlogError`, and so does a token that cannot be sent, at once.
    """

    def __init__(
        self, url: str, token: str | None = None, *, game: str | int | None = None, timeout_s: float = 60.0
    ) -> None:
        self._server = Server(url, token or os.environ.get(_TOKEN_VARIABLE, ""), timeout_s)
        self._game = game

    def games(self) -> Sequence[Mapping[str, Any]]:
        """The games of the server, the oldest first: `game_id`, `name`, `game_key`, …."""
        games: Sequence[Mapping[str, Any]] = self._server.json("/api/v1/games")
        return games

    def ask(self, analysis: str, question: Json, *, game: str | int | None = None) -> Answer:
        """Any question of the HTTP API, as its JSON: `ask("retention", {"period": {…}})`."""
        meant = self._game if game is None else game
        if meant is None:
            raise QuestlogError("name a game: Reader(…, game=…), or game=… of the question")
        name = urllib.parse.quote(str(meant), safe="")
        return self._arrow(f"/api/v1/games/{name}/{analysis}", question)

    def sql(self, statement: str, parameters: Mapping[str, str | float | bool | None] | None = None) -> Answer:
        """The answer to one read-only SQL statement; `parameters` are the values of its `$name`s."""
        return self._arrow("/api/v1/sql", _given({"sql": statement, "parameters": parameters}))

    def query(
        self,
        metrics: Sequence[str],
        period: Period,
        *,
        granularity: str | None = None,
        group_by: Sequence[str] | None = None,
        filter: Json | None = None,  # noqa: A002 - the server's word
        compare: Compare | None = None,
        top: int | None = None,
        totals: bool | None = None,
        time_zone: str | None = None,
        intervals: bool | None = None,
        game: str | int | None = None,
    ) -> Answer:
        """Metrics over time, by dimensions."""
        question = {
            "metrics": list(metrics),
            "period": _period(period),
            "granularity": granularity,
            "group_by": None if group_by is None else list(group_by),
            "filter": filter,
            "compare": _compare(compare),
            "top": top,
            "totals": totals,
            "time_zone": time_zone,
            "intervals": intervals,
        }
        return self.ask("query", _given(question), game=game)

    def metric_preview(
        self,
        metric: Json,
        period: Period,
        *,
        granularity: str | None = None,
        filter: Json | None = None,  # noqa: A002 - the server's word
        compare: Compare | None = None,
        game: str | int | None = None,
    ) -> Answer:
        """A custom metric that is not saved, over time."""
        question = {
            "metric": metric,
            "period": _period(period),
            "granularity": granularity,
            "filter": filter,
            "compare": _compare(compare),
        }
        return self.ask("metric-preview", _given(question), game=game)

    def explore(
        self,
        period: Period,
        *,
        category: str | None = None,
        nodes: Sequence[str] | None = None,
        depth: int | None = None,
        measures: Sequence[str] | None = None,
        granularity: str | None = None,
        group_by: Sequence[str] | None = None,
        top: int | None = None,
        filter: Json | None = None,  # noqa: A002 - the server's word
        histogram: Json | None = None,
        histogram_of: str | None = None,
        compare: Compare | None = None,
        time_zone: str | None = None,
        game: str | int | None = None,
    ) -> Answer:
        """An event tree, node by node, or a histogram of its values or of what SDKs measured."""
        question = {
            "period": _period(period),
            "category": category,
            "nodes": None if nodes is None else list(nodes),
            "depth": depth,
            "measures": None if measures is None else list(measures),
            "granularity": granularity,
            "group_by": None if group_by is None else list(group_by),
            "top": top,
            "filter": filter,
            "histogram": histogram,
            "histogram_of": histogram_of,
            "compare": _compare(compare),
            "time_zone": time_zone,
        }
        return self.ask("explore", _given(question), game=game)

    def retention(
        self,
        period: Period,
        *,
        granularity: str | None = None,
        cohort: str | Json | None = None,
        returned: Json | None = None,
        kind: str | None = None,
        ages: int | None = None,
        group_by: Sequence[str] | None = None,
        filter: Json | None = None,  # noqa: A002 - the server's word
        form: str | None = None,
        intervals: bool | None = None,
        compare: Compare | None = None,
        game: str | int | None = None,
    ) -> Answer:
        """Players who came back: cohort by cohort, or added up as a curve."""
        question = {
            "period": _period(period),
            "granularity": granularity,
            "cohort": cohort,
            "returned": returned,
            "kind": kind,
            "ages": ages,
            "group_by": None if group_by is None else list(group_by),
            "filter": filter,
            "form": form,
            "intervals": intervals,
            "compare": _compare(compare),
        }
        return self.ask("retention", _given(question), game=game)

    def cohorts(
        self,
        period: Period,
        *,
        granularity: str | None = None,
        cohort: str | Json | None = None,
        ages: int | None = None,
        group_by: Sequence[str] | None = None,
        filter: Json | None = None,  # noqa: A002 - the server's word
        form: str | None = None,
        intervals: bool | None = None,
        compare: Compare | None = None,
        game: str | int | None = None,
    ) -> Answer:
        """LTV, playtime and sessions of cohorts, by age."""
        question = {
            "period": _period(period),
            "granularity": granularity,
            "cohort": cohort,
            "ages": ages,
            "group_by": None if group_by is None else list(group_by),
            "filter": filter,
            "form": form,
            "intervals": intervals,
            "compare": _compare(compare),
        }
        return self.ask("cohorts", _given(question), game=game)

    def funnel(
        self,
        steps: Sequence[Json | Sequence[Json]],
        period: Period,
        *,
        window_s: int | None = None,
        order: str | None = None,
        count: str | None = None,
        exclusions: Sequence[Json] | None = None,
        granularity: str | None = None,
        group_by: Sequence[str] | None = None,
        top: int | None = None,
        filter: Json | None = None,  # noqa: A002 - the server's word
        times: Json | None = None,
        dropped_after: int | None = None,
        limit: int | None = None,
        intervals: bool | None = None,
        compare: Compare | None = None,
        game: str | int | None = None,
    ) -> Answer:
        """How many players get from step to step, how fast, and who drops out.

        `event` writes a step; a list of events is one step, of which any will do.
        """
        question = {
            "steps": list(steps),
            "period": _period(period),
            "window_s": window_s,
            "order": order,
            "count": count,
            "exclusions": None if exclusions is None else list(exclusions),
            "granularity": granularity,
            "group_by": None if group_by is None else list(group_by),
            "top": top,
            "filter": filter,
            "times": times,
            "dropped_after": dropped_after,
            "limit": limit,
            "intervals": intervals,
            "compare": _compare(compare),
        }
        return self.ask("funnel", _given(question), game=game)

    def progression(
        self,
        period: Period,
        *,
        depth: int | None = None,
        parts: Sequence[str] | None = None,
        order: str | None = None,
        group_by: Sequence[str] | None = None,
        top: int | None = None,
        filter: Json | None = None,  # noqa: A002 - the server's word
        intervals: bool | None = None,
        compare: Compare | None = None,
        time_zone: str | None = None,
        game: str | int | None = None,
    ) -> Answer:
        """Levels: drop-off, difficulty, time to complete."""
        question = {
            "period": _period(period),
            "depth": depth,
            "parts": None if parts is None else list(parts),
            "order": order,
            "group_by": None if group_by is None else list(group_by),
            "top": top,
            "filter": filter,
            "intervals": intervals,
            "compare": _compare(compare),
            "time_zone": time_zone,
        }
        return self.ask("progression", _given(question), game=game)

    def economy(
        self,
        period: Period,
        *,
        by: str | None = None,
        currency: str | None = None,
        parts: Sequence[str] | None = None,
        granularity: str | None = None,
        largest: str | None = None,
        items: int | None = None,
        group_by: Sequence[str] | None = None,
        top: int | None = None,
        filter: Json | None = None,  # noqa: A002 - the server's word
        compare: Compare | None = None,
        time_zone: str | None = None,
        game: str | int | None = None,
    ) -> Answer:
        """Sources and sinks of the game's economy, by currency, item type or item."""
        question = {
            "period": _period(period),
            "by": by,
            "currency": currency,
            "parts": None if parts is None else list(parts),
            "granularity": granularity,
            "largest": largest,
            "items": items,
            "group_by": None if group_by is None else list(group_by),
            "top": top,
            "filter": filter,
            "compare": _compare(compare),
            "time_zone": time_zone,
        }
        return self.ask("economy", _given(question), game=game)

    def balances(
        self,
        day: Day,
        *,
        currency: str | None = None,
        histogram: Json | None = None,
        filter: Json | None = None,  # noqa: A002 - the server's word
        game: str | int | None = None,
    ) -> Answer:
        """Balances of players at the end of a day."""
        question = {"day": _day(day), "currency": currency, "histogram": histogram, "filter": filter}
        return self.ask("balances", _given(question), game=game)

    def segments(
        self,
        segment: str | Json,
        *,
        players: int | None = None,
        after: str | None = None,
        game: str | int | None = None,
    ) -> Answer:
        """The size of a segment now; or, with `players`, that number of members, after the player `after`."""
        return self.ask("segments", _given({"segment": segment, "players": players, "after": after}), game=game)

    def players(
        self,
        *,
        prefix: str | None = None,
        filter: Json | None = None,  # noqa: A002 - the server's word
        segment: str | Json | None = None,
        order: str | None = None,
        limit: int | None = None,
        after: str | None = None,
        game: str | int | None = None,
    ) -> Answer:
        """Players by the beginning of their id, by properties and lifetime numbers, or by segment."""
        question = {
            "prefix": prefix,
            "filter": filter,
            "segment": segment,
            "order": order,
            "limit": limit,
            "after": after,
        }
        return self.ask("players", _given(question), game=game)

    def player_devices(self, player_id: str, *, game: str | int | None = None) -> Answer:
        """What a player played on: devices, systems, builds and countries."""
        return self.ask("player-devices", {"player_id": player_id}, game=game)

    def player_purchases(
        self, player_id: str, *, limit: int | None = None, after: str | None = None, game: str | int | None = None
    ) -> Answer:
        """What a player bought, and what was refunded, newest first."""
        question = {"player_id": player_id, "limit": limit, "after": after}
        return self.ask("player-purchases", _given(question), game=game)

    def error_samples(
        self,
        fingerprint: str,
        period: Period,
        *,
        filter: Json | None = None,  # noqa: A002 - the server's word
        limit: int | None = None,
        after: str | None = None,
        game: str | int | None = None,
    ) -> Answer:
        """The latest errors of one error group, with everything that was sent."""
        question = {
            "fingerprint": fingerprint,
            "period": _period(period),
            "filter": filter,
            "limit": limit,
            "after": after,
        }
        return self.ask("error-samples", _given(question), game=game)

    def player(self, player_id: str, *, game: str | int | None = None) -> Answer:
        """A player's profile: first and last event, install, sessions, playtime, revenue, properties."""
        return self.ask("player", {"player_id": player_id}, game=game)

    def sessions(
        self,
        player_id: str,
        *,
        after: str | None = None,
        limit: int | None = None,
        game: str | int | None = None,
    ) -> Answer:
        """A player's sessions, newest first."""
        return self.ask("sessions", _given({"player_id": player_id, "after": after, "limit": limit}), game=game)

    def timeline(
        self,
        player_id: str,
        *,
        period: Period | None = None,
        event: Json | None = None,
        search: str | None = None,
        after: str | None = None,
        limit: int | None = None,
        game: str | int | None = None,
    ) -> Answer:
        """A player's events, newest first: all, or those that match."""
        question = {
            "player_id": player_id,
            "period": None if period is None else _period(period),
            "event": event,
            "search": search,
            "after": after,
            "limit": limit,
        }
        return self.ask("timeline", _given(question), game=game)

    def realtime(
        self,
        *,
        span: str | None = None,
        filter: Json | None = None,  # noqa: A002 - the server's word
        game: str | int | None = None,
    ) -> Answer:
        """The last hour by minute or, with `span="day"`, the last day by hour; compared with a week ago."""
        return self.ask("realtime", _given({"span": span, "filter": filter}), game=game)

    def members(
        self,
        of: Json,
        *,
        limit: int | None = None,
        after: str | None = None,
        game: str | int | None = None,
    ) -> Answer:
        """The players behind a number: a point of a chart, a cell of a retention triangle, a step of a funnel."""
        return self.ask("members", _given({"of": of, "limit": limit, "after": after}), game=game)

    def paths(
        self,
        period: Period,
        *,
        anchor: Json | Sequence[Json] | None = None,
        direction: str | None = None,
        depth: int | None = None,
        within: str | None = None,
        window_s: int | None = None,
        events: Json | Sequence[Json] | None = None,
        parts: int | None = None,
        repeats: bool | None = None,
        max_nodes: int | None = None,
        filter: Json | None = None,  # noqa: A002 - the server's word
        game: str | int | None = None,
    ) -> Answer:
        """What players do after an event, or before it. `event` writes an anchor; a list of anchors works too."""
        question = {
            "period": _period(period),
            "anchor": anchor,
            "direction": direction,
            "depth": depth,
            "within": within,
            "window_s": window_s,
            "events": events,
            "parts": parts,
            "repeats": repeats,
            "max_nodes": max_nodes,
            "filter": filter,
        }
        return self.ask("paths", _given(question), game=game)

    def error_groups(
        self,
        period: Period,
        *,
        is_new: bool | None = None,
        first_build: str | None = None,
        filter: Json | None = None,  # noqa: A002 - the server's word
        limit: int | None = None,
        after: str | None = None,
        compare: Compare | None = None,
        game: str | int | None = None,
    ) -> Answer:
        """Errors by message, with the build and time of the first one."""
        question = {
            "period": _period(period),
            "is_new": is_new,
            "first_build": first_build,
            "filter": filter,
            "limit": limit,
            "after": after,
            "compare": _compare(compare),
        }
        return self.ask("error-groups", _given(question), game=game)

    def event_catalogue(
        self,
        period: Period,
        *,
        category: str | None = None,
        search: str | None = None,
        limit: int | None = None,
        after: str | None = None,
        sample: int | None = None,
        players: bool | None = None,
        game: str | int | None = None,
    ) -> Answer:
        """All events of a game, with first and last day, volume, SDKs, builds and attributes."""
        question = {
            "period": _period(period),
            "category": category,
            "search": search,
            "limit": limit,
            "after": after,
            "sample": sample,
            "players": players,
        }
        return self.ask("event-catalogue", _given(question), game=game)

    def values(
        self,
        dimension: str,
        period: Period,
        *,
        prefix: str | None = None,
        filter: Json | None = None,  # noqa: A002 - the server's word
        limit: int | None = None,
        after: str | None = None,
        game: str | int | None = None,
    ) -> Answer:
        """The values of a dimension, with events and players."""
        question = {
            "dimension": dimension,
            "period": _period(period),
            "prefix": prefix,
            "filter": filter,
            "limit": limit,
            "after": after,
        }
        return self.ask("values", _given(question), game=game)

    def releases(
        self,
        period: Period,
        *,
        min_players: int | None = None,
        min_share: float | None = None,
        limit: int | None = None,
        game: str | int | None = None,
    ) -> Answer:
        """The first day of each new build of enough players."""
        question = {"period": _period(period), "min_players": min_players, "min_share": min_share, "limit": limit}
        return self.ask("releases", _given(question), game=game)

    def cardinality(self, period: Period, *, game: str | int | None = None) -> Answer:
        """Fields with more values on a day than their limit, and the first value above it."""
        return self.ask("cardinality", {"period": _period(period)}, game=game)

    def _arrow(self, path: str, question: Json) -> Answer:
        body = self._server.arrow(path, question)
        try:
            return read_answer(body)
        except (pa.ArrowException, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ServerFailed(f"the server did not answer with an Arrow stream: {error}", 200) from None


def _period(period: Period) -> Json:
    first, last = period if isinstance(period, tuple) else (period, period)
    return {"start": _day(first), "end": _day(last)}


def _compare(compare: Compare | None) -> Json | str | None:
    return _period(compare) if isinstance(compare, tuple) else compare


def _day(day: Day) -> str:
    if isinstance(day, dt.datetime):
        raise TypeError("a day is a date, not a time")
    return day.isoformat() if isinstance(day, dt.date) else day


def _given(question: Mapping[str, Any]) -> Json:
    """What was said; the server knows the rest."""
    return {name: value for name, value in question.items() if value is not None}
