"""Histories of a game for tests of its numbers: few players, every kind of event, and what may go wrong with them."""

import dataclasses
import datetime as dt
import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from hypothesis.vendor.pretty import RepresentationPrinter

from questlog.loader.times import Senders, event_times, known_times
from questlog.protocols.ids import known_ids
from questlog.store.contract import STAGED_EVENTS, STAGED_REJECTED, Batch
from questlog.store.duckdb.store import DuckDBStore
from tests.support.oracle.zones import Zone
from tests.support.staged import DAY, HOUR, MINUTE, SECOND

GAME = 1
DAYS = 10


@dataclass(frozen=True)
class Frame:
    """Ten days of a zone, from `first_day` on, in which a history takes place."""

    time_zone: str
    first_day: dt.date

    @property
    def zone(self) -> Zone:
        return Zone(self.time_zone)

    @property
    def start(self) -> int:
        """When the first day begins."""
        return self.begin_of(0)

    @property
    def now(self) -> int:
        """Noon after the tenth day, when everything has arrived."""
        return self.start + DAYS * DAY + 12 * HOUR

    def day(self, number: int) -> dt.date:
        """The date of a day, the first of which is 0."""
        return self.first_day + dt.timedelta(days=number)

    def begin_of(self, number: int) -> int:
        """When a day begins; of a day that the zone skipped, the next."""
        return next(self.zone.starts("hour", self.day(number), self.day(number + 1)))

    @functools.cached_property
    def turns(self) -> tuple[int, ...]:
        """When the clock is changed, several times, and when each day begins."""
        changes = self.zone.changes(self.start - DAY, self.start + DAYS * DAY)
        return (*changes * 4, *(self.begin_of(number) for number in range(1, DAYS)))


IN_UTC = Frame("UTC", dt.date(2025, 12, 27))
"""A Saturday: ten days from here touch three ISO weeks, two months and two years."""
FRAMES: Mapping[str, Frame] = {
    "UTC": IN_UTC,
    "spring": Frame("America/New_York", dt.date(2025, 3, 5)),
    "autumn": Frame("America/New_York", dt.date(2025, 10, 29)),
    "half an hour": Frame("Asia/Kolkata", dt.date(2025, 12, 27)),
    "three quarters": Frame("Asia/Kathmandu", dt.date(2025, 12, 27)),
    "a change of half an hour": Frame("Australia/Lord_Howe", dt.date(2025, 4, 1)),
    "another, forwards": Frame("Australia/Lord_Howe", dt.date(2025, 9, 30)),
    "a day left out": Frame("Pacific/Apia", dt.date(2011, 12, 26)),
    "a day without a midnight": Frame("America/Sao_Paulo", dt.date(2018, 10, 31)),
    "two midnights": Frame("America/Sao_Paulo", dt.date(2018, 2, 13)),
    "yesterday again": Frame("America/St_Johns", dt.date(2010, 11, 2)),
    "Ramadan": Frame("Africa/Casablanca", dt.date(2025, 2, 18)),
    "far in the east": Frame("Pacific/Kiritimati", dt.date(2025, 12, 27)),
}
"""Zones whose days are hard to get right, each around a change of its clock where there is one."""
FIRST_DAY = IN_UTC.start
NOW = IN_UTC.now

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
FEW = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=_SLOW,
)
"""For every change: the same examples, for each opens a store, and none made smaller when it fails."""
MANY = settings(FEW, max_examples=300, derandomize=False, print_blob=True, phases=tuple(Phase))
"""For the night: others each time, and the smallest that fails."""

_DOLLARS = {"USD": Decimal(1), "EUR": Decimal("1.25"), "JPY": Decimal("0.5")}
"""What a unit of a currency is worth here; there is no rate for any other."""


