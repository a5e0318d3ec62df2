from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from questlog.model.reasons import Reason, RequestRejected
from questlog.protocols.satori.routes import Auth, Operation, Route, route

ROUTES = [
    ("GET", "/healthcheck", Operation.HEALTHCHECK, Auth.NONE, None),
    ("HEAD", "/healthcheck", Operation.HEALTHCHECK, Auth.NONE, None),
    ("GET", "/readycheck", Operation.READYCHECK, Auth.NONE, None),
    ("POST", "/v1/authenticate", Operation.AUTHENTICATE, Auth.API_KEY, None),
    ("POST", "/v1/authenticate/refresh", Operation.AUTHENTICATE_REFRESH, Auth.API_KEY, None),
    ("POST", "/v1/authenticate/logout", Operation.AUTHENTICATE_LOGOUT, Auth.TOKEN, None),
    ("PUT", "/v1/identify", Operation.IDENTIFY, Auth.TOKEN, None),
    ("DELETE", "/v1/identity", Operation.DELETE_IDENTITY, Auth.TOKEN, None),
    ("POST", "/v1/event", Operation.EVENT, Auth.TOKEN, None),
    ("POST", "/v1/server-event", Operation.SERVER_EVENT, Auth.API_KEY, None),
    ("GET", "/v1/properties", Operation.LIST_PROPERTIES, Auth.TOKEN, None),
    ("PUT", "/v1/properties", Operation.UPDATE_PROPERTIES, Auth.TOKEN, None),
    ("GET", "/v1/flag", Operation.GET_FLAGS, Auth.API_KEY_OR_TOKEN, None),
    ("GET", "/v1/flag/override", Operation.GET_FLAG_OVERRIDES, Auth.API_KEY_OR_TOKEN, None),
    ("GET", "/v1/experiment", Operation.GET_EXPERIMENTS, Auth.TOKEN, None),
    ("GET", "/v1/live-event", Operation.GET_LIVE_EVENTS, Auth.TOKEN, None),
    ("POST", "/v1/live-event/abc-1/participation", Operation.JOIN_LIVE_EVENT, Auth.TOKEN, "abc-1"),
    ("GET", "/v1/message", Operation.GET_MESSAGES, Auth.TOKEN, None),
    ("PUT", "/v1/message/m%2F1", Operation.UPDATE_MESSAGE, Auth.TOKEN, "m/1"),
    ("DELETE", "/v1/message/m1", Operation.DELETE_MESSAGE, Auth.TOKEN, "m1"),
]


@pytest.mark.parametrize(("method", "path", "operation", "auth", "item_id"), ROUTES)
def test_every_call_has_its_route(
    method: str, path: str, operation: Operation, auth: Auth, item_id: str | None
) -> None:
    assert route(method, path) == Route(operation, auth, item_id)


def test_every_operation_is_tested() -> None:
    assert {operation for _, _, operation, _, _ in ROUTES} | {Operation.PREFLIGHT} == set(Operation)


@pytest.mark.parametrize("path", sorted({path for _, path, *_ in ROUTES}))
def test_every_path_answers_a_preflight_and_refuses_other_methods(path: str) -> None:
    assert route("OPTIONS", path) == Route(Operation.PREFLIGHT, Auth.NONE)
    for method in ("PATCH", "post", "TRACE"):
        with pytest.raises(RequestRejected) as rejection:
            route(method, path)
        assert rejection.value.reason is Reason.METHOD_NOT_ALLOWED


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v1",
        "/v1/",
        "/v1/events",
        "/v1/event/",
        "/V1/event",
        "/v2/event",
        "/v1/message/",
        "/v1/message/a/b",
        "/v1/live-event/participation",
        "/v1/live-event//participation",
        "/v1/live-event/a/b/participation",
        "/v1/live-event/a",
        "/v1/console/authenticate",
    ],
)
def test_other_paths_are_not_satoris(path: str) -> None:
    assert route("POST", path) is None
    assert route("OPTIONS", path) is None


@given(st.sampled_from(("GET", "POST", "PUT", "DELETE", "OPTIONS", "X")), st.text())
def test_no_path_makes_routing_fail(method: str, rest: str) -> None:
    for path in (rest, f"/v1/message/{rest}", f"/v1/live-event/{rest}/participation"):
        with suppress(RequestRejected):
            found = route(method, path)
            assert found is None or isinstance(found, Route)
