"""Hostile texts in every field are rows as they were sent, or rejected with the field's name; nothing obeys them."""

import base64
import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from tests.support.gameanalytics import event
from tests.support.hostile_text import HOSTILE_TEXTS
from tests.support.ingest import unbalanced_events, unbalanced_hours, wait_until_all_is_loaded
from tests.support.installation import Installation, Response, Row, installation

pytestmark = pytest.mark.system

Event = dict[str, Any]
# Field of the wire -> column.
FIELDS = {
    "user_id": "player_id",
    "session_id": "session_id",
    "event_id": "event_id",
    "platform": "platform",
    "os_version": "os_version",
    "device": "device",
    "manufacturer": "manufacturer",
    "build": "build",
    "engine_version": "engine_version",
    "sdk_version": "sdk_version",
    "connection_type": "connection_type",
    "custom_01": "custom_01",
    "custom_02": "custom_02",
    "custom_03": "custom_03",
    "gender": "gender",
    "message": "message",
    "severity": "severity",
    "currency": "currency",
    "cart_type": "cart_type",
    "ad_sdk_name": "ad_sdk_name",
    "ad_placement": "ad_placement",
    "ad_type": "ad_type",
    "ad_action": "ad_action",
    "ad_network_name": "ad_network_name",
}
CATEGORIES = {
    "message": "error",
    "severity": "error",
    "currency": "business",
    "cart_type": "business",
    "ad_sdk_name": "ads",
    "ad_placement": "ads",
    "ad_type": "ads",
    "ad_action": "ads",
    "ad_network_name": "impression",
}
# Fields that take any text, up to a length.
FREE = ("user_id", "message", "custom_fields", "an unknown one")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)
TIMES = (
    0,
    -1,
    1,
    2**31,
    10**10,
    10**12,
    10**15,
    10**18,
    2**63 - 1,
    2**63,
    10**30,
    1e300,
    1.5,
    "1763750000",
    None,
    True,
)


class Sent(NamedTuple):
    """What was sent, by field, and how it was answered."""

    events: dict[str, Event]
    answer: Response


class All(NamedTuple):
    """Everything that these tests send, once it has been loaded; by the name of the text."""

    running: Installation
    gameanalytics: dict[str, Sent]
    satori: dict[str, Sent]
    times: dict[str, Sent]
    rows: list[Row]
    rejected: list[Row]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[All]:
    with installation(tmp_path_factory.mktemp("hostile") / "data") as made:
        made.start_run()
        gameanalytics = {name: send(made, gameanalytics_events(text)) for name, text in HOSTILE_TEXTS.items()}
        times = {repr(time): send(made, {"client_ts": with_id(event("design", client_ts=time))}) for time in TIMES}
        satori = {name: send_to_satori(made, satori_events(name, text)) for name, text in HOSTILE_TEXTS.items()}
        wait_until_all_is_loaded(made)
        rows = made.sql("SELECT * FROM events ORDER BY received_at, writer, record_offset, record_index")
        yield All(made, gameanalytics, satori, times, rows, made.sql("SELECT * FROM rejected_events"))


def with_id(sent: Event) -> Event:
    return {**sent, "event_uuid": str(uuid.uuid4())}


def gameanalytics_events(text: str) -> dict[str, Event]:
    """By field, an event with the text in it."""
    events = {field: event(CATEGORIES.get(field, "design"), **{field: text}) for field in FIELDS}
    events["country_code"] = event("design", country_code=text)
    events["custom_fields"] = event("design", custom_fields={text: text})
    events["an unknown one"] = event("design", **{text: text, "zzz": [{text: [text]}]})
    return {field: with_id(each) for field, each in events.items()}


def satori_events(name: str, text: str) -> dict[str, Event]:
    """The same; each event's metadata holds the text, and its name by which to find it."""
    marked = {"name": "hostile", "metadata": {text: text, "mark": name}}
    fields = ("name", "value", "id", "session_id", "identity_id")
    return {"metadata": marked, **{field: {**marked, field: text} for field in fields}}


def send(made: Installation, events: dict[str, Event]) -> Sent:
    return Sent(events, made.send_events(list(events.values())))