@dataclass(frozen=True, repr=False)
class Event:
    """An event as a client sent it. Times are UTC microseconds.

    Events with the same `request` came together. `resend_key` is the same for what a client without ids sends again.
    """

    category: str
    received_at: int
    client_time: int | None = None
    client_event_id: str | None = None
    request: int | None = None
    resend_key: str | None = None
    source: str = "gameanalytics"
    api_key_name: str | None = None
    event_id: str | None = None
    player_id: str | None = None
    session_id: str | None = None
    session_num: int | None = None
    session_issued_at: int | None = None
    value: float | None = None
    amount: int | None = None
    currency: str | None = None
    cart_type: str | None = None
    receipt_state: str | None = None
    ad_revenue: float | None = None
    score: float | None = None
    attempt_num: int | None = None
    length_s: float | None = None
    severity: str | None = None
    message: str | None = None
    ad_sdk_name: str | None = None
    ad_network_name: str | None = None
    ad_placement: str | None = None
    ad_type: str | None = None
    ad_action: str | None = None
    ad_fail_show_reason: str | None = None
    country: str | None = None
    platform: str | None = None
    os_version: str | None = None
    device: str | None = None
    build: str | None = None
    gender: str | None = None
    birth_year: int | None = None
    custom_01: str | None = None
    attributes: Mapping[str, Any] | None = None

    def __repr__(self) -> str:
        """Only what it says: a failing history is printed, and too long a text is cut."""
        said = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return f"Event({', '.join(f'{name}={value!r}' for name, value in said.items() if value is not None)})"

    def _repr_pretty_(self, printer: RepresentationPrinter, _is_cycle: bool) -> None:
        """The same, where hypothesis prints it."""
        printer.text(repr(self))

    @property
    def amount_usd(self) -> Decimal | None:
        """The dollars of `amount`, which is in hundredths; None for an unknown currency."""
        rate = _DOLLARS.get(self.currency or "")
        return None if self.amount is None or rate is None else (Decimal(self.amount) / 100 * rate)

    @property
    def ad_revenue_usd(self) -> Decimal | None:
        """The dollars of `ad_revenue`."""
        rate = _DOLLARS.get(self.currency or "")
        return None if self.ad_revenue is None or rate is None else Decimal(self.ad_revenue) * rate


@dataclass(frozen=True)
class History:
    """What arrived, in the order in which it was journalled, and how many events each load takes.

    With `has_prologue` every name of an event came once before, long ago and of no player. Names then have the same
    numbers in every history, and questions are compiled once for all of them. With `is_moved` the game was in UTC when
    all arrived, and is given the frame's zone after that.
    """

    events: tuple[Event, ...]
    loads: tuple[int, ...] = ()
    has_prologue: bool = False
    frame: Frame = IN_UTC
    is_moved: bool = False

    @property
    def all_events(self) -> tuple[Event, ...]:
        """The events after the prologue's."""
        return (*_prologue(self.frame), *self.events) if self.has_prologue else self.events


def load(store: DuckDBStore, history: History, game_id: int = GAME) -> None:
    """Load everything, in the history's batches; what they leave over in one more."""
    place = 0
    first = len(_NAMES) if history.has_prologue else 0
    whole = _staged(history.all_events, game_id)
    if not history.is_moved:
        _set_zone(store, history, game_id)
    for size in (*([first] if first else []), *history.loads, len(history.events)):
        rows = whole.slice(place, size)
        if rows.num_rows:
            store.load(Batch(rows, STAGED_REJECTED.empty_table(), (), (), {}), history.frame.now)
        place += size
    if history.is_moved:
        _set_zone(store, history, game_id)


def _set_zone(store: DuckDBStore, history: History, game_id: int) -> None:
    if history.frame.time_zone != "UTC":
        store.set_time_zone(game_id, history.frame.time_zone, lambda _step, _share: None)


def _staged(events: Sequence[Event], game_id: int) -> pa.Table:
    rows = [dataclasses.asdict(event) | _made(event, place, game_id) for place, event in enumerate(events)]
    received = np.array([event.received_at for event in events], np.int64)
    client_times = pa.array([event.client_time for event in events], pa.int64())
    columns = {
        field.name: pa.array([row.get(field.name) for row in rows], field.type)
        for field in STAGED_EVENTS
        if field.name != "event_time"
    }
    columns["client_event_id"] = pa.array(known_ids(columns["client_event_id"].to_pylist()), pa.string())
    columns["session_issued_at"] = known_times(columns["session_issued_at"], EARLIEST)
    senders = Senders(np.array([_request(event, place) for place, event in enumerate(events)]), columns["player_id"])
    columns["event_time"] = pa.array(event_times(client_times, received, senders, EARLIEST), pa.timestamp("us"))
    return pa.table([columns[field.name] for field in STAGED_EVENTS], schema=STAGED_EVENTS)


def _request(event: Event, place: int) -> int:
    """The number of the event's request; an event that is of none came by itself."""
    return place if event.request is None else -1 - event.request


def _made(event: Event, offset: int, game_id: int) -> dict[str, Any]:
    """What the collector and the loader add."""
    return {
        "game_id": game_id,
        "writer": 1,
        "segment": 1,
        "offset": offset,
        "index": 0,
        "amount_usd": event.amount_usd,
        "ad_revenue_usd": event.ad_revenue_usd,
        "attributes": None if event.attributes is None else json.dumps(event.attributes),
    }


# ------------------------------------------------------------------------------------------------------------ drawing

