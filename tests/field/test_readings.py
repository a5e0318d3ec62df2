"""How requests are read, from the wire to the rows that the loader stages: addresses, slashes, marks, numbers, ids
(metrics.md §7). `tests/field/data` has one example of each; the others are of the same kind.
"""

import gzip
import json
from codecs import BOM_UTF8
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from questlog.collector.country import CountryLookup
from questlog.journal.contract import Entry
from questlog.loader.batch import BatchBuilder
from questlog.loader.codecs import EVENT_SOURCES
from questlog.loader.decoding import Decoding
from questlog.loader.money import Converter
from questlog.model.event import NIL_UUID
from questlog.model.record import Kind, Position, decode_record
from questlog.rates.rates import Rates
from tests.support.collectors import TestCollector, bearer
from tests.support.field import data, events
from tests.support.gameanalytics import event
from tests.support.installation import SANDBOX_GAME_KEY, signature

_IDENTITY = "identity-a"
_PATH = f"/v2/{SANDBOX_GAME_KEY}/events"


class _Wire:
    """A collector, and what the loader makes of what it journalled."""

    def __init__(self, folder: Path) -> None:
        self._countries = CountryLookup(Path(str(files("questlog") / "_built" / "country.mmdb")))
        self.collector = TestCollector(folder, self._countries.country)

    def close(self) -> None:
        self.collector.close()
        self._countries.close()

    def send(self, body: bytes, path: str = _PATH, **headers: str) -> int:
        """A GameAnalytics request, signed; the status of the answer."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.collector.ask("POST", path, body, {"Authorization": signature(body), **given}).status

    def send_server_events(self, body: bytes, path: str = "/v1/server-event") -> int:
        """A request of a game server to Satori; the status of the answer."""
        return self.collector.ask("POST", path, body, self.collector.basic()).status

    def rows(self) -> list[dict[str, Any]]:
        """The staged events of clients and servers, without their empty columns."""
        builder = BatchBuilder(Decoding(EVENT_SOURCES, Converter(Rates())), self.collector.clock.now)
        for number, record in enumerate(self.collector.journal.records):
            if decode_record(record)[0].kind != Kind.SATORI_SYSTEM_EVENTS:
                builder.add(Entry(Position(1, 1, number), Position(1, 1, number + 1), record))
        self.collector.journal.records.clear()
        rows = builder.build().events.to_pylist()
        return [{name: value for name, value in row.items() if value is not None} for row in rows]


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[_Wire]:
    made = _Wire(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("forwarded", "country"),
    [
        ("172.17.0.1", None),
        ("192.168.1.5", None),
        ("203.0.113.9", None),
        ("172.17.0.1, 192.168.1.5, 203.0.113.9", None),
        ("2001:db8::1", None),
        ("100.64.0.1, fe80::1, fd00::1", None),
        ("::ffff:8.8.8.8", "US"),
        ("10.0.0.1, 8.8.8.8", "US"),
        ("2001:db8::1, [2001:4860:4860::8888]:443, 203.0.113.9", "US"),
    ],
)
def test_the_country_is_that_of_the_first_public_address(wire: _Wire, forwarded: str, country: str | None) -> None:
    assert wire.send(data("f3_country.ga.json"), x_forwarded_for=forwarded) == 200
    assert [row.get("country") for row in wire.rows()] == [country]
    token = wire.collector.authenticate(_IDENTITY)["token"]
    headers = {**bearer(token), "X-Forwarded-For": forwarded}
    assert wire.collector.ask("POST", "/v1/event", {"events": [{"name": "a"}]}, headers).status == 200
    assert [row.get("country") for row in wire.rows()] == [country]


@pytest.mark.parametrize("path", [f"/{_PATH}", f"{_PATH}/", f"//v2///{SANDBOX_GAME_KEY}//events//"])
def test_slashes_do_not_make_sdks_delete_their_events(wire: _Wire, path: str) -> None:
    assert wire.send(data("f3_country.ga.json"), path) == 200
    assert [row["player_id"] for row in wire.rows()] == ["lan-player"]


@pytest.mark.parametrize("path", ["/v1/server-event/", "//v1//server-event"])
def test_nor_do_they_refuse_a_server(wire: _Wire, path: str) -> None:
    assert wire.send_server_events(b'{"events":[{"name":"a"}]}', path) == 200
    assert [row["event_id"] for row in wire.rows()] == ["a"]


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_a_byte_order_mark_is_skipped_in_both_protocols(wire: _Wire, coding: str) -> None:
    body = data("c4_bom.ga.txt")
    assert body.startswith(BOM_UTF8)
    if coding:
        body = gzip.compress(body)
    assert wire.send(body, content_encoding=coding) == 200
    assert [row["player_id"] for row in wire.rows()] == ["bom"]
    satori = BOM_UTF8 + b'{"events":[{"name":"a"}]}'
    headers = {**wire.collector.basic(), "Content-Encoding": coding}
    sent = gzip.compress(satori) if coding else satori
    assert wire.collector.ask("POST", "/v1/server-event", sent, headers).status == 200
    assert [row["event_id"] for row in wire.rows()] == ["a"]


@pytest.mark.parametrize("written", [b"nan", b"-nan", b"NaN", b"inf", b"-Infinity", b"-nan(ind)", b"1.#INF"])
def test_a_bare_nan_is_null_and_its_neighbours_are_stored(wire: _Wire, written: bytes) -> None:
    assert wire.send(data("c3_godot_nan.ga.txt").replace(b": nan", b": " + written)) == 200
    first, second = wire.rows()
    assert (first["category"], second["event_id"], "value" in second) == ("user", "a:b", False)
    satori = b'{"events":[{"name":"nan","value":"inf"},{"name":"b","value":%s,"metadata":{"x":%s}}]}'
    assert wire.send_server_events(satori % (written, written)) == 200
    first, second = wire.rows()
    assert (first["event_id"], first["value_text"]) == ("nan", "inf")
    assert {"value", "value_text", "attributes"}.isdisjoint(second)


@pytest.mark.parametrize(
    ("amount", "cents"), [(1998.9999999999998, 1999), (1999.0000000000002, 1999), (-499.0000000001, -499), (499.0, 499)]
)
def test_cents_that_were_computed_in_floats_are_cents(wire: _Wire, amount: float, cents: int) -> None:
    (purchase,) = events("c2_cents_by_float_arithmetic.ga.json")
    assert wire.send(json.dumps([{**purchase, "amount": amount}]).encode()) == 200
    assert [row["amount"] for row in wire.rows()] == [cents]
    satori = {"events": [{"name": "purchaseCompleted", "identityId": _IDENTITY, "value": amount}]}
    assert wire.send_server_events(json.dumps(satori).encode()) == 200
    assert [row["amount"] for row in wire.rows()] == [cents]


def test_half_a_cent_is_refused_as_before(wire: _Wire) -> None:
    (purchase,) = events("c2_cents_by_float_arithmetic.ga.json")
    assert wire.send(json.dumps([{**purchase, "amount": 1998.5}]).encode()) == 400
    assert wire.rows() == []


@pytest.mark.parametrize("no_id", [NIL_UUID, "null", "UNDEFINED"])
def test_what_stands_for_no_id_is_none_in_both_protocols(wire: _Wire, no_id: str) -> None:
    assert wire.send(json.dumps([event("user", event_uuid=no_id), event("user", uuid=no_id)]).encode()) == 200
    assert wire.send_server_events(json.dumps({"events": [{"name": "a", "id": no_id}]}).encode()) == 200
    assert [row.get("client_event_id") for row in wire.rows()] == [None] * 3


def test_the_nil_uuid_is_no_player_in_either_protocol(wire: _Wire) -> None:
    assert wire.send(json.dumps([event("user", user_id=NIL_UUID)]).encode()) == 200
    token = wire.collector.authenticate(NIL_UUID)["token"]
    assert wire.collector.ask("POST", "/v1/event", {"events": [{"name": "a"}]}, bearer(token)).status == 200
    of_server = {"events": [{"name": "b", "identity_id": NIL_UUID}, {"name": "c", "identityId": _IDENTITY}]}
    assert wire.send_server_events(json.dumps(of_server).encode()) == 200
    assert [row.get("player_id") for row in wire.rows()] == [None, None, None, _IDENTITY]


def _keys(wire: _Wire) -> list[str | None]:
    return [row.get("resend_key") for row in wire.rows()]


def test_a_body_that_was_answered_with_a_partial_400_is_recognised(wire: _Wire) -> None:
    body = data("c5_resend_after_400.ga.json")
    assert wire.send(body) == 400
    first = _keys(wire)
    assert None not in first
    assert wire.send(gzip.compress(body), content_encoding="gzip") == 400
    assert _keys(wire) == first, "it is the body that is the same, however it was compressed"
    wire.collector.control.set_lenient("sandbox", True)
    wire.collector.worker.directory.refresh()
    assert wire.send(body) == 400, "the id is required"
    assert _keys(wire) == first


def test_a_resend_that_a_game_takes_whole_once_it_is_lenient_is_recognised_too(wire: _Wire) -> None:
    body = json.dumps([event("design"), event("user", build=5)]).encode()
    assert wire.send(body) == 400
    (first,) = _keys(wire)
    wire.collector.control.set_lenient("sandbox", True)
    wire.collector.worker.directory.refresh()
    assert wire.send(body) == 200
    again, mended = _keys(wire)
    assert (again, mended is None) == (first, False)


def test_satoris_partial_answer_is_the_only_one_with_keys(wire: _Wire) -> None:
    good, bad = {"name": "a", "identityId": _IDENTITY}, {"name": "", "identityId": _IDENTITY}
    for sent, status, keys in (([good, bad], 400, 1), ([good], 200, 0), ([bad], 400, 0)):
        assert wire.send_server_events(json.dumps({"events": sent}).encode()) == status
        assert sum(key is not None for key in _keys(wire)) == keys
    wire.collector.control.set_strict("sandbox", True)
    wire.collector.worker.directory.refresh()
    undeclared = {"events": [good, {"name": "gameStarted"}]}
    assert wire.send_server_events(json.dumps(undeclared).encode()) == 400
    assert None not in _keys(wire)
