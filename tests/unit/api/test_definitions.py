from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.console.definition_kinds import DEFINITION_TYPES, DefinitionKind
from tests.support.console import FakeConsole

Client = TestClient[Litestar]
PATH = "/api/v1/games/1/definitions"
SEGMENTS = f"{PATH}/segment"
PAYERS = {"rule": {"type": "did", "event": {"category": "business"}, "last_days": 30}}
JANUARY = {"start": "2026-01-01", "end": "2026-01-31"}
OF_PAYERS = {
    "type": "metric",
    "question": {"metrics": ["dau"], "period": JANUARY, "group_by": ["segment.Payers"]},
    "metric": "dau",
    "bucket": "2026-01-01",
    "group": ["yes"],
}
NOT_PAYERS = {"rule": {"type": "not", "rule": {"type": "in_segment", "name": "Payers"}}}
BOSSES = {"kind": "count", "event": {"category": "design", "event_id": "boss:killed"}}
PERIOD = {"start": "2026-01-01", "end": "2026-01-31"}
QUERY = {"metrics": ["dau"], "period": PERIOD}
FUNNEL = {"period": PERIOD, "steps": [{"category": "user"}, {"category": "business"}]}

pytestmark = pytest.mark.usefixtures("game")


def refusal(client: Client, path: str, definition: object) -> Any:
    answer = client.put(path, json=definition)
    assert answer.status_code == 400
    return answer.json()["error"]


def test_a_definition_is_made_listed_read_changed_and_deleted(client: Client, console: FakeConsole) -> None:
    made = client.post(SEGMENTS, json={"name": "Payers", "definition": PAYERS})
    assert made.status_code == 201
    now = console.clock.now_us()
    assert made.json() == {
        "kind": "segment",
        "name": "Payers",
        "owner": "tests",
        "definition": PAYERS,
        "created_at": now,
        "updated_at": now,
    }
    assert client.get(PATH).json() == client.get(SEGMENTS).json() == [made.json()]
    assert client.get(f"{PATH}/query").json() == []
    changed = client.put(f"{SEGMENTS}/Payers", json={"rule": {**PAYERS["rule"], "last_days": 7}})
    assert changed.status_code == 200
    assert client.get(f"{SEGMENTS}/Payers").json() == changed.json()
    assert changed.json()["definition"]["rule"]["last_days"] == 7
    assert client.delete(f"{SEGMENTS}/Payers").status_code == 204
    assert client.get(f"{SEGMENTS}/Payers").status_code == 404
    assert client.delete(f"{SEGMENTS}/Payers").status_code == 404


@pytest.mark.parametrize(
    ("kind", "definition"),
    [
        ("query", {"metrics": ["dau"], "period": JANUARY, "group_by": ["segment.Payers"]}),
        (
            "explore",
            {
                "period": JANUARY,
                "filter": {
                    "type": "not",
                    "filter": {"type": "condition", "dimension": "segment.Payers", "operator": "is", "values": ["yes"]},
                },
            },
        ),
        ("segment", {"rule": {"type": "not", "rule": {"type": "in_segment", "name": "Payers"}}}),
        ("segment", {"rule": {"type": "in_cell", "of": OF_PAYERS}}),
    ],
)
def test_a_segment_that_others_are_made_of_is_kept(client: Client, kind: str, definition: object) -> None:
    client.put(f"{SEGMENTS}/Payers", json=PAYERS)
    client.put(f"{SEGMENTS}/Payers2", json=PAYERS)
    assert client.put(f"{PATH}/{kind}/Mine", json=definition).status_code == 200
    owner = client.get(f"{SEGMENTS}/Payers").json()["owner"]
    assert client.get(f"{SEGMENTS}/Payers/uses").json() == [{"kind": kind, "name": "Mine", "owner": owner}]
    assert client.get(f"{SEGMENTS}/Payers2/uses").json() == []
    answer = client.delete(f"{SEGMENTS}/Payers")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "in_use")
    assert f"the {kind} 'Mine'" in answer.json()["error"]["message"]
    assert client.delete(f"{SEGMENTS}/Payers2").status_code == 204
    assert client.delete(f"{PATH}/{kind}/Mine").status_code == 204
    assert client.delete(f"{SEGMENTS}/Payers").status_code == 204


def test_a_name_that_is_no_dimension_is_no_use_of_a_segment(client: Client) -> None:
    own = {"rule": {"type": "did", "event": {"category": "custom", "event_id": "segment.Payers"}}}
    value = {"type": "condition", "dimension": "country", "operator": "is", "values": ["segment.Payers"]}
    client.put(f"{SEGMENTS}/Payers", json=own)
    client.put(f"{PATH}/query/Mine", json={"metrics": ["dau"], "period": JANUARY, "filter": value})
    assert client.delete(f"{SEGMENTS}/Payers").status_code == 204
    assert client.delete(f"{SEGMENTS}/Payers").status_code == 404


