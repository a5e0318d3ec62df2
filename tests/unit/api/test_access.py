"""Which role may call which route."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.testing import TestClient

from questlog.analytics.registry import ANALYSES
from questlog.api.app import create_app
from questlog.api.authentication import need_of
from questlog.console.access import RIGHTS_OF, Need, Right, Scope
from questlog.console.definition_kinds import DefinitionKind
from questlog.console.personal_data import reads_personal_data
from questlog.control.audit_log import AuditFilter
from questlog.control.grants import Role
from tests.support.console import FakeConsole

Client = TestClient[Litestar]
_BODIES = {analysis.name: analysis.examples[0].body for analysis in ANALYSES}


_GAME = "/api/v1/games/{game:str}"
_CHANGES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/api/v1/sql"): {"sql": "SELECT 1"},
    ("POST", "/api/v1/games"): {"name": "New"},
    ("POST", "/api/v1/reprice"): {"dry_run": True},
    ("PATCH", _GAME): {"is_strict": True},
    ("PATCH", f"{_GAME}/receipts"): {"apple_bundle_id": "com.example"},
    ("POST", f"{_GAME}/api-keys"): {"name": "server"},
    ("POST", f"{_GAME}/definitions/{{kind:str}}"): {"name": "mine", "definition": _BODIES["query"]},
    ("POST", "/api/v1/users"): {"email": "new@example.com", "password": "correct horse", "role": "viewer"},
    ("PUT", "/api/v1/users/{email:str}/role"): {"role": "viewer"},
    ("POST", "/api/v1/invitations"): {"email": "newer@example.com", "role": "viewer"},
    ("POST", "/api/v1/tokens"): {"name": "new", "role": "viewer"},
    ("PUT", f"{_GAME}/definitions/{{kind:str}}/{{name:str}}"): dict(_BODIES["query"]),
}


class Route(NamedTuple):
    method: str
    path: str
    need: Need | None


@pytest.fixture
def console(tmp_path: Path) -> Iterator[FakeConsole]:
    fake = FakeConsole(tmp_path)
    fake.control.create_game("Mine")
    fake.control.create_game("Theirs")
    yield fake
    fake.close()


@pytest.fixture
def app(console: FakeConsole) -> Litestar:
    return create_app(console.services)


@pytest.fixture
def client(app: Litestar) -> Iterator[Client]:
    with TestClient(app, raise_server_exceptions=False) as each:
        yield each


def endless(route: Route) -> bool:
    """Whether the answer goes on for as long as it is read."""
    return route.path.endswith("/live")


def routes(app: Litestar) -> list[Route]:
    found = []
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if isinstance(handler, HTTPRouteHandler) and route.path.startswith("/api/v1"):
                found += [
                    Route(str(getattr(method, "value", method)), route.path, need_of(handler))
                    for method in handler.http_methods
                    if str(getattr(method, "value", method)) not in ("OPTIONS", "HEAD")
                ]
    return found


def ask(client: Client, token: str, route: Route, game: str) -> int:
    path = route.path
    for part, value in {
        "{game:str}": game,
        "{kind:str}": "query",
        "{name:str}": "nothing",
        "{player:str}": "nobody",
        "{login_id:int}": "77",
        "{row_no:int}": "77",
        "{invitation_id:int}": "77",
        "{email:str}": "nobody@example.com",
    }.items():
        path = path.replace(part, value)
    body = _CHANGES.get((route.method, route.path)) or _BODIES.get(path.rpartition("/")[2], {})
    headers = {"Authorization": f"Bearer {token}"}
    sent: dict[str, Any] = {} if route.method in ("GET", "DELETE") else {"json": body}
    return client.request(route.method, path, headers=headers, **sent).status_code


def test_every_route_declares_the_right_that_it_needs(app: Litestar) -> None:
    all_routes = routes(app)
    assert len(all_routes) > 40
    assert [(route.method, route.path) for route in all_routes if route.need is None] == []
    for route in all_routes:
        assert route.need is not None
        assert (route.need.scope is Scope.GAME) == ("{game:str}" in route.path), route.path


def test_words_of_addresses_are_in_small_letters_with_hyphens(app: Litestar) -> None:
    words = {word for route in routes(app) for word in route.path.split("/") if not word.startswith("{")}
    words |= {kind.value for kind in DefinitionKind}
    assert [word for word in sorted(words) if not re.fullmatch(r"([a-z0-9]+(-[a-z0-9]+)*)?", word)] == []


@pytest.mark.parametrize("role", Role)
def test_every_route_asks_for_its_right(console: FakeConsole, app: Litestar, client: Client, role: Role) -> None:
    token = console.token_of(role)
    for route in routes(app):
        assert route.need is not None
        if endless(route) and route.need.right in RIGHTS_OF[role]:
            continue
        status = ask(client, token, route, "Mine")
        assert (status == 403) == (route.need.right not in RIGHTS_OF[role]), (route, status)


@pytest.mark.parametrize("role", Role)
def test_a_role_for_one_game_is_nothing_in_another(
    console: FakeConsole, app: Litestar, client: Client, role: Role
) -> None:
    token = console.token_of(role, "Mine")
    for route in routes(app):
        assert route.need is not None
        status = ask(client, token, route, "Theirs")
        if route.need.scope is Scope.GAME:
            assert status == 404, route
        elif route.need.scope is Scope.ALL_GAMES:
            assert status == 403, route
        elif route.need.right in RIGHTS_OF[role]:
            is_read = route.method == "GET" or route.path.endswith("/sql")
            # Changes: what is for all games unless it names some, and what is not there.
            assert status == (200 if is_read else 404 if route.method == "DELETE" else 403), route


def test_a_token_without_any_game_left_may_nothing(console: FakeConsole, client: Client) -> None:
    token = console.control.create_token("left", Role.OWNER, ["Mine"]).token
    assert client.get("/api/v1/games", headers={"Authorization": f"Bearer {token}"}).json()[0]["name"] == "Mine"


def test_only_games_with_a_role_are_listed(console: FakeConsole, client: Client) -> None:
    headers = {"Authorization": f"Bearer {console.token_of(Role.VIEWER, 'Mine')}"}
    assert [game["name"] for game in client.get("/api/v1/games", headers=headers).json()] == ["Mine"]


def test_what_is_refused_says_which_right_is_missing(console: FakeConsole, client: Client) -> None:
    headers = {"Authorization": f"Bearer {console.token_of(Role.VIEWER)}"}
    answer = client.get("/api/v1/games/Mine/events", headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "forbidden"
    assert (
        "`personal_data` for the game 'Mine'; roles with it: analyst, admin, owner" in answer.json()["error"]["message"]
    )


_PERIOD = {"start": "2026-01-01", "end": "2026-01-02"}
_ONE_SESSION = {"type": "condition", "dimension": "session_id", "values": ["s"]}


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("query", {"metrics": ["dau"], "period": _PERIOD, "group_by": ["session_id"]}),
        ("query", {"metrics": ["dau"], "period": _PERIOD, "group_by": ["country", "attributes.google_aid"]}),
        ("query", {"metrics": ["dau"], "period": _PERIOD, "filter": _ONE_SESSION}),
        ("query", {"metrics": ["dau"], "period": _PERIOD, "filter": {"type": "all", "filters": [_ONE_SESSION]}}),
        (
            "query",
            {
                "metrics": ["dau"],
                "period": _PERIOD,
                "filter": {"type": "not", "filter": {"type": "any", "filters": [_ONE_SESSION]}},
            },
        ),
        ("explore", {"period": _PERIOD, "group_by": ["session_id"]}),
        ("values", {"dimension": "session_id", "period": _PERIOD}),
        ("values", {"dimension": "attributes.ios_idfv", "period": _PERIOD}),
        ("segments", {"segment": "payers", "players": 10}),
    ],
)
def test_a_viewer_asks_nothing_about_single_players(
    console: FakeConsole, client: Client, name: str, question: dict[str, Any]
) -> None:
    path = f"/api/v1/games/Mine/{name}"
    viewer = {"Authorization": f"Bearer {console.token_of(Role.VIEWER)}"}
    assert client.post(path, json=question, headers=viewer).status_code == 403
    assert console.analytics.asked == []
    analyst = {"Authorization": f"Bearer {console.token_of(Role.ANALYST)}"}
    assert client.post(path, json=question, headers=analyst).status_code == 200
    assert audit(console)[0][0] == "read"


def test_questions_about_single_players_are_known_by_what_they_say() -> None:
    by_name = {analysis.name: analysis for analysis in ANALYSES}
    for analysis in ANALYSES:
        assert analysis.is_personal == (
            analysis.name
            in {
                "members",
                "players",
                "player",
                "player-devices",
                "player-purchases",
                "sessions",
                "timeline",
                "error-samples",
            }
        )
    assert not reads_personal_data(by_name["query"], _question("query", _BODIES["query"]))


def _question(name: str, body: object) -> Any:
    import msgspec

    return msgspec.convert(body, next(analysis.question for analysis in ANALYSES if analysis.name == name))


def audit(console: FakeConsole) -> list[tuple[str, str, str | None, str | None]]:
    entries = console.control.list_audit(AuditFilter())
    return [(entry.action, entry.who, entry.game, entry.subject) for entry in entries]


def test_every_route_that_reads_personal_data_or_changes_something_leaves_an_entry(
    console: FakeConsole, app: Litestar, client: Client
) -> None:
    token, left = console.token_of(Role.OWNER), 0
    for route in routes(app):
        assert route.need is not None
        if endless(route):
            continue
        before = len(audit(console))
        status = ask(client, token, route, "Mine")
        is_change = route.method != "GET" and route.need.right is not Right.VIEW and status < 300
        if is_change or route.need.right is Right.PERSONAL_DATA:
            assert len(audit(console)) > before, (route, status)
            left += 1
    assert left > 15


def test_reads_say_what_was_read_once_a_minute(console: FakeConsole, client: Client) -> None:
    client.headers["Authorization"] = f"Bearer {console.token}"
    for _ in range(3):
        client.get("/api/v1/games/Mine/players/ada/timeline?limit=5")
    client.post("/api/v1/games/Mine/player", json={"player_id": "bob"})
    client.post("/api/v1/games/1/query", json=_BODIES["query"], headers={"Accept": "text/csv"})
    client.post("/api/v1/sql", json={"sql": "SELECT 42", "format": "csv"})
    told = [entry for entry in audit(console) if entry[0] in ("read", "export", "sql")]
    assert [(action, who, game) for action, who, game, _ in reversed(told)] == [
        ("read", "token tests", "Mine"),
        ("read", "token tests", "Mine"),
        ("export", "token tests", "Mine"),
        ("sql", "token tests", None),
    ]
    subjects = [subject or "" for *_, subject in reversed(told)]
    assert subjects[0] == "players/ada/timeline?limit=5"
    assert json.loads(subjects[1].removeprefix("player ")) == {"player_id": "bob"}
    assert subjects[3] == "csv of SELECT 42"


def test_the_audit_log_is_read_by_who_owns_the_game(console: FakeConsole, client: Client) -> None:
    client.headers["Authorization"] = f"Bearer {console.token}"
    client.patch("/api/v1/games/Mine", json={"is_strict": True})
    client.patch("/api/v1/games/Theirs", json={"is_strict": True})
    page = client.get("/api/v1/audit", params={"game": "Mine", "limit": 1}).json()
    [entry] = page["entries"]
    assert (entry["action"], entry["who"], entry["game"]) == ("game.update", "token tests", "Mine")
    assert (entry["before"], entry["after"]) == ({"is_strict": False}, {"is_strict": True})
    older = client.get("/api/v1/audit", params={"game": "Mine", "limit": 1, "after": page["next"]}).json()
    assert (older["entries"][0]["action"], older["next"]) == ("game.create", None)
    client.headers["Authorization"] = f"Bearer {console.token_of(Role.OWNER, 'Mine')}"
    assert {entry["game"] for entry in client.get("/api/v1/audit").json()["entries"]} == {"Mine"}
    assert client.get("/api/v1/audit", params={"game": "Theirs"}).status_code == 404


def test_log_ins_are_listed_and_ended(console: FakeConsole, client: Client) -> None:
    from questlog.control.login_sessions import LoginTimes, Origin, Subject

    console.control.open_login(Subject(), Origin("10.0.0.1", "Firefox"), LoginTimes())
    client.headers["Authorization"] = f"Bearer {console.token}"
    [login] = client.get("/api/v1/log-ins").json()
    assert (login["who"], login["address"]) == ("command line of this machine", "10.0.0.1")
    assert client.delete(f"/api/v1/log-ins/{login['login_id']}").status_code == 204
    assert client.get("/api/v1/log-ins").json() == []
    assert client.delete(f"/api/v1/log-ins/{login['login_id']}").status_code == 404


def test_a_game_in_an_address_is_its_number_before_anything_else(console: FakeConsole, client: Client) -> None:
    client.headers["Authorization"] = f"Bearer {console.token}"
    assert client.post("/api/v1/games", json={"name": "1"}).status_code == 400
    assert client.get("/api/v1/games/1").json()["name"] == "Mine"


def test_a_number_that_no_entry_and_no_log_in_can_have_is_no_fault_of_ours(
    console: FakeConsole, client: Client
) -> None:
    owner = {"Authorization": f"Bearer {console.token_of(Role.OWNER)}"}
    assert client.get(f"/api/v1/audit?after={10**22}", headers=owner).status_code == 400
    assert client.delete(f"/api/v1/log-ins/{10**22}", headers=owner).status_code == 404
