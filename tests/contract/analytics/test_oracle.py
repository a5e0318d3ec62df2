"""The oracle itself, on histories that are small enough to count by hand (metrics.md version 2)."""

import datetime as dt
import itertools
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.support.generated_histories import FRAMES, IN_UTC, Event, Frame, History
from tests.support.oracle import engagement, filters, funnel, money, players, retention, segments
from tests.support.oracle.asked import Asked, Key, Where, everything
from tests.support.oracle.catalogue import METRICS
from tests.support.oracle.events import of_category
from tests.support.oracle.game import Game, game
from tests.support.oracle.zones import Zone, micros, moment
from tests.support.staged import DAY, HOUR, MINUTE, SECOND

T0 = IN_UTC.start
FIRST = IN_UTC.first_day


def event(at: int, player: str | None = "ann", category: str = "design", **fields: Any) -> Event:
    """At a time after the first day's midnight, received at once."""
    time = T0 + at
    return Event(**{"category": category, "received_at": time, "client_time": time, "player_id": player, **fields})


def sent(at: int, client_time: int | None, **fields: Any) -> Event:
    """Received at a time after the first day's midnight."""
    return Event("design", T0 + at, client_time, player_id="ann", **fields)


def purchase(at: int, amount: int, player: str | None = "ann", currency: str = "USD", **fields: Any) -> Event:
    fields = {"receipt_state": "valid", "amount": amount, "currency": currency, **fields}
    return event(at, player, "business", event_id="gems:pack", **fields)


def known(*events: Event, frame: Frame = IN_UTC) -> Game:
    return game(History(events, frame=frame))


def asked(granularity: str = "day", *group_by: str, where: Where = everything, frame: Frame = IN_UTC) -> Asked:
    return Asked(frame.day(0), frame.day(9), granularity, group_by, where, frame.zone)


def by_day(answer: dict[Key, Any]) -> dict[Any, Any]:
    """Days by their number, before the rest of the key."""
    found = {}
    for key, value in answer.items():
        assert isinstance(key[0], dt.datetime)
        rest = (key[0].date() - FIRST).days, *key[1:]
        found[rest if len(rest) > 1 else rest[0]] = value
    return found


def is_value(name: str, value: str) -> Where:
    return filters.condition(name, "is", value)


# -------------------------------------------------------------------------------------------------------------- times


@pytest.mark.parametrize(
    ("client_time", "expected"),
    [
        (None, 0),
        (0, 0),
        (5 * SECOND, 0),
        (micros(dt.date(2010, 1, 1)) - 1, 0),
        (micros(dt.date(2010, 1, 1)), micros(dt.date(2010, 1, 1)) - T0),
        (T0 - 400 * DAY, -400 * DAY),
        (T0 + 10 * MINUTE, 10 * MINUTE),
        (T0 + 10 * MINUTE + 1, 0),
    ],
)
def test_a_time_that_the_client_knows_is_its_own(client_time: int | None, expected: int) -> None:
    [stored] = known(sent(0, client_time)).events
    assert stored.time - T0 == expected


def test_a_clock_ahead_is_moved_back_by_one_amount_for_each_player_and_request() -> None:
    ahead = T0 + 9 * HOUR
    found = known(
        sent(0, ahead - 20 * MINUTE, request=1),
        sent(0, ahead, request=1),
        sent(0, T0 - MINUTE, request=1),
        sent(0, T0 + 10 * MINUTE, request=1),
        Event("design", T0, ahead - MINUTE, player_id="bob", request=1),
        sent(0, ahead - MINUTE, request=2),
        sent(0, ahead - 2 * MINUTE),
        sent(0, ahead - 3 * MINUTE),
    )
    assert [stored.time - T0 for stored in found.events] == [-20 * MINUTE, 0, -MINUTE, 10 * MINUTE, 0, 0, 0, 0]


def test_ids_are_a_players_own_and_some_are_none() -> None:
    nil = "00000000-0000-0000-0000-000000000000"
    sent_ids = ["1", "1", nil, nil, "NULL", "null", "undefined", "Undefined", None, None]
    found = known(*(event(0, client_event_id=each) for each in sent_ids), event(0, "bob", client_event_id="1"))
    assert [(stored.player, stored.sent.client_event_id) for stored in found.events] == [
        ("ann", "1"),
        *(("ann", each) for each in sent_ids[2:]),
        ("bob", "1"),
    ]