def test_a_metric_that_questions_ask_for_is_kept(client: Client) -> None:
    client.put(f"{PATH}/custom-metric/jumps", json={"kind": "count", "event": {"event_id": "jump"}})
    for number in range(5):
        client.put(f"{PATH}/query/Mine {number}", json={"metrics": ["dau", "jumps"], "period": JANUARY})
    answer = client.delete(f"{PATH}/custom-metric/jumps")
    assert answer.status_code == 409
    assert answer.json()["error"]["message"].endswith("the query 'Mine 2' and 2 more; change those first")


def test_the_owner_is_the_token_that_made_it(client: Client, console: FakeConsole) -> None:
    client.put(f"{SEGMENTS}/Payers", json=PAYERS)
    other = {"Authorization": f"Bearer {console.control.create_token('ada').token}"}
    assert client.put(f"{SEGMENTS}/Payers", json=PAYERS, headers=other).json()["owner"] == "tests"
    assert client.put(f"{SEGMENTS}/Whales", json=PAYERS, headers=other).json()["owner"] == "ada"


def test_a_name_that_is_taken_is_a_conflict(client: Client) -> None:
    client.post(SEGMENTS, json={"name": "Payers", "definition": PAYERS})
    again = client.post(SEGMENTS, json={"name": "Payers", "definition": PAYERS})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_exists")


def test_a_name_may_hold_blanks_and_any_letter(client: Client) -> None:
    assert client.put(f"{SEGMENTS}/Zahlende Käufer 💎", json=PAYERS).json()["name"] == "Zahlende Käufer 💎"
    assert client.get(f"{SEGMENTS}/Zahlende Käufer 💎").status_code == 200
    refused = client.post(SEGMENTS, json={"name": "a/b", "definition": PAYERS})
    assert refused.status_code == 400


def test_a_kind_that_there_is_not_is_told_with_the_nearest(client: Client) -> None:
    assert client.get(f"{PATH}/segments").json()["error"] == {
        "code": "bad_value",
        "message": "there is no such value: 'segments'; did you mean 'segment'?",
        "field": "kind",
        "nearest": "segment",
    }


