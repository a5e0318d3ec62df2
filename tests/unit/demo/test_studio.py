"""The made-up history: what it must hold for every page to have something to show, and that it is believable."""

from collections import defaultdict
from functools import cache
from typing import Any

import msgspec

from questlog.demo.requests import Arrival, Keys
from questlog.demo.studio import DAY_S, Studio
from questlog.demo.world import BAD_BUILD, DAYS, RELEASES
from questlog.protocols.gameanalytics.codec import check_events
from questlog.protocols.inflate import inflate

KEYS = Keys("d" * 32, "5" * 40, "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002")
NOW_S = 1_796_000_000.0
TODAY = int(NOW_S // DAY_S)
GAME_EVENTS = f"/v2/{KEYS.game_key}/events"


def arrivals(players: int = 400, seed: int = 1) -> list[Arrival]:
    return [arrival for day in Studio(KEYS, NOW_S, players=players, seed=seed).days() for arrival in day]


@cache
def game_events() -> list[dict[str, Any]]:
    """Those that the collector takes."""
    found = []
    for arrival in arrivals():
        if arrival.request.path == GAME_EVENTS and arrival.request.body.startswith(b"\x1f\x8b"):
            text = inflate(arrival.request.body, "gzip", 1 << 24)
            dropped = {each.index for each in check_events(text).dropped}
            found += [event for place, event in enumerate(msgspec.json.decode(text)) if place not in dropped]
    return found


@cache
def days_of_players() -> dict[str, set[int]]:
    days: dict[str, set[int]] = defaultdict(set)
    for event in game_events():
        if event["category"] == "user" and not event["user_id"].startswith("qa-"):
            days[event["user_id"]].add(TODAY - event["client_ts"] // DAY_S)
    return days


def retention(age: int) -> float:
    cohort = [days for days in days_of_players().values() if max(days) > age]
    return sum(max(days) - age in days for days in cohort) / len(cohort)


def test_requests_arrive_in_order_and_none_after_the_end() -> None:
    times = [arrival.received_us for arrival in arrivals(100)]
    assert times == sorted(times)
    assert max(times) < NOW_S * 1_000_000


def test_the_same_seed_makes_the_same_history() -> None:
    def bodies(seed: int) -> list[bytes]:
        return [arrival.request.body for arrival in arrivals(30, seed)]

    assert bodies(1) == bodies(1)
    assert bodies(1) != bodies(2)


def test_players_come_back_as_in_a_middling_game() -> None:
    assert 0.32 < retention(1) < 0.48
    assert 0.12 < retention(7) < 0.24
    assert 0.03 < retention(30) < 0.12


def test_a_few_of_the_players_pay() -> None:
    payers = {event["user_id"] for event in game_events() if event["category"] == "business"}
    assert 0.01 < len(payers) / len(days_of_players()) < 0.07


def test_there_are_events_of_every_category_and_build() -> None:
    categories = {event["category"] for event in game_events()}
    assert categories >= {
        "user",
        "session_end",
        "business",
        "resource",
        "progression",
        "design",
        "error",
        "ads",
        "impression",
        "sdk_init",
        "health",
    }
    assert {event["build"] for event in game_events()} >= {release.build for release in RELEASES}


def test_only_the_bad_build_crashes() -> None:
    crashes = [event for event in game_events() if event.get("severity") == "critical"]
    assert crashes
    assert {event["build"] for event in crashes} == {BAD_BUILD}


def test_servers_and_the_companion_app_send_events_of_the_same_players() -> None:
    paths: dict[str, set[str]] = defaultdict(set)
    for arrival in arrivals():
        if arrival.request.path == "/v1/server-event":
            events = msgspec.json.decode(arrival.request.body)["events"]
            paths["server"] |= {event["identityId"] for event in events}
        elif arrival.request.path == "/v1/authenticate":
            paths["companion"].add(msgspec.json.decode(arrival.request.body)["id"])
    assert paths["server"] & days_of_players().keys()
    assert paths["companion"]
    assert paths["companion"] <= days_of_players().keys()


def test_the_last_days_have_events_that_are_dropped_for_several_reasons() -> None:
    errors = set()
    for arrival in arrivals():
        if arrival.request.path == GAME_EVENTS and arrival.request.body.startswith(b"\x1f\x8b"):
            for dropped in check_events(inflate(arrival.request.body, "gzip", 1 << 24)).dropped:
                assert arrival.received_us > (NOW_S - 15 * DAY_S) * 1_000_000
                errors |= {(error.error_type, error.path) for error in dropped.errors}
    assert len(errors) > 5


def test_it_begins_90_days_ago() -> None:
    assert max(max(days) for days in days_of_players().values()) == DAYS - 1