def test_what_a_client_without_ids_sends_again_is_known_for_a_day() -> None:
    found = known(*(event(at, resend_key="body-1") for at in (0, HOUR, DAY, DAY + SECOND)), event(0, resend_key="2"))
    assert [stored.time - T0 for stored in found.events] == [0, DAY + SECOND, 0]


# ----------------------------------------------------------------------------------------------------------- sessions


def of_sessions(found: Game) -> list[tuple[str, str, int, int]]:
    return [(each.player, each.session_id, each.start - T0, each.end - T0) for each in found.sessions]


def in_every_order(events: Sequence[Event], told: Callable[[Game], Any]) -> Any:
    """What is told of the events, whichever comes first."""
    found = {str(told(known(*order))): told(known(*order)) for order in itertools.permutations(events)}
    [one] = found.values()
    return one


def test_players_with_one_session_id_have_sessions_of_their_own() -> None:
    events = (
        event(0, session_id="s", session_num=1),
        event(MINUTE, session_id="s", session_num=1),
        event(2 * MINUTE, session_id="s", session_num=2),
        event(3 * MINUTE, "bob", session_id="s", session_num=1),
        event(4 * MINUTE, None, session_id="s", session_num=1),
        event(5 * MINUTE, session_id="s"),
    )
    assert of_sessions(known(*events)) == [
        ("ann", "s", 0, MINUTE),
        ("ann", "s", 2 * MINUTE, 2 * MINUTE),
        ("bob", "s", 3 * MINUTE, 3 * MINUTE),
        ("ann", "s", 5 * MINUTE, 5 * MINUTE),
    ]


def test_a_session_after_a_long_time_is_another_and_a_late_event_joins_them() -> None:
    gap = 12 * HOUR
    apart = [event(at, session_id="s") for at in (0, HOUR, HOUR + gap + 1)]
    assert in_every_order(apart, of_sessions) == [("ann", "s", 0, HOUR), ("ann", "s", HOUR + gap + 1, HOUR + gap + 1)]
    joined = [event(at, session_id="s") for at in (0, gap, 2 * gap)]
    assert in_every_order(joined, of_sessions) == [("ann", "s", 0, 2 * gap)]


def test_the_session_of_a_token_is_one_whoever_is_in_it() -> None:
    token = {"session_id": "t", "source": "satori_client", "session_issued_at": T0 - MINUTE}
    events = [
        event(0, "ann", "custom", **token),
        event(MINUTE, "bob", "custom", **token),
        event(HOUR, "cleo", "custom", session_id="t", source="satori_server"),
    ]
    assert in_every_order(events, of_sessions) == [("cleo", "t", -MINUTE, HOUR)]
    # Without a token's event the id is what the server names a match.
    assert (
        len(known(*(event(0, each, "custom", session_id="t", source="satori_server") for each in "ab")).sessions) == 2
    )
    # The protocols do not know each other's sessions.
    assert len(known(events[0], event(0, "ann", session_id="t")).sessions) == 2


def test_the_second_session_of_an_id_does_not_begin_before_the_first_ends() -> None:
    token = {"session_id": "t", "source": "satori_client"}
    events = [
        event(0, category="custom", session_issued_at=T0 - HOUR, **token),
        event(DAY, category="custom", session_issued_at=T0 - HOUR, **token),
        event(2 * DAY, category="custom", session_issued_at=T0 + 2 * DAY - MINUTE, **token),
        event(3 * DAY, category="custom", session_issued_at=0, **token),
    ]
    assert [start for _, _, start, _ in of_sessions(known(*events))] == [-HOUR, DAY, 2 * DAY - MINUTE, 3 * DAY]


def test_events_without_a_session_are_given_the_latest_that_had_begun() -> None:
    server = {"category": "custom", "source": "satori_server"}

    def told(found: Game) -> list[tuple[int, str | None]]:
        given = [each for each in found.events if each.sent.event_id == "win"]
        return sorted((each.time - T0, each.session_id) for each in given)

    assert in_every_order(
        [
            event(0, session_id="one"),
            event(HOUR, session_id="two"),
            event(HOUR - SECOND, event_id="win", **server),
            event(HOUR - SECOND - 1, event_id="win", **server),
            event(2 * HOUR + 1, event_id="win", **server),
        ],
        told,
    ) == [(HOUR - SECOND - 1, "one"), (HOUR - SECOND, "two"), (2 * HOUR + 1, None)]