_DESIGN_IDS = ("a:b", "a:b:c", "a:c", "a:bb", "b", "a")
_BUSINESS_IDS = ("gems:pack1", "gems:pack2", "skins:red")
_FLOWS, _ITEMS = ("Source", "Sink"), ("gold:quest:q1", "gold:shop:sword", "gems:shop:sword")
_STATUSES = ("Start", "Fail", "Complete")
_LEVELS = ("w1:l1", "w1:l2", "w2:l1")
_QUARTERS = st.integers(-20, 40).map(lambda number: number / 4)
_MONEY = st.sampled_from([99, 499, -499, 0, -99, 100_000])
_CURRENCY = st.sampled_from(["USD", "USD", "EUR", "JPY", "XXX", None])


def _maybe(strategy: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.one_of(strategy, strategy, strategy, st.none())


def _fields(category: str, **strategies: SearchStrategy[Any]) -> SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"category": st.just(category), **strategies})


_DESIGN = _fields("design", event_id=st.sampled_from(_DESIGN_IDS), value=_maybe(_QUARTERS))
_PURCHASE = _fields(
    "business",
    event_id=st.sampled_from(_BUSINESS_IDS),
    amount=_maybe(_MONEY),
    currency=_CURRENCY,
    cart_type=_maybe(st.sampled_from(["shop", "end"])),
    receipt_state=st.sampled_from(["valid", "invalid", "unchecked"]),
)
_RESOURCE = _fields(
    "resource",
    event_id=st.builds(
        "{}:{}".format,
        st.sampled_from(_FLOWS),
        st.sampled_from(_ITEMS),
    ),
    value=_maybe(_QUARTERS),
)
_PROGRESSION = _fields(
    "progression",
    event_id=st.builds("{}:{}".format, st.sampled_from(_STATUSES), st.sampled_from(_LEVELS)),
    score=_maybe(_QUARTERS),
    attempt_num=_maybe(st.integers(1, 5)),
)
_ERROR = _fields(
    "error",
    severity=st.sampled_from(["debug", "warning", "error", "critical"]),
    message=_maybe(st.sampled_from(["boom at 0x1f", "boom at 0x2f", "no such file", ""])),
)
_AD = _fields(
    "ads",
    ad_sdk_name=st.just("admob"),
    ad_placement=_maybe(st.sampled_from(["end", "menu"])),
    ad_type=st.sampled_from(["video", "banner"]),
    ad_action=st.sampled_from(["clicked", "show", "failed_show", "reward_received", "request", "loaded"]),
    ad_fail_show_reason=_maybe(st.sampled_from(["no_fill", "offline"])),
)
_IMPRESSION = _fields(
    "impression",
    ad_network_name=st.sampled_from(["max", "admob"]),
    ad_revenue=_maybe(st.integers(0, 8).map(lambda number: number / 4)),
    currency=_CURRENCY,
)
_TABLE: SearchStrategy[Any] = st.one_of(
    st.none(), st.just([]), st.lists(st.one_of(st.integers(0, 3), st.just(None)), max_size=6), st.just("none")
)
_HEALTH = st.one_of(
    _fields(
        "health",
        attributes=st.fixed_dictionaries(
            {}, optional={f"{name}_data_table": _TABLE for name in ("fps", "memory_sys", "memory_app")}
        ),
    ),
    _fields("sdk_init", attributes=st.fixed_dictionaries({}, optional={"app_boot_time": st.integers(0, 5000)})),
)
_SESSION_END = _fields("session_end", length_s=_maybe(st.sampled_from([0.0, 60.0, 90.25, 4000.0, 3_000_000.0])))
_USER = _fields("user")
_SATORI = st.one_of(
    _fields("custom", event_id=st.sampled_from(["jump", "win"]), value=_maybe(_QUARTERS)),
    _fields(
        "custom",
        event_id=st.just("purchaseCompleted"),
        value=_maybe(_QUARTERS),
        amount=_maybe(_MONEY),
        currency=_CURRENCY,
        receipt_state=st.just("unchecked"),
    ),
    _fields(
        "custom", event_id=st.just("adImpression"), ad_revenue=st.sampled_from([0.25, 1.0]), currency=st.just("USD")
    ),
)

KINDS: Mapping[str, SearchStrategy[dict[str, Any]]] = {
    "design": _DESIGN,
    "purchases": _PURCHASE,
    "resources": _RESOURCE,
    "progression": _PROGRESSION,
    "errors": _ERROR,
    "ads": st.one_of(_AD, _IMPRESSION),
    "health": _HEALTH,
    "sessions": st.one_of(_SESSION_END, _USER),
    "satori": _SATORI,
}
"""What events are; `histories` may be asked for more of some."""


