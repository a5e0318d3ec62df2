import re

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.console.accounts import Accounts, TooManyAttempts
from questlog.control.tokens import KnownToken
from tests.support.console import FakeConsole

Client = TestClient[Litestar]


def test_every_route_of_the_api_wants_a_token(stranger: Client) -> None:
    paths = stranger.get("/api/schema").json()["paths"]
    asked = 0
    for path, operations in paths.items():
        for method in operations:
            if not path.startswith("/api/"):
                continue
            address = path.replace("{kind}", "query")
            answer = stranger.request(method, re.sub(r"\{[a-z_]+\}", "1", address))
            assert answer.status_code == 401, path
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="questlog"'
            asked += 1
    assert asked > 80


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dTpw", "ql_x"])
def test_anything_but_a_bearer_token_is_no_token(stranger: Client, header: str) -> None:
    assert stranger.get("/api/v1/games", headers={"Authorization": header}).status_code == 401


def test_a_wrong_token_is_told_so(stranger: Client) -> None:
    answer = stranger.get("/api/v1/games", headers={"Authorization": "Bearer ql_wrong"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="questlog", error="invalid_token"'
    assert answer.json()["error"]["code"] == "unauthenticated"


def test_the_scheme_is_read_in_any_case(console: FakeConsole, stranger: Client) -> None:
    assert stranger.get("/api/v1/games", headers={"Authorization": f"bearer {console.token}"}).status_code == 200


def test_a_revoked_token_stops_working_within_a_second(console: FakeConsole, client: Client) -> None:
    assert client.get("/api/v1/games").status_code == 200
    console.control.revoke_token("tests")
    console.clock.us += 1_000_000
    assert client.get("/api/v1/games").status_code == 401


def wrong(stranger: Client, number: int) -> int:
    return stranger.get("/api/v1/games", headers={"Authorization": f"Bearer {number}"}).status_code


def test_after_twenty_wrong_tokens_a_source_has_to_wait(console: FakeConsole, stranger: Client) -> None:
    assert [wrong(stranger, number) for number in range(20)] == [401] * 20
    answer = stranger.get("/api/v1/games", headers={"Authorization": "Bearer 20"})
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "60"
    console.clock.us += 60_000_000
    assert wrong(stranger, 20) == 401


def test_a_fresh_valid_token_is_not_refused_for_the_failures_of_others(console: FakeConsole, stranger: Client) -> None:
    for number in range(21):
        wrong(stranger, number)
    token = console.control.create_token("fresh").token
    assert stranger.get("/api/v1/games", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_wrong_tokens_are_counted_for_all_processes(console: FakeConsole) -> None:
    def refusals(accounts: Accounts) -> int:
        refused = 0
        for number in range(20):
            try:
                accounts.caller_with_token(f"wrong {number}", "10.0.0.1")
            except TooManyAttempts:
                refused += 1
            except Exception:  # noqa: BLE001, S110 - wrong, as it should be
                pass
        return refused

    assert refusals(console.accounts) == 0
    other = Accounts(console.control, console.audit, console.clock)
    assert refusals(other) == 20


def test_a_valid_token_is_asked_for_once_a_second(console: FakeConsole) -> None:
    class CountingControl:
        asked = 0

        def find_token(self, token: str) -> KnownToken | None:
            self.asked += 1
            return KnownToken(1, f"owner of {token}", ())

    control = CountingControl()
    accounts = Accounts(control, console.audit, console.clock)  # type: ignore[arg-type]

    def ask(times: int) -> None:
        for _ in range(times):
            if accounts.known_caller("t", "10.0.0.1") is None:
                accounts.caller_with_token("t", "10.0.0.1")

    ask(10)
    assert control.asked == 1
    console.clock.us += 1_000_000
    ask(10)
    assert control.asked == 2