def test_no_session_is_longer_than_31_days() -> None:
    ended = known(event(0, category="session_end", session_id="s", length_s=31 * 86_400 + 1.0))
    created = known(
        event(0, category="custom", source="satori_client", session_id="t", session_issued_at=T0 - 40 * DAY)
    )
    assert [found.sessions[0].length_s for found in (ended, created)] == [31 * 86_400] * 2
    assert engagement.playtime(ended, asked("all")) == {(None,): 31 * 86_400}


# --------------------------------------------------------------------------------------------------------- dimensions


def test_a_player_counts_under_every_value_and_once_in_the_total() -> None:
    found = known(
        event(0, custom_01="ninja", build="1"),
        event(HOUR, custom_01="mage", build="2"),
        event(2 * HOUR, custom_01="ninja", build="2"),
        event(3 * HOUR, "bob", custom_01="mage"),
        event(DAY, custom_01="ninja"),
        event(0, None, custom_01="ninja"),
    )
    assert by_day(players.dau(found, asked("day", "custom_01"))) == {(0, "ninja"): 1, (0, "mage"): 2, (1, "ninja"): 1}
    assert by_day(players.dau(found, asked())) == {0: 2, 1: 1}
    assert by_day(players.dau(found, asked(where=is_value("custom_01", "ninja")))) == {0: 1, 1: 1}
    of_one_event = filters.all_of(is_value("custom_01", "mage"), is_value("build", "1"))
    assert players.dau(found, asked(where=of_one_event)) == {}
    assert by_day(players.returning_players(found, asked("day", "custom_01")))[1, "ninja"] == 1
    assert by_day(engagement.events(found, asked("day", "custom_01")))[0, "ninja"] == 3
    assert players.mau(found, asked("all", "custom_01")) == {(None, "ninja"): 1, (None, "mage"): 2}


def test_returning_players_are_those_who_are_not_new_in_the_bucket() -> None:
    found = known(event(0, build="1"), event(HOUR, build="2"), event(DAY, build="2"), event(DAY, "bob", build="2"))
    wanted = {(0, "1"): 0, (0, "2"): 0, (1, "2"): 1}
    assert by_day(players.returning_players(found, asked("day", "build"))) == wanted
    by_hour = players.returning_players(found, asked("hour"))
    assert by_hour == {(moment(T0),): 0, (moment(T0 + HOUR),): 1, (moment(T0 + DAY),): 1}
    assert players.returning_players(found, asked("all")) == {(None,): 0}
    from_the_second = Asked(IN_UTC.day(1), IN_UTC.day(2), "week")
    [returning] = players.returning_players(found, from_the_second).values()
    [new], [active] = (of(found, from_the_second).values() for of in (players.new_players, players.dau))
    assert (returning, new, active) == (1, 1, 2)


def test_sessions_count_by_their_first_event_that_names_a_platform() -> None:
    found = known(
        event(0, session_id="s", custom_01="ninja", category="user"),
        event(MINUTE, session_id="s", custom_01="mage", platform="ios"),
        event(2 * MINUTE, session_id="s", custom_01="thief", platform="ios"),
    )
    assert by_day(engagement.sessions(found, asked("day", "custom_01"))) == {(0, "mage"): 1}
    assert by_day(engagement.playtime(found, asked("day", "category"))) == {(0, "design"): 120}
    per_session = engagement.events_per_session(found, asked("day", "custom_01"))
    assert by_day(per_session) == {(0, "ninja"): None, (0, "mage"): 1, (0, "thief"): None}


def test_new_players_and_cohorts_are_what_they_were_at_install() -> None:
    found = known(
        event(0, build="1", gender="female"),
        event(HOUR, build="2", gender="male"),
        event(DAY, build="3"),
        purchase(2 * DAY, 99),
    )
    for name in ("build", "gender"):
        first = {"build": "1", "gender": "female"}[name]
        assert by_day(players.new_players(found, asked("day", name))) == {(0, first): 1}
        assert by_day(retention.classic(found, asked("day", name), 1)) == {(0, first): 1}
        assert by_day(retention.ltv(found, asked("day", name), 2)) == {(0, first): Fraction("0.99")}
    assert by_day(players.new_players(found, asked("day", "payer"))) == {(0, "yes"): 1}