_NAMES: Sequence[tuple[str, str | None]] = (
    *(("design", event_id) for event_id in _DESIGN_IDS),
    *(("business", event_id) for event_id in _BUSINESS_IDS),
    *(("resource", f"{flow}:{item}") for flow in _FLOWS for item in _ITEMS),
    *(("progression", f"{status}:{level}") for status in _STATUSES for level in _LEVELS),
    *(("custom", name) for name in ("jump", "win", "purchaseCompleted", "adImpression")),
    *((name, None) for name in ("error", "ads", "impression", "session_end", "user", "health", "sdk_init")),
)


@functools.cache
def _prologue(frame: Frame) -> tuple[Event, ...]:
    return tuple(Event(category, frame.start - 400 * DAY, event_id=event_id) for category, event_id in _NAMES)


_DEVICE = st.fixed_dictionaries(
    {},
    optional={
        "country": st.sampled_from(["DE", "FR", "US"]),
        "platform": st.sampled_from(["ios", "android"]),
        "os_version": st.sampled_from(["ios 17", "android 14"]),
        "device": st.sampled_from(["iPhone1,1", "pixel", "PIXEL"]),
        "build": st.sampled_from(["1.0", "1.1", "1.10"]),
        "gender": st.sampled_from(["female", "male"]),
        "birth_year": st.sampled_from([1990, 2001]),
        "custom_01": st.sampled_from(["ninja", "o'neil", "100%", "a:b", ""]),
        "api_key_name": st.sampled_from(["one", "two"]),
        "attributes": st.fixed_dictionaries(
            {},
            optional={
                "mode": st.sampled_from(["easy", "hard", "10", "9", ""]),
                "level": st.integers(1, 12),
                "custom_fields": st.fixed_dictionaries({}, optional={"sku": st.sampled_from(["a", "b"])}),
            },
        ),
    },
)
_NO_IDS = (None, "null", "Undefined", "00000000-0000-0000-0000-000000000000")
"""What clients send where they have no id."""
EARLIEST = 1_262_304_000 * SECOND
"""2010-01-01: an earlier time is what a client says that does not know it."""
_UNKNOWN_TO_SERVERS = dict.fromkeys(
    ("country", "platform", "os_version", "device", "build", "gender", "birth_year", "custom_01")
)
"""What `POST /v1/server-event` does not say of a player."""
_WITHOUT_PLATFORM = 1
"""The player whose events never name a platform, as with Satori's clients: the country is all that is known."""


@st.composite
def _moments(draw: DrawFn, frame: Frame) -> int:
    """A time around which something happens: of the ten days, or so long before that only wide windows reach it."""
    if draw(st.integers(0, 2)) == 0:
        return draw(st.sampled_from(frame.turns))
    day = draw(st.sampled_from([3, 1, 2, 3, 4, 4, 5, 5, 6, 7, 7, 8, 8, 0, 9, -1, -7, -29, -30, -45]))
    of_day = draw(
        st.one_of(
            st.sampled_from([0, 12 * HOUR, DAY - 1, DAY - SECOND, 23 * HOUR + 30 * MINUTE]),
            st.integers(0, 47).map(lambda half: half * 30 * MINUTE),
        )
    )
    return frame.start + day * DAY + of_day


_NEAR = st.one_of(
    st.sampled_from([0, 0, 1, -1, SECOND, -SECOND, MINUTE, -5 * MINUTE, 10 * MINUTE, HOUR, HOUR + SECOND, 3 * HOUR]),
    st.sampled_from([-HOUR, -1, 0, 30 * MINUTE, HOUR, 12 * HOUR, 12 * HOUR + 1]),
    st.integers(0, 240).map(lambda minutes: minutes * MINUTE),
)


@st.composite
def _times(draw: DrawFn, moments: Sequence[int]) -> dict[str, int | None]:
    """When it happened by the client's clock and when it came: at once, after days offline, or from the future."""
    happened = draw(st.sampled_from(moments)) + draw(_NEAR)
    delay = draw(st.sampled_from([0, 0, 20 * SECOND, DAY, 6 * DAY, -5 * MINUTE, -10 * MINUTE, -10 * MINUTE - 1, -DAY]))
    sends_time = delay > 0 or draw(st.booleans())
    client_time = happened if sends_time else None
    if draw(st.integers(0, 11)) == 0:
        client_time = draw(st.sampled_from([0, 5 * SECOND, EARLIEST - 1, EARLIEST]))
    return {"client_time": client_time, "received_at": happened + delay}


