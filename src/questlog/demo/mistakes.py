"""What goes wrong in every integration: events and requests that break a rule, of several SDKs."""

import random
from collections.abc import Callable, Iterator, Sequence

from questlog.demo.requests import Arrival, Keys, game_events, micros, rfc3339, server_events, signed_body
from questlog.demo.sessions import Event, new_uuid
from questlog.model.exchange import Request

_SHOWN_DAYS = 14
_SPOILT_SESSIONS = 0.02

_Spoil = Callable[[Event], Event]


def spoilt(events: list[Event], pick: random.Random, days_ago: int) -> list[Event]:
    """The events of a session, a few with what a careless call of the SDK adds; as they are before the last days."""
    if days_ago >= _SHOWN_DAYS or pick.random() > _SPOILT_SESSIONS:
        return events
    place = pick.randrange(len(events))
    base = {name: value for name, value in events[place].items() if name not in ("event_id", "value", "amount")}
    base["event_uuid"] = new_uuid(pick)
    return [*events[: place + 1], pick.choice(_CARELESS)(base), *events[place + 1 :]]


_CARELESS: Sequence[_Spoil] = (
    lambda base: base | {"category": "design", "event_id": "shop/open/from_banner"},
    lambda base: base | {"category": "design", "event_id": "quest:island:harbour:day_3:step_2:claimed"},
    lambda base: base | {"category": "resource", "event_id": "Source:season_points:quest:daily", "amount": 10},
    lambda base: base | {"category": "design", "event_id": "quest:claimed", "value": "3"},
    lambda base: base | {"category": "error", "severity": "fatal", "message": "Shader compilation failed"},
)


def mistakes_of_day(keys: Keys, pick: random.Random, days_ago: int, day_s: tuple[float, float]) -> Iterator[Arrival]:
    """What clients that are being integrated, and servers, send on one of the last days.

    `day_s` is when it begins and ends (UTC seconds).
    """
    if days_ago >= _SHOWN_DAYS:
        return
    for make in (_unreal, _godot, _nightly_build, _backend, _web_shop):
        for _ in range(pick.randint(1, 4)):
            at_s = pick.uniform(*day_s)
            yield Arrival(micros(at_s), make(keys, pick, at_s))
    at_s = pick.uniform(*day_s)
    yield Arrival(micros(at_s), signed_body(keys, b"[]", "PL", authorization="bm90IHRoZSByaWdodCBzZWNyZXQ="))
    yield Arrival(micros(at_s + 2), signed_body(keys, b'[{"category": "design", "event_id": "menu:open"', "PL"))
    yield Arrival(micros(at_s + 3), signed_body(keys, b"no gzip", "PL", content_coding="gzip"))


def _tester(pick: random.Random, at_s: float, **more: object) -> Event:
    return {
        "v": 2,
        "user_id": f"qa-{pick.randint(1, 6)}",
        "client_ts": int(at_s),
        "sdk_version": "unity 7.10.6",
        "os_version": "windows 10.0.22631",
        "manufacturer": "unknown",
        "device": "Desktop",
        "platform": "windows",
        "session_id": new_uuid(pick),
        "session_num": pick.randint(1, 400),
        "build": "1.5.0-beta",
        "event_uuid": new_uuid(pick),
        **more,
    }


def _unreal(keys: Keys, pick: random.Random, at_s: float) -> Request:
    """Session ids in capital letters, and a category that does not exist."""
    tester = _tester(pick, at_s, sdk_version="unreal 5.2.1", engine_version="unreal 5.4", category="user")
    shouted = tester | {"session_id": tester["session_id"].upper()}
    return game_events(keys, [shouted, tester | {"category": "gameplay", "event_uuid": new_uuid(pick)}], "PL")


def _godot(keys: Keys, pick: random.Random, at_s: float) -> Request:
    """Milliseconds in place of seconds."""
    tester = _tester(pick, at_s, sdk_version="godot 2.1.0", engine_version="godot 4.3.0", category="design")
    late = tester | {"client_ts": int(at_s * 1000), "event_id": "menu:open"}
    return game_events(keys, [late, tester | {"event_id": "menu:open", "event_uuid": new_uuid(pick)}], "PL")


def _nightly_build(keys: Keys, pick: random.Random, at_s: float) -> Request:
    """The name of a build of the build server, which is too long."""
    build = f"1.5.0-nightly+{pick.getrandbits(96):024x}"
    return game_events(keys, [_tester(pick, at_s, build=build, category="user")], "PL")


def _backend(keys: Keys, pick: random.Random, at_s: float) -> Request:
    """A new server of the studio: nested metadata, a date in place of a time, a name that is reserved."""
    fine = {"name": "teamCreated", "metadata": {"size": "4"}, "identityId": new_uuid(pick), "timestamp": rfc3339(at_s)}
    return server_events(
        keys,
        [
            fine,
            fine | {"name": "questClaimed", "metadata": {"quest": {"id": 7, "step": 2}}},
            fine | {"name": "questClaimed", "timestamp": "01/12/2026 14:03"},
            fine | {"name": "_internalTick"},
            fine | {"name": "questClaimed", "identityId": "bot"},
        ],
    )


def _web_shop(keys: Keys, pick: random.Random, at_s: float) -> Request:
    """A shop over the REST API: currencies in small letters, and one that no bank has a rate for."""
    buyer = _tester(pick, at_s, user_id=new_uuid(pick), sdk_version="rest api v2", build="1.4.0", category="business")
    buyer |= {"event_id": "webshop:gems_500", "amount": 499, "transaction_num": 1, "currency": "USD"}
    points = buyer | {"currency": "PTS", "amount": 1200, "event_uuid": new_uuid(pick)}
    small = buyer | {"currency": "usd", "event_uuid": new_uuid(pick)}
    return game_events(keys, [points if pick.random() < 0.2 else small], "US")
