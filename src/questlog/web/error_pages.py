"""Errors as pages for people. A script that asks for a part of a page is told where the log-in is."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from litestar import MediaType, Response
from litestar.exceptions import HTTPException
from litestar.response import Redirect
from litestar.types import ExceptionHandlersMap

from questlog.analytics.question.problems import InvalidQuery
from questlog.console.access import NotPermitted
from questlog.console.concurrency import TooBusy
from questlog.control.errors import AlreadyExists, ControlError, ControlUnavailable, NotFound
from questlog.store.contract import QueryAborted, StoreFailed
from questlog.web.guard import LoginNeeded, ProofNeeded, login_of
from questlog.web.log_in import SEE_OTHER, AnyRequest
from questlog.web.site import Site
from questlog.web.translations import mark

_log = structlog.get_logger(__name__)

_CONTROL_ERRORS: dict[type[ControlError], tuple[HTTPStatus, str]] = {
    NotFound: (HTTPStatus.NOT_FOUND, mark("There is nothing here")),
    AlreadyExists: (HTTPStatus.CONFLICT, mark("This is there already")),
}


Answerer = Callable[[AnyRequest, Any], Response[str] | Redirect]


class ErrorPages:
    """What is answered when a page cannot be."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def handlers(self) -> ExceptionHandlersMap:
        """Litestar's handlers of exceptions, for the routers of pages."""
        answers: Mapping[type[Exception], Answerer] = {
            LoginNeeded: self._login_needed,
            ProofNeeded: self._proof_needed,
            HTTPException: self._http,
            NotPermitted: self._not_permitted,
            ControlUnavailable: self._control_unavailable,
            ControlError: self._control,
            StoreFailed: self._store_failed,
            TooBusy: self._not_now,
            QueryAborted: self._not_now,
            InvalidQuery: self._invalid,
            Exception: self._unexpected,
        }
        return {error: _as_function(answer) for error, answer in answers.items()}

    def _page(self, request: AnyRequest, status: HTTPStatus, heading: str, message: str) -> Response[str]:
        translate = self._site.translate(request)
        texts = {"heading": translate(heading), "message": translate(message) if message else ""}
        return self._site.html(request, "error.html", status, **texts)

    @staticmethod
    def _login_needed(request: AnyRequest, error: LoginNeeded) -> Response[str] | Redirect:
        if _is_part(request):  # the form would land in the place of a card
            headers = {"X-Log-In": error.url}
            return Response("", status_code=HTTPStatus.UNAUTHORIZED, headers=headers, media_type=MediaType.HTML)
        return Redirect(error.url, status_code=SEE_OTHER)

    def _proof_needed(self, request: AnyRequest, error: ProofNeeded) -> Response[str]:
        return self._site.html(
            request,
            "proof.html",
            HTTPStatus.FORBIDDEN,
            path=request.url.path,
            back="/".join(request.url.path.split("/")[:4]),
            fields=error.fields,
            message=self._site.translate(request)(error.message) if error.message else "",
            user=login_of(request).user,
        )

    def _http(self, request: AnyRequest, error: HTTPException) -> Response[str]:
        status = HTTPStatus(error.status_code)
        if status is HTTPStatus.NOT_FOUND:
            return self._page(request, status, mark("There is nothing here"), error.detail)
        detail = error.detail if status < HTTPStatus.INTERNAL_SERVER_ERROR else ""
        return self._page(request, status, status.phrase, detail)

    def _not_permitted(self, request: AnyRequest, error: NotPermitted) -> Response[str]:
        return self._page(request, HTTPStatus.FORBIDDEN, mark("Your role does not allow this"), str(error))

    def _control_unavailable(self, request: AnyRequest, error: ControlUnavailable) -> Response[str]:
        _log.error("control_unavailable", reason=str(error))
        text = mark("The control database does not answer. Try again in a moment.")
        return self._page(request, HTTPStatus.SERVICE_UNAVAILABLE, mark("Not now"), text)

    def _control(self, request: AnyRequest, error: ControlError) -> Response[str]:
        status, heading = _CONTROL_ERRORS.get(type(error), (HTTPStatus.BAD_REQUEST, mark("This cannot be done")))
        return self._page(request, status, heading, str(error))

    def _store_failed(self, request: AnyRequest, error: StoreFailed) -> Response[str]:
        _log.error("store_failed", reason=str(error))
        text = mark("The store cannot answer now. Try again in a moment.")
        return self._page(request, HTTPStatus.SERVICE_UNAVAILABLE, mark("Not now"), text)

    def _not_now(self, request: AnyRequest, error: Exception) -> Response[str]:
        return self._page(request, HTTPStatus.SERVICE_UNAVAILABLE, mark("Not now"), str(error))

    def _invalid(self, request: AnyRequest, error: InvalidQuery) -> Response[str]:
        return self._page(request, HTTPStatus.BAD_REQUEST, mark("This cannot be asked"), str(error))

    def _unexpected(self, request: AnyRequest, error: Exception) -> Response[str]:
        """The one boundary of pages: what nobody foresaw is logged whole and shown without details."""
        _log.error("page_failed", method=request.method, path=request.url.path, exc_info=error)
        text = mark("The server's log says what.")
        return self._page(request, HTTPStatus.INTERNAL_SERVER_ERROR, mark("Something went wrong"), text)


def _as_function(answer: Answerer) -> Answerer:
    """Litestar copies what it is given, and with a method all that it is of; of a function it copies nothing."""
    return lambda request, error: answer(request, error)  # noqa: PLW0108 - the copy is why


def _is_part(request: AnyRequest) -> bool:
    """Whether a script asks for a part of a page."""
    return "/cards/" in request.url.path or request.headers.get("hx-request") == "true"