def test_a_payer_is_one_from_the_day_of_the_first_purchase_on() -> None:
    found = known(
        event(0),
        event(DAY),
        purchase(DAY + HOUR, 99),
        purchase(0, 0),
        purchase(HOUR, -99),
        event(2 * DAY),
        event(0, None),
    )
    assert by_day(engagement.events(found, asked("day", "payer"))) == {
        (0, "no"): 3,
        (0, None): 1,
        (1, "yes"): 2,
        (2, "yes"): 1,
    }


# -------------------------------------------------------------------------------------------------------------- money


def test_a_refund_counts_against_and_is_no_transaction() -> None:
    found = known(
        purchase(0, 1000),
        purchase(HOUR, -400),
        purchase(2 * HOUR, 0, "bob"),
        purchase(3 * HOUR, -100, "cleo", receipt_state="invalid"),
        event(0, category="impression", ad_revenue=0.25, currency="USD"),
    )
    expected = {
        "revenue": Decimal(5),
        "gross_revenue": Decimal(10),
        "refunded": Decimal(5),
        "refunds": 2,
        "transactions": 1,
        "paying_players": 1,
        "converting_players": 1,
        "conversion": Fraction(1, 3),
        "revenue_per_transaction": 5,
        "arppu": 5,
        "total_revenue": Decimal("5.25"),
        "revenue_valid": Decimal(6),
    }
    assert {name: METRICS[name](found, asked("all")).get((None,)) for name in expected} == expected
    assert money.refunds(found, asked("all"), state="invalid") == {(None,): 1}


def test_ratios_of_money_leave_out_what_has_no_price() -> None:
    found = known(purchase(0, 1000), *(purchase(0, 30_000, f"tw{each}", "XXX") for each in range(3)))
    of = {name: METRICS[name](found, asked("all"))[(None,)] for name in ("revenue", "transactions", "paying_players")}
    assert of == {"revenue": 10, "transactions": 4, "paying_players": 4}
    assert money.arppu(found, asked("all")) == {(None,): 10}
    assert money.revenue_per_transaction(found, asked("all")) == {(None,): 10}
    assert money.arppu(found, asked("all", "currency")) == {(None, "USD"): 10, (None, "XXX"): None}


def test_money_counts_by_the_values_of_the_purchase() -> None:
    found = known(
        event(0, custom_01="mage"), purchase(HOUR, 100, custom_01="ninja"), purchase(2 * HOUR, 50, custom_01="mage")
    )
    assert by_day(money.revenue(found, asked("day", "custom_01"))) == {(0, "ninja"): 1, (0, "mage"): Decimal("0.5")}
    assert by_day(money.converting_players(found, asked("day", "custom_01"))) == {(0, "ninja"): 1}
    assert by_day(money.paying_players(found, asked("day", "custom_01"))) == {(0, "ninja"): 1, (0, "mage"): 1}
    assert by_day(money.conversion(found, asked("day", "custom_01"))) == {(0, "ninja"): 1, (0, "mage"): 1}
    assert by_day(players.dau(found, asked(where=is_value("category", "business")))) == {0: 1}


# -------------------------------------------------------------------------------------------------------------- zones


def local(zone: str, *clock: int) -> int:
    """The time at which a clock shows that: the first, where it shows it twice."""
    wanted = dt.datetime(*clock)  # type: ignore[arg-type] # noqa: DTZ001
    near = micros(wanted.date()) + (wanted.hour * 60 + wanted.minute) * MINUTE
    return next(at for at in range(near - 15 * HOUR, near + 15 * HOUR, MINUTE) if Zone(zone).clock(at) == wanted)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("UTC", dt.date(2025, 3, 9), 24),
        ("America/New_York", dt.date(2025, 3, 9), 23),
        ("America/New_York", dt.date(2025, 11, 2), 25),
        ("Asia/Kathmandu", dt.date(2025, 11, 2), 24),
        ("Australia/Lord_Howe", dt.date(2025, 4, 6), 24.5),
        ("Australia/Lord_Howe", dt.date(2025, 10, 5), 23.5),
        ("America/Sao_Paulo", dt.date(2018, 11, 4), 23),
        ("America/Sao_Paulo", dt.date(2018, 2, 17), 25),
        ("Pacific/Apia", dt.date(2011, 12, 29), 24),
        ("Pacific/Apia", dt.date(2011, 12, 30), 0),
        ("America/St_Johns", dt.date(2010, 11, 6), 24 + 59 / 60),
        ("Africa/Casablanca", dt.date(2025, 2, 23), 25),
    ],
)
def test_days_are_as_long_as_the_zone_has_them(zone: str, day: dt.date, hours: float) -> None:
    start = micros(day) - 30 * HOUR
    minutes = sum(Zone(zone).day(start + minute * MINUTE) == day for minute in range(84 * 60))
    assert minutes == hours * 60
    assert Zone(zone).has_day(day) == (hours > 0)
    starts = list(Zone(zone).starts("minute", day, day))
    assert len(starts) == minutes
    assert all(Zone(zone).start_within("minute", at + 30 * SECOND) == at for at in starts[:5])


