"""Which operation a method and a path mean, in both protocols and in a new one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from questlog.collector.gameanalytics import GAMEANALYTICS
from questlog.collector.operation import anyone
from questlog.collector.routing import Route, Router
from questlog.collector.satori import SATORI, by_api_key, by_either, by_token
from questlog.collector.service import PROTOCOLS
from questlog.model.reasons import Reason
from tests.support.gameanalytics import SANDBOX_GAME_KEY, recordings

SATORI_ROUTES: list[tuple[str, str, str, object, str]] = [
    ("GET", "/healthcheck", "healthcheck", anyone, ""),
    ("HEAD", "/healthcheck", "healthcheck", anyone, ""),
    ("GET", "/readycheck", "readycheck", anyone, ""),
    ("POST", "/v1/authenticate", "authenticate", by_api_key, ""),
    ("POST", "/v1/authenticate/refresh", "authenticate_refresh", by_api_key, ""),
    ("POST", "/v1/authenticate/logout", "authenticate_logout", by_token, ""),
    ("PUT", "/v1/identify", "identify", by_token, ""),
    ("DELETE", "/v1/identity", "delete_identity", by_token, ""),
    ("POST", "/v1/event", "event", by_token, ""),
    ("POST", "/v1/server-event", "server_event", by_api_key, ""),
    ("GET", "/v1/properties", "list_properties", by_token, ""),
    ("PUT", "/v1/properties", "update_properties", by_token, ""),
    ("GET", "/v1/flag", "get_flags", by_either, ""),
    ("GET", "/v1/flag/override", "get_flag_overrides", by_either, ""),
    ("GET", "/v1/experiment", "get_experiments", by_token, ""),
    ("GET", "/v1/live-event", "get_live_events", by_token, ""),
    ("POST", "/v1/live-event/abc-1/participation", "join_live_event", by_token, "abc-1"),
    ("GET", "/v1/message", "get_messages", by_token, ""),
    ("PUT", "/v1/message/m%2F1", "update_message", by_token, "m%2F1"),
    ("DELETE", "/v1/message/m1", "delete_message", by_token, "m1"),
]

GAMEANALYTICS_ROUTES = {
    f"/v2/{SANDBOX_GAME_KEY}/events": ("events", SANDBOX_GAME_KEY),
    f"/v2/{SANDBOX_GAME_KEY}/init": ("init", SANDBOX_GAME_KEY),
    "/v2/not%20a-key/events": ("events", "not%20a-key"),
    "/remote_configs/v1/init": ("remote_configs_init", ""),
}
UNKNOWN = [
    "", "/", "//", "*", "/v1", "/v1/", "/v1/events", "/V1/event", "/v2/event", "/v1/message/a/b",
    "/v1/live-event/participation", "/v1/live-event//participation", "/v1/live-event/a/b/participation",
    "/v1/live-event/a", "/v1/console/authenticate", "/v2", "/v2/key", "/v2/key/other", "/v2/key/events/x",
    "/v2//events", "v2/key/events", "/remote_configs/v2/init", "/remote_configs/v1/init/x",
]  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "post", "TRACE", "")

router = Router(PROTOCOLS, fallback=SATORI)


def asked(method: str, path: str) -> tuple[str, str]:
    """The protocol and the operation."""
    found = router.route(method, path)
    return found.protocol.name, found.operation.name


@pytest.mark.parametrize(("method", "path", "name", "authenticate", "item"), SATORI_ROUTES)
def test_every_call_of_satori_has_its_operation(
    method: str, path: str, name: str, authenticate: object, item: str
) -> None:
    protocol, operation, found = router.route(method, path)
    assert (protocol, operation.name, operation.authenticate, found) == (SATORI, name, authenticate, item)


@pytest.mark.parametrize("path", GAMEANALYTICS_ROUTES)
def test_every_call_of_gameanalytics_has_its_operation_and_its_key(path: str) -> None:
    protocol, operation, key = router.route("POST", path)
    assert protocol is GAMEANALYTICS
    assert (operation.name, key) == GAMEANALYTICS_ROUTES[path]


def test_every_operation_is_tested() -> None:
    tested = {name for _, _, name, _, _ in SATORI_ROUTES} | {name for name, _ in GAMEANALYTICS_ROUTES.values()}
    assert tested == {operation.name for protocol in (GAMEANALYTICS, SATORI) for operation in protocol.operations}


def test_every_recorded_request_of_gameanalytics_finds_its_operation() -> None:
    for recording in recordings():
        assert asked(recording.method, recording.path) == ("gameanalytics", recording.kind), recording.name


@pytest.mark.parametrize("path", sorted({path for _, path, *_ in SATORI_ROUTES} | set(GAMEANALYTICS_ROUTES)))
def test_every_path_answers_a_preflight_and_names_a_method_it_does_not_have(path: str) -> None:
    protocol, operation = asked("OPTIONS", path)
    assert operation == "preflight"
    for method in ("PATCH", "post", "TRACE"):
        assert asked(method, path) == (protocol, Reason.METHOD_NOT_ALLOWED)


@pytest.mark.parametrize("path", UNKNOWN)
@pytest.mark.parametrize("method", METHODS)
def test_other_paths_are_nobodys_and_answered_in_satoris_words(method: str, path: str) -> None:
    assert asked(method, path) == ("satori", Reason.UNKNOWN_ROUTE)


@pytest.mark.parametrize("path", ["//v1/event", "/v1/event/", "//v1///event//"])
def test_repeated_and_trailing_slashes_are_one(path: str) -> None:
    assert asked("POST", path) == ("satori", "event")


@given(st.sampled_from(METHODS), st.text())
def test_any_method_and_path_has_a_route(method: str, rest: str) -> None:
    for path in (rest, f"/v2/{rest}/events", f"/v1/message/{rest}", f"/v1/live-event/{rest}/participation"):
        found = router.route(method, path)
        assert isinstance(found, Route)
        assert "/" not in found.item