@st.composite
def _events(draw: DrawFn, moments: Sequence[Sequence[int]], often: tuple[str, ...]) -> Event:
    """`moments` are those of no player, then those of each player."""
    players = len(moments) - 1
    player = draw(st.one_of(st.integers(1, players), st.integers(1, players), st.integers(0, players)))
    times = draw(_times(moments[player]))
    fields: dict[str, Any] = {**times, **draw(_DEVICE), "player_id": f"player-{player}" if player else None}
    kind = draw(st.sampled_from([*KINDS, "satori", *(often * 6)]))
    fields |= draw(KINDS[kind])
    session = draw(st.integers(0, 3))
    if session:
        # Some clients name the sessions of all their players alike.
        whose = draw(st.sampled_from([player, player, player, "anyone"]))
        fields["session_id"] = f"session-{whose}-{session}"
    if kind == "satori":
        fields["source"] = draw(st.sampled_from(["satori_client", "satori_server", "satori_system"]))
        if session and draw(st.booleans()):
            ago = draw(st.sampled_from([0, 5 * MINUTE, 13 * HOUR, 32 * DAY]))
            issued_at = (times["client_time"] or times["received_at"] or 0) - ago
            fields["session_issued_at"] = draw(st.sampled_from([issued_at, issued_at, issued_at, 0]))
    elif session:
        fields["session_num"] = draw(st.sampled_from([None, 1, 1, 2]))
    if player == _WITHOUT_PLATFORM:
        fields["platform"] = None
    if fields.get("source") == "satori_server":
        fields |= _UNKNOWN_TO_SERVERS
    return Event(**fields)


def _told_by_server(event: Event) -> Event:
    """What a game server says of the same player a minute later."""
    return Event(
        "custom",
        event.received_at + MINUTE,
        None if event.client_time is None else event.client_time + MINUTE,
        source="satori_server",
        event_id="win",
        player_id=event.player_id,
        session_id=event.session_id,
    )


def _sent_together(draw: DrawFn, events: Sequence[Event]) -> list[Event]:
    """The events, some in one request with the one before."""
    together = list(events)
    for number, place in enumerate(draw(st.lists(st.integers(0, len(events) - 1), max_size=4))):
        before = together[place - 1]
        request = number if before.request is None else before.request
        together[place - 1] = dataclasses.replace(before, request=request)
        together[place] = dataclasses.replace(together[place], request=request, received_at=before.received_at)
    return together


def _named(draw: DrawFn, event: Event, place: int) -> Event:
    """The event with an id of its own, or with what some clients send for want of one."""
    client_event_id = draw(st.sampled_from([*[f"event-{place}"] * 9, *_NO_IDS]))
    return dataclasses.replace(event, client_event_id=client_event_id)


def _again(draw: DrawFn, event: Event) -> Event:
    """The same event once more: at once or much later, by itself."""
    later = draw(st.sampled_from([0, HOUR, 7 * DAY, 7 * DAY + SECOND, -2 * DAY]))
    return dataclasses.replace(event, received_at=event.received_at + later, request=None)


@st.composite
def histories(
    draw: DrawFn, often: tuple[str, ...] = (), max_events: int = 40, frames: Sequence[Frame] = (IN_UTC,)
) -> History:
    """A history of 2 to 5 players; times are in no order, some events come twice. `often`: kinds to have more of.

    It takes place in one of the frames.
    """
    frame = draw(st.sampled_from(frames))
    moments = sorted(draw(st.lists(_moments(frame), min_size=2, max_size=6)))
    # Each player has moments of its own to begin at: else all would be there from the first on.
    begins = draw(st.lists(st.integers(0, len(moments) - 1), min_size=2, max_size=5))
    size = draw(st.one_of(st.integers(1, max_events), st.integers(max_events // 2, max_events)))
    events = draw(
        st.lists(_events([moments, *(moments[begin:] for begin in begins)], often), min_size=size, max_size=size)
    )
    for place in draw(st.lists(st.integers(0, size - 1), max_size=3)):
        events.insert(draw(st.integers(0, len(events))), _told_by_server(events[place]))
    named = [_named(draw, event, place) for place, event in enumerate(_sent_together(draw, events))]
    for place in draw(st.lists(st.integers(0, len(named) - 1), max_size=5)):
        named.insert(draw(st.integers(0, len(named))), _again(draw, named[place]))
    loads = draw(st.lists(st.integers(1, 15), max_size=3))
    return History(
        tuple(named),
        tuple(loads),
        has_prologue=draw(st.integers(0, 7)) > 0,
        frame=frame,
        is_moved=draw(st.integers(0, 3)) == 0,
    )