def test_hours_begin_with_the_clock_and_where_it_is_changed() -> None:
    zone, day = Zone("Australia/Lord_Howe"), dt.date(2025, 4, 6)
    shown = [zone.clock(at).strftime("%H:%M") for at in zone.starts("hour", day, day)]
    assert shown[:5] == ["00:00", "01:00", "01:30", "02:00", "03:00"]
    again = zone.start_within("hour", local(zone.name, 2025, 4, 6, 2) - MINUTE)
    assert zone.clock(again).strftime("%H:%M") == "01:30"
    assert zone.changes(micros(day) - DAY, micros(day) + DAY) == [again]


def test_days_of_the_zone_decide_who_is_new_who_came_back_and_which_week_it_is() -> None:
    frame = FRAMES["a day left out"]
    zone = frame.time_zone
    times = [local(zone, 2011, 12, 29, 23, 59), local(zone, 2011, 12, 31, 0, 0), local(zone, 2012, 1, 1, 12)]
    assert times[1] - times[0] == MINUTE
    found = known(*(Event("design", at, at, player_id="ann") for at in times), frame=frame)
    told = {key[0].day: count for key, count in players.dau(found, asked(frame=frame)).items()}  # type: ignore[union-attr]
    assert told == {29: 1, 31: 1, 1: 1}
    assert retention.classic(found, asked(frame=frame), 2) == {(dt.datetime(2011, 12, 29),): 1}  # noqa: DTZ001
    assert [start.day for start, _ in asked(frame=frame).buckets() if start] == [26, 27, 28, 29, 31, 1, 2, 3, 4]
    assert list(players.dau(found, asked("week", frame=frame)).values()) == [1]


def test_last_days_and_the_age_of_a_cohort_end_at_the_zones_midnight() -> None:
    frame = FRAMES["autumn"]
    midnight = frame.begin_of(9)
    events = [Event("design", at, at, player_id="ann") for at in (midnight - 1, midnight)]
    for now, days in ((midnight - 1, 1), (midnight, 2)):
        found = game(History(tuple(events), frame=frame), now)
        rule = segments.did(of_category("design"), "days", "greater_or_equal", 1, 1)
        assert found.today == frame.day(8 + days - 1)
        assert segments.members(found, rule) == ["ann"]
        passed = retention.classic(found, asked(frame=frame), 0)
        assert len(passed) == (0 if days == 1 else 1)


# ------------------------------------------------------------------------------------------------------------ funnels


def test_a_funnel_goes_on_after_its_period_and_begins_in_it() -> None:
    found = known(
        event(-HOUR, event_id="a"),
        event(-30 * MINUTE, event_id="b"),
        event(DAY - MINUTE, "bob", event_id="a"),
        event(DAY + MINUTE, "bob", event_id="b"),
        event(DAY + MINUTE, "cleo", event_id="a"),
    )

    def steps(window: int, *exclusions: funnel.Exclusion) -> funnel.Rules:
        are = [lambda each, name=name: each.sent.event_id == name for name in ("a", "b")]
        bucket = lambda first: "in" if T0 <= first.time < T0 + DAY else None  # noqa: E731
        return funnel.Rules(are, window, bucket=bucket, exclusions=exclusions)

    def only(found: Game, rules: funnel.Rules) -> funnel.Attempt:
        [attempt] = funnel.attempts(found, found.events, rules)
        assert attempt.unit == "bob"
        return attempt

    assert only(found, steps(HOUR)).reached == 2
    attempt = only(found, steps(MINUTE))
    assert attempt.reached == 1
    assert funnel.is_open(attempt, steps(MINUTE), T0 + DAY)
    assert not funnel.is_open(attempt, steps(MINUTE), T0 + DAY + 1)
    ended = known(*(each.sent for each in found.events), event(DAY, "bob", event_id="quit"))
    attempt = only(ended, steps(HOUR, funnel.Exclusion(lambda each: each.sent.event_id == "quit")))
    assert (attempt.reached, attempt.is_ended) == (1, True)
