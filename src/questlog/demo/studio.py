"""The whole made-up history: day by day, what arrives at a collector."""

import heapq
import itertools
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from questlog.demo.mistakes import mistakes_of_day, spoilt
from questlog.demo.players import Player, arrivals, new_player
from questlog.demo.requests import (
    Arrival,
    Keys,
    companion_visit,
    game_events,
    micros,
    rfc3339,
    server_events,
)
from questlog.demo.sessions import Event, Played, Session, new_uuid
from questlog.demo.world import DAYS, PLAYERS, Country

DAY_S = 86_400
_MORE_SESSIONS_CHANCE = 0.28
_MOST_SESSIONS_A_DAY = 5
_HOURS = (
    1,
    0.6,
    0.4,
    0.3,
    0.3,
    0.5,
    1.0,
    1.7,
    2.1,
    2.0,
    1.9,
    2.1,
    2.6,
    2.5,
    2.2,
    2.2,
    2.5,
    3.0,
    3.6,
    4.3,
    4.8,
    4.6,
    3.4,
    2.0,
)
"""How much is played in each hour of a player's own clock."""

_OFFLINE_CHANCE = 0.02
_SENT_TWICE_CHANCE = 0.006
_LAST_SEEN_S = 1_800
_SENDS_EVERY_S = 20
_DUELS_FROM_LEVEL, _DUEL_CHANCE = 8, 0.30
_REFUND_CHANCE = 0.035
_SERVER_SENDS_EVERY_S = 1_200


class ServerEvent(NamedTuple):
    """An event of the studio's server and when it happened (UTC seconds)."""

    at_s: float
    event: Event