@pytest.mark.parametrize("path", ["/api/v1/games/9/definitions", "/api/v1/games/9/definitions/query"])
def test_what_is_not_there_is_not_found(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_every_kind_has_a_type() -> None:
    assert set(DEFINITION_TYPES) == set(DefinitionKind)


@pytest.mark.parametrize(
    ("kind", "definition"),
    [
        ("query", QUERY),
        ("segment", PAYERS),
        ("custom-metric", BOSSES),
        ("funnel", FUNNEL),
        ("balances", {"day": "2026-01-01"}),
        ("annotation", {"day": "2026-01-15", "text": "Winter update", "build": "1.4.0"}),
        ("board", {"rows": [[{"type": "card", "card": "overview.players"}]], "parameters": "period=7d"}),
        ("sql", {"sql": "SELECT $a", "parameters": {"a": 1}, "shown": "bar"}),
    ],
)
def test_each_kind_takes_its_own_definitions_only(client: Client, kind: str, definition: object) -> None:
    for each in DefinitionKind:
        expected = 200 if each == kind else 400
        assert client.put(f"{PATH}/{each}/Mine", json=definition).status_code == expected


def test_a_wrong_field_is_named_with_the_nearest(client: Client) -> None:
    rule = {"type": "did", "event": {"categry": "business"}}
    assert refusal(client, f"{SEGMENTS}/a", {"rule": rule}) == {
        "code": "bad_value",
        "message": "there is no such field: 'categry'; did you mean 'category'?",
        "field": "rule.event.categry",
        "nearest": "category",
    }
    posted = client.post(SEGMENTS, json={"name": "a", "definition": {"rule": rule}}).json()["error"]
    assert posted["field"] == "definition.rule.event.categry"


def test_a_dimension_that_there_is_not_is_refused(client: Client) -> None:
    condition = {"type": "condition", "dimension": "contry", "values": ["DE"]}
    error = refusal(client, f"{SEGMENTS}/a", {"rule": {"type": "who", "filter": condition}})
    assert (error["code"], error["nearest"]) == ("invalid_query", "country")
    assert error["field"].startswith("rule.filter")


def test_a_metric_that_there_is_not_is_refused(client: Client) -> None:
    error = refusal(client, f"{PATH}/query/a", {**QUERY, "metrics": ["dau", "revenu"]})
    assert (error["field"], error["nearest"]) == ("metrics[1]", "revenue")
    posted = client.post(f"{PATH}/query", json={"name": "a", "definition": {**QUERY, "metrics": ["Bosses"]}})
    assert posted.json()["error"]["field"] == "definition.metrics[0]"
    client.put(f"{PATH}/custom-metric/Bosses", json=BOSSES)
    assert client.put(f"{PATH}/query/a", json={**QUERY, "metrics": ["Bosses"]}).status_code == 200


def test_what_an_older_version_saved_is_in_nobodys_way(client: Client, console: FakeConsole) -> None:
    console.control.put_definition("1", "segment", "Old", {"of": "another version"}, "ada")
    assert client.put(f"{SEGMENTS}/Payers", json=PAYERS).status_code == 200
    assert client.get(f"{SEGMENTS}/Old").json()["definition"] == {"of": "another version"}
    assert "Old" in refusal(client, f"{SEGMENTS}/Self", {"rule": {"type": "in_segment", "name": "Old"}})["message"]


def test_a_segment_is_made_of_segments_that_there_are_and_of_no_circle(client: Client) -> None:
    assert "Payers" in refusal(client, f"{SEGMENTS}/Others", NOT_PAYERS)["message"]
    client.put(f"{SEGMENTS}/Payers", json=PAYERS)
    assert client.put(f"{SEGMENTS}/Others", json=NOT_PAYERS).status_code == 200
    circle = {"rule": {"type": "in_segment", "name": "Others"}}
    assert "circle" in refusal(client, f"{SEGMENTS}/Payers", circle)["message"]
    assert "circle" in refusal(client, f"{SEGMENTS}/Self", {"rule": {"type": "in_segment", "name": "Self"}})["message"]


@pytest.mark.parametrize("kind", ["retention", "funnel", "query"])
def test_a_question_names_segments_that_there_are(client: Client, kind: str) -> None:
    payers = {"type": "condition", "dimension": "segment.Payers", "operator": "is", "values": ["yes"]}
    questions: dict[str, dict[str, Any]] = {"query": QUERY, "funnel": FUNNEL, "retention": {"period": PERIOD}}
    question = questions[kind] | {"filter": payers}
    assert "Payers" in refusal(client, f"{PATH}/{kind}/Mine", question)["message"]
    client.put(f"{SEGMENTS}/Payers", json=PAYERS)
    assert client.put(f"{PATH}/{kind}/Mine", json=question).status_code == 200
    assert client.delete(f"{SEGMENTS}/Payers").status_code == 409


@pytest.mark.parametrize("name", ["dau", "retention_d7", "ltv_d30"])
def test_a_metric_of_every_game_cannot_be_defined_anew(client: Client, name: str) -> None:
    error = refusal(client, f"{PATH}/custom-metric/{name}", BOSSES)
    assert error["field"] == "name"


@pytest.mark.parametrize("name", ["bucket", "previous_dau", "by_country", "kills, all"])
def test_a_metric_is_not_named_like_another_column(client: Client, name: str) -> None:
    assert refusal(client, f"{PATH}/custom-metric/{name}", BOSSES)["field"] == "name"


def test_a_custom_metric_of_a_segment_that_there_is_not_is_refused(client: Client) -> None:
    condition = {"type": "condition", "dimension": "segment.Payers", "values": ["yes"]}
    metric = {**BOSSES, "event": {"filter": condition}}
    error = refusal(client, f"{PATH}/custom-metric/Bosses", metric)
    assert (error["code"], error["field"]) == ("invalid_query", "event.filter.dimension")
    client.put(f"{SEGMENTS}/Payers", json=PAYERS)
    assert client.put(f"{PATH}/custom-metric/Bosses", json=metric).status_code == 200
    assert client.delete(f"{SEGMENTS}/Payers").status_code == 409


def test_a_custom_metric_of_a_dimension_that_there_is_not_is_refused(client: Client) -> None:
    condition = {"type": "condition", "dimension": "contry", "values": ["DE"]}
    error = refusal(client, f"{PATH}/custom-metric/Bosses", {**BOSSES, "event": {"filter": condition}})
    assert (error["nearest"], error["field"].startswith("event.filter")) == ("country", True)


def test_a_body_that_is_no_object_is_refused(client: Client) -> None:
    assert client.put(f"{SEGMENTS}/a", json=[1]).status_code == 400
    assert client.put(f"{SEGMENTS}/a", content=b"{").status_code == 400


def test_a_segment_of_a_cell_that_there_cannot_be_is_refused(client: Client) -> None:
    cell = {"type": "metric", "question": {"metrics": ["duu"], "period": JANUARY}, "metric": "duu"}
    rule = {"type": "all", "rules": [{"type": "in_cell", "of": cell}]}
    answer = client.put(f"{SEGMENTS}/Mine", json={"rule": rule})
    error = answer.json()["error"]
    assert (answer.status_code, error["field"]) == (400, "rule.rules[0].of.question.metrics[0]")
    assert error["nearest"] == "dau"
    assert (
        client.put(f"{SEGMENTS}/Mine", json={"rule": {"type": "in_cell", "of": {**cell, "type": "pie"}}}).status_code
        == 400
    )
    question = {"metrics": ["dau"], "period": JANUARY}
    whole = {**cell, "question": question, "metric": "dau", "bucket": "2026-01-01"}
    assert client.put(f"{SEGMENTS}/Mine", json={"rule": {"type": "in_cell", "of": whole}}).status_code == 200
