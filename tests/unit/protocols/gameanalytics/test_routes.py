import pytest
from hypothesis import given
from hypothesis import strategies as st

from questlog.model.reasons import Reason, RequestRejected
from questlog.protocols.gameanalytics.routes import Route, RouteKind, route
from tests.support.gameanalytics import SANDBOX_GAME_KEY, recordings

KINDS = {
    "init": RouteKind.INIT,
    "remote_configs_init": RouteKind.REMOTE_CONFIGS_INIT,
    "events": RouteKind.EVENTS,
    "preflight": RouteKind.PREFLIGHT,
}


def test_every_recorded_request_finds_its_route() -> None:
    for recording in recordings():
        found = route(recording.method, recording.path, recording.query)
        assert found is not None, recording.name
        assert (found.kind, found.game_key) == (KINDS[recording.kind], SANDBOX_GAME_KEY), recording.name


@pytest.mark.parametrize(
    "query",
    [
        f"game_key={SANDBOX_GAME_KEY}&interval_seconds=0&configs_hash=abc",
        f"configs_hash=abc&game_key={SANDBOX_GAME_KEY}&config_vsn_supported=3",
    ],
)
def test_remote_configs_takes_key_and_hash_from_the_query(query: str) -> None:
    found = route("POST", "/remote_configs/v1/init", query)
    assert found == Route(RouteKind.REMOTE_CONFIGS_INIT, SANDBOX_GAME_KEY, "abc")


@pytest.mark.parametrize("key", ["", "x", "a" * 31, "a" * 33, "é" * 32, "a" * 31 + "%", "a" * 31 + "\n"])
def test_what_cannot_be_a_game_key_is_an_empty_one(key: str) -> None:
    assert route("POST", f"/v2/{key}/events", "") == Route(RouteKind.EVENTS, "")
    assert route("POST", "/remote_configs/v1/init", f"game_key={key}") == Route(RouteKind.REMOTE_CONFIGS_INIT, "")


@pytest.mark.parametrize(
    "path",
    ["", "/", "/v2", "/v2/key", "/v2/key/other", "/v2/key/events/", "/v2/key/events/x", "v2/key/events", "/v1/event",
     "//v2/key/events", "/remote_configs/v1/init/", "/remote_configs/v2/init"],
)  # fmt: skip
def test_other_paths_are_not_ours(path: str) -> None:
    assert route("POST", path, "") is None
    assert route("GET", path, "") is None


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "post", ""])
def test_another_method_is_named(method: str) -> None:
    with pytest.raises(RequestRejected) as rejected:
        route(method, f"/v2/{SANDBOX_GAME_KEY}/events", "")
    assert rejected.value.reason is Reason.METHOD_NOT_ALLOWED


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_path_and_query_has_an_answer(path: str, query: str) -> None:
    for candidate in (path, f"/v2/{path}/events", "/remote_configs/v1/init"):
        found = route("POST", candidate, query)
        assert found is None or found.game_key == "" or len(found.game_key) == 32