class Studio:
    """The players, and what is under way. `until_s` (UTC seconds) is in the last of the days: nothing happens later."""

    def __init__(self, keys: Keys, until_s: float, *, players: int = PLAYERS, seed: int = 1) -> None:
        self._keys = keys
        self._until_s = until_s
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311 - it makes data up
        self._first_day_s = (until_s // DAY_S - DAYS + 1) * DAY_S
        weekdays = [datetime.fromtimestamp(self._first_day_s + day * DAY_S, UTC).weekday() for day in range(DAYS)]
        self._weekdays = weekdays
        self._new = arrivals(players, weekdays)
        self._players: list[Player] = []
        self._numbers = itertools.count(1)
        self._under_way: list[tuple[int, int, Arrival]] = []
        self._order = itertools.count()
        self._server_events: list[ServerEvent] = []

    def days(self) -> Iterator[Sequence[Arrival]]:
        """For each day what arrives on it, the oldest first. What would arrive after the end is left out."""
        for day in range(DAYS):
            day_began_s = self._first_day_s + day * DAY_S
            day_ends_s = min(day_began_s + DAY_S, self._until_s)
            self._play_day(day)
            self._send_server_events(day_ends_s)
            for arrival in mistakes_of_day(self._keys, self._random, DAYS - 1 - day, (day_began_s, day_ends_s)):
                self._add(arrival)
            yield list(self._arrived(micros(day_ends_s)))

    def _play_day(self, day: int) -> None:
        newcomers = [new_player(next(self._numbers), day, self._seed) for _ in range(self._new[day])]
        self._players = [player for player in self._players if not player.has_left] + newcomers
        for player in self._players:
            if player.plays_on(day, self._weekdays[day]):
                self._play_sessions(player, day)

    def _play_sessions(self, player: Player, day: int) -> None:
        times = sorted(self._session_times(player))
        busy_until_s = 0.0
        for seconds in times:
            started_s = max(self._first_day_s + day * DAY_S + seconds, busy_until_s + 120)
            if started_s >= self._until_s or player.has_left:
                return
            played = Session(player, day, started_s).play()
            busy_until_s = played.ended_s
            self._send(played, day)
            self._note_for_server(played)
            self._visit_companion(played)

    def _session_times(self, player: Player) -> list[float]:
        """Seconds of the day (UTC) at which this player's sessions of a day begin."""
        pick, count = player.random, 1
        while count < _MOST_SESSIONS_A_DAY and pick.random() < _MORE_SESSIONS_CHANCE:
            count += 1
        hours = _local_hours(player.traits.country)
        return [(hour + pick.random()) * 3600 for hour in pick.choices(range(24), hours, k=count)]

    def _send(self, played: Played, day: int) -> None:
        """Hand over what a client sends of a session: all at its end, and bit by bit what has just happened."""
        pick, country = played.player.random, played.player.traits.country.code
        events = spoilt(played.events, pick, DAYS - 1 - day)
        if played.ended_s >= self._until_s - _LAST_SEEN_S:
            self._send_bit_by_bit(played, events)
            return
        later_s = pick.uniform(0.5, 3.0)
        if pick.random() < _OFFLINE_CHANCE:
            later_s += pick.expovariate(1 / 20_000)
        request = game_events(self._keys, events, country)
        received_us = micros(played.ended_s + later_s)
        self._add(Arrival(received_us, request))
        if pick.random() < _SENT_TWICE_CHANCE:  # the answer got lost
            self._add(Arrival(received_us + micros(pick.uniform(5, 40)), request))

    def _send_bit_by_bit(self, played: Played, events: Sequence[Event]) -> None:
        traits = played.player.traits

        def turn(event: Event) -> int:
            return int((event["client_ts"] - traits.clock_ahead_s - played.started_s) // _SENDS_EVERY_S)

        for number, some in itertools.groupby(events, turn):
            received_s = played.started_s + (number + 1) * _SENDS_EVERY_S
            request = game_events(self._keys, list(some), traits.country.code)
            self._add(Arrival(micros(received_s), request))

    def _note_for_server(self, played: Played) -> None:
        player, pick = played.player, played.player.random
        who = player.traits.user_id
        if played.level >= _DUELS_FROM_LEVEL and pick.random() < _DUEL_CHANCE:
            at_s = pick.uniform(played.started_s, played.ended_s)
            duel = {"mode": "duel", "arena": pick.choice(("lagoon", "cliffs", "harbour"))}
            self._serve(at_s, "gameStarted", who, duel)
            result = {"result": pick.choices(("won", "lost", "left"), (48, 46, 6))[0]}
            self._serve(at_s + 95, "gameFinished", who, duel | result, value=str(pick.randint(60, 240)))
            if result["result"] == "won":
                self._serve(at_s + 96, "currencyGranted", who, {"currency": "trophies", "reason": "duel"}, value="12")
        for item in played.purchases:
            verified = {"itemId": item.item_id, "cents": str(item.cents)}
            self._serve(played.ended_s, "receiptVerified", who, verified)
            if pick.random() < _REFUND_CHANCE:
                refund = {"itemId": item.item_id, "reason": "store_refund"}
                at_s = played.ended_s + pick.uniform(1, 6) * DAY_S
                self._serve(at_s, "purchaseCompleted", who, refund, value=f"-{item.cents}")

    def _serve(self, at_s: float, name: str, who: str, metadata: dict[str, str], value: str | None = None) -> None:
        event: Event = {
            "name": name,
            "id": new_uuid(self._random),
            "identityId": who,
            "timestamp": rfc3339(at_s),
            "metadata": metadata,
        }
        if value is not None:
            event["value"] = value
        self._server_events.append(ServerEvent(at_s, event))

    def _send_server_events(self, day_ends_s: float) -> None:
        """The server sends what happened every twenty minutes."""
        due = sorted((each for each in self._server_events if each.at_s < day_ends_s), key=lambda each: each.at_s)
        self._server_events = [each for each in self._server_events if each.at_s >= day_ends_s]
        for number, some in itertools.groupby(due, lambda each: each.at_s // _SERVER_SENDS_EVERY_S):
            received_s = min((number + 1) * _SERVER_SENDS_EVERY_S, day_ends_s - 1)
            self._add(Arrival(micros(received_s), server_events(self._keys, [each.event for each in some])))

    def _visit_companion(self, played: Played) -> None:
        """Some players look at the companion app after playing."""
        player, pick = played.player, played.player.random
        traits = player.traits
        if not traits.has_companion_app or pick.random() > 0.25:
            return
        at_s = played.ended_s + pick.uniform(60, 900)
        properties = {
            "default": {"languageCode": traits.country.language},
            "custom": {"favouriteArena": "lagoon", "level": str(played.level), "style": traits.style},
        }
        names = [
            ("screenViewed", {"screen": screen}) for screen in pick.sample(("home", "island", "friends", "shop"), 2)
        ]
        if pick.random() < 0.2:
            names.append(("achievementClaimed", {"achievement": f"level_{played.level // 10 * 10}"}))
        events = [
            {"name": name, "id": new_uuid(pick), "timestamp": rfc3339(at_s + 1), "metadata": metadata}
            for name, metadata in names
        ]
        self._add(companion_visit(self._keys, micros(at_s), traits.user_id, properties, events, traits.country.code))

    def _add(self, arrival: Arrival) -> None:
        heapq.heappush(self._under_way, (arrival.received_us, next(self._order), arrival))

    def _arrived(self, before_us: int) -> Iterator[Arrival]:
        while self._under_way and self._under_way[0][0] < before_us:
            yield heapq.heappop(self._under_way)[2]


def _local_hours(country: Country) -> list[float]:
    """How much is played in each hour of UTC."""
    return [_HOURS[(hour + country.hours) % 24] for hour in range(24)]
