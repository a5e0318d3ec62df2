"""The console port as one ASGI application."""

from collections.abc import Sequence

from litestar import Litestar, Router
from litestar.datastructures import MutableScopeHeaders
from litestar.di import Provide
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ControllerRouterHandler, Guard, Message, Scope

from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.registry import ANALYSES
from questlog.api.analytics import question_handlers
from questlog.api.api_keys import API_KEY_HANDLERS
from questlog.api.asking import provide_asker
from questlog.api.audit import AUDIT_HANDLERS
from questlog.api.authentication import TokenCheck, access_guard, provide_access
from questlog.api.compression import compressing
from questlog.api.definitions import DEFINITION_HANDLERS
from questlog.api.docs_page import docs_router
from questlog.api.erasures import ERASURE_HANDLERS
from questlog.api.errors import ERROR_HANDLERS
from questlog.api.events import get_event, list_events
from questlog.api.games import GAME_HANDLERS
from questlog.api.health import healthcheck, readycheck
from questlog.api.ingest_hours import list_ingest_hours
from questlog.api.integration import INTEGRATION_HANDLERS
from questlog.api.live import watch_events
from questlog.api.maintenance import maintenance_status
from questlog.api.metrics import metrics, metrics_registry
from questlog.api.parameters import refuse_unknown_parameters
from questlog.api.people import PEOPLE_HANDLERS
from questlog.api.players import PLAYER_HANDLERS
from questlog.api.rebuild import REBUILD_HANDLERS
from questlog.api.receipts import RECEIPT_HANDLERS
from questlog.api.reprice import REPRICE_HANDLERS
from questlog.api.request_times import RequestTimes
from questlog.api.schema import QuestionSchema
from questlog.api.server import get_server
from questlog.api.sql import answer_sql, list_sql_tables
from questlog.console.queries import QueryService
from questlog.console.services import ConsoleServices

_SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_DESCRIPTION = "Games, keys, events and SQL. Every route under /api/v1 needs `Authorization: Bearer TOKEN`."


def create_app(
    services: ConsoleServices,
    pages: Sequence[ControllerRouterHandler] = (),
    analyses: Sequence[Analysis] = ANALYSES,
    queries: QueryService | None = None,
) -> Litestar:
    """The API, with a route for each of the `analyses`, the checks and the metrics, together with `pages` for people.

    `queries` answers API and pages alike, so that the same limits hold for both.
    Handlers that ask a database run in threads: the event loop is never kept.
    """
    check = TokenCheck(services.accounts)
    guard = access_guard(check, services.control, services.audit)
    times = RequestTimes()
    registry = metrics_registry(services.progress, times)
    asked = queries or QueryService(services)
    return Litestar(
        route_handlers=[healthcheck, readycheck, metrics, docs_router(), _api(guard, analyses), *pages],
        dependencies={
            "services": Provide(lambda: services, sync_to_thread=False),
            "queries": Provide(lambda: asked, sync_to_thread=False),
            "check": Provide(lambda: check, sync_to_thread=False),
            "audit": Provide(lambda: services.audit, sync_to_thread=False),
            "access": Provide(provide_access, sync_to_thread=False),
            "asker": Provide(provide_asker, sync_to_thread=False),
            "registry": Provide(lambda: registry, sync_to_thread=False),
        },
        exception_handlers=ERROR_HANDLERS,
        openapi_config=_openapi(analyses),
        request_max_body_size=services.limits.max_body_bytes,
        middleware=[times.timing, compressing],
        before_send=[_add_security_headers],
        logging_config=None,
        debug=False,
    )


async def _add_security_headers(message: Message, _: Scope) -> None:
    """To every answer, errors too."""
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        for name, value in _SECURITY_HEADERS.items():
            headers.setdefault(name, value)


def _api(guard: Guard, analyses: Sequence[Analysis]) -> Router:
    handlers = [
        *GAME_HANDLERS,
        *RECEIPT_HANDLERS,
        *API_KEY_HANDLERS,
        *DEFINITION_HANDLERS,
        *question_handlers(analyses),
        *PLAYER_HANDLERS,
        *ERASURE_HANDLERS,
        list_events,
        get_event,
        watch_events,
        list_ingest_hours,
        answer_sql,
        list_sql_tables,
        *PEOPLE_HANDLERS,
        *AUDIT_HANDLERS,
        *REBUILD_HANDLERS,
        *REPRICE_HANDLERS,
        *INTEGRATION_HANDLERS,
        maintenance_status,
        get_server,
    ]
    return Router(
        "/api/v1",
        route_handlers=handlers,
        guards=[guard, refuse_unknown_parameters],
        security=[{"token": []}],
    )


def _openapi(analyses: Sequence[Analysis]) -> OpenAPIConfig:
    """The schema holds no data and may be read by anyone."""
    token = SecurityScheme(type="http", scheme="bearer", description="`questlog token create NAME` makes one.")
    return OpenAPIConfig(
        title="Questlog",
        version="1",
        description=_DESCRIPTION,
        path="/api/schema",
        render_plugins=[QuestionSchema("/", analyses)],
        components=Components(security_schemes={"token": token}),
        use_handler_docstrings=True,
    )
