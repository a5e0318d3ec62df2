import asyncio

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.api.authentication import TokenCheck
from questlog.api.errors import ApiError
from questlog.control.attempts import FailedAttempts
from tests.support.console import FakeConsole

Client = TestClient[Litestar]


def test_every_route_of_the_api_wants_a_token(stranger: Client) -> None:
    paths = stranger.get("/api/schema").json()["paths"]
    asked = 0
    for path, operations in paths.items():
        for method in operations:
            if not path.startswith("/api/"):
                continue
            answer = stranger.request(
                method, path.replace("{game}", "1").replace("{name}", "k").replace("{kind}", "query")
            )
            assert answer.status_code == 401, path
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="questlog"'
            asked += 1
    assert asked == 51


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


def test_after_twenty_wrong_tokens_a_source_has_to_wait(console: FakeConsole, stranger: Client) -> None:
    for number in range(20):
        assert stranger.get("/api/v1/games", headers={"Authorization": f"Bearer {number}"}).status_code == 401
    answer = stranger.get("/api/v1/games", headers={"Authorization": "Bearer 20"})
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "60"
    console.clock.us += 60_000_000
    assert stranger.get("/api/v1/games", headers={"Authorization": "Bearer 20"}).status_code == 401


async def _spend(check: TokenCheck, source: str) -> None:
    for number in range(20):
        with pytest.raises(ApiError):
            await check.refuse_unless_valid(f"wrong {number}", source)


def test_a_stranger_does_not_lock_out_who_has_a_token(console: FakeConsole) -> None:
    check = TokenCheck(console.control, console.clock, FailedAttempts(console.clock.monotonic_s))

    async def attempt() -> None:
        await check.refuse_unless_valid(console.token, "10.0.0.1")
        await _spend(check, "10.0.0.1")
        console.clock.us += 30_000_000
        await check.refuse_unless_valid(console.token, "10.0.0.1")
        with pytest.raises(ApiError) as refused:
            await check.refuse_unless_valid("another", "10.0.0.1")
        assert refused.value.status == 429

    asyncio.run(attempt())


def test_a_valid_token_is_asked_for_once_a_second(console: FakeConsole) -> None:
    class CountingControl:
        asked = 0

        def check_token(self, token: str) -> str | None:
            self.asked += 1
            return f"owner of {token}"

    control = CountingControl()
    check = TokenCheck(control, console.clock, FailedAttempts(console.clock.monotonic_s))  # type: ignore[arg-type]

    async def ask(times: int) -> None:
        for _ in range(times):
            await check.refuse_unless_valid("t", "10.0.0.1")

    asyncio.run(ask(10))
    assert control.asked == 1
    console.clock.us += 1_000_000
    asyncio.run(ask(10))
    assert control.asked == 2