def send_to_satori(made: Installation, events: dict[str, Event]) -> Sent:
    found = re.search(r"Sandbox API key \(Satori\): +([0-9a-f-]{36})", made.log())
    assert found
    headers = {"Authorization": "Basic " + base64.b64encode(f"{found[1]}:".encode()).decode()}
    body = json.dumps({"events": list(events.values())}).encode()
    return Sent(events, made.request("POST", "/v1/server-event", body, headers))


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
def test_a_text_is_stored_as_sent_or_rejected_by_the_name_of_its_field(everything: All, name: str) -> None:
    events, answer = everything.gameanalytics[name]
    assert answer.status in {200, 400}
    refused = {failure["event"]["event_uuid"]: failure for failure in answer.json()}
    rows = {row["event_uuid"]: row for row in everything.rows}
    kept = [json.loads(row["raw"]) for row in everything.rejected if row["source"] == "gameanalytics"]
    for field, sent in events.items():
        identity = sent["event_uuid"]
        assert (identity in rows) != (identity in refused), field
        if identity in refused:
            assert field not in FREE
            assert refused[identity]["event"] == sent
            assert {error["path"] for error in refused[identity]["errors"]} == {f"/{field}"}
            assert sent in kept
        else:
            assert_stored(rows[identity], field, sent, HOSTILE_TEXTS[name])


def assert_stored(row: Row, field: str, sent: Event, text: str) -> None:
    if field in FIELDS:
        assert row[FIELDS[field]] == text
        return
    if field == "country_code":
        assert row["country"] is None  # what is no country is not one of them
        return
    attributes = json.loads(row["attributes"])
    if field == "custom_fields":
        assert attributes["custom_fields"] == sent["custom_fields"]
    else:
        assert (attributes[text], attributes["zzz"]) == (text, sent["zzz"])


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
def test_a_text_in_a_satori_event_is_stored_as_sent_or_rejected(everything: All, name: str) -> None:
    events, answer = everything.satori[name]
    text = HOSTILE_TEXTS[name]
    assert answer.status in {200, 400}
    details = answer.json()["details"][0]["fieldViolations"] if answer.status == 400 else []
    refused = {list(events)[int(re.findall(r"\d+", violation["field"])[0])] for violation in details}
    assert refused <= {"name", "id", "session_id", "identity_id"}
    kept = [json.loads(row["raw"]) for row in everything.rejected if row["source"] == "satori_server"]
    assert all(events[field] in kept for field in refused)
    rows = [row for row in everything.rows if row["source"] == "satori_server" and marked(row)["mark"] == name]
    for row, field in zip(rows, [field for field in events if field not in refused], strict=True):
        assert marked(row) == {text: text, "mark": name}
        assert row["event_id"] == (text if field == "name" else "hostile")
        if field == "value":
            assert text in {row["value_text"], repr(row["value"])}
        elif field in {"session_id", "identity_id"}:
            assert row["player_id" if field == "identity_id" else field] == text


def marked(row: Row) -> dict[str, str]:
    attributes: dict[str, str] = json.loads(row["attributes"])
    return attributes


@pytest.mark.parametrize("time", TIMES, ids=repr)
def test_an_absurd_time_is_kept_apart_or_rejected(everything: All, time: object) -> None:
    events, answer = everything.times[repr(time)]
    stored = [row for row in everything.rows if row["event_uuid"] == events["client_ts"]["event_uuid"]]
    if answer.status == 400:
        assert [error["path"] for error in answer.json()[0]["errors"]] == ["/client_ts"]
        assert stored == []
        return
    (row,) = stored
    event_time, received_at = (datetime.fromisoformat(row[name]) for name in ("event_time", "received_at"))
    if time is None:
        assert row["client_time"] is None
    else:
        assert isinstance(time, int)
        assert (datetime.fromisoformat(row["client_time"]) - EPOCH).total_seconds() == time
    # The client's own where it is neither before 2010 nor in the future (metrics.md §1).
    is_past = isinstance(time, int) and EARLIEST.timestamp() <= time < received_at.timestamp() + 600
    assert event_time == (EPOCH + timedelta(seconds=float(str(time))) if is_past else received_at)


def test_nothing_obeyed(everything: All) -> None:
    """Tables, log and status page after all the others."""
    running = everything.running
    assert unbalanced_hours(running) == []
    assert unbalanced_events(running) == []
    log = running.log()
    assert "Traceback" not in log
    assert "forged" not in log
    assert not any(character < " " and character != "\n" for character in log)
    for page in ("/", "/login"):
        assert b"<script>alert" not in running.console("GET", page).body
