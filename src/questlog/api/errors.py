"""Every error of the console port as one JSON shape: `{"error": {"code", "message", "field"?, "nearest"?}}`."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from questlog.analytics.question.problems import InvalidQuery, NothingOfThatName
from questlog.api.validation import Fault, fault_of
from questlog.console.access import NotPermitted
from questlog.console.concurrency import TooBusy
from questlog.console.definition_checks import InUse
from questlog.console.table_formats import UnwritableValue
from questlog.control.errors import AlreadyExists, ControlError, ControlUnavailable, NotAllowed, NotFound
from questlog.store.contract import QueryAborted, StoreFailed

_log = structlog.get_logger(__name__)

AnyRequest = Request[Any, Any, Any]

_CODES = {
    HTTPStatus.BAD_REQUEST: "bad_request",
    HTTPStatus.UNAUTHORIZED: "unauthenticated",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "body_too_large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
}


_MESSAGES = {
    HTTPStatus.BAD_REQUEST: "the request cannot be read: {detail}",
    HTTPStatus.NOT_FOUND: "there is no route {path}; /api/schema lists them",
    HTTPStatus.METHOD_NOT_ALLOWED: "{path} does not take {method}",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is larger than this port takes",
}


class ApiError(Exception):
    """A request that is answered with an error. Everything in it is shown to the asker."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        message: str,
        *,
        field: str | None = None,
        nearest: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.nearest = nearest
        self.headers = dict(headers or {})


def bad_value(field: str, message: str) -> ApiError:
    """The answer to a field or parameter with a value that it cannot have."""
    return ApiError(HTTPStatus.BAD_REQUEST, "bad_value", message, field=field)


def bad_field(fault: Fault) -> ApiError:
    """The answer to a value of a body that is not of the type it should have."""
    hint = f"; did you mean {fault.nearest!r}?" if fault.nearest else ""
    return ApiError(
        HTTPStatus.BAD_REQUEST, "bad_value", fault.detail + hint, field=fault.field or None, nearest=fault.nearest
    )


def invalid_query_error(error: InvalidQuery) -> ApiError:
    """The answer to a question that cannot be answered as asked."""
    hint = f"; did you mean {error.nearest!r}?" if error.nearest else ""
    return ApiError(
        HTTPStatus.BAD_REQUEST, "invalid_query", error.detail + hint, field=error.field, nearest=error.nearest
    )


def not_found(message: str) -> ApiError:
    """The answer to a name of something that does not exist."""
    return ApiError(HTTPStatus.NOT_FOUND, "not_found", message)


class ErrorBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong: a stable `code` for programs, a `message` for people, the `field` it is about.

    `nearest` is a value that would do there.
    """

    code: str
    message: str
    field: str | None = None
    nearest: str | None = None


class ErrorAnswer(msgspec.Struct, frozen=True):
    """The body of every error."""

    error: ErrorBody


def error_response(error: ApiError) -> Response[ErrorAnswer]:
    """The HTTP answer for an error."""
    body = ErrorAnswer(ErrorBody(error.code, error.message, error.field, error.nearest))
    return Response(body, status_code=error.status, headers=error.headers, media_type=MediaType.JSON)


def _answer_api_error(_: AnyRequest, error: ApiError) -> Response[ErrorAnswer]:
    return error_response(error)


def _answer_validation(request: AnyRequest, error: ValidationException) -> Response[ErrorAnswer]:
    """Litestar collects all errors; the first one is named."""
    details: list[Mapping[str, str]] = list(error.extra) if isinstance(error.extra, list) else []
    first = details[0] if details else {}
    message, field = first.get("message") or error.detail, first.get("key") or ""
    if message == "'data'":
        return error_response(ApiError(HTTPStatus.BAD_REQUEST, "bad_value", "a JSON body is needed"))
    if first.get("source") == "body":
        return error_response(bad_field(fault_of(message, "" if field == "data" else field, _wanted(request, "data"))))
    fault = fault_of(message, "", _wanted(request, field))
    return error_response(bad_field(fault._replace(field=_shown_name(request, field))))


def _shown_name(request: AnyRequest, parameter: str) -> str:
    """What a handler's parameter is called in a URL."""
    parameters = request.scope["route_handler"].parsed_fn_signature.parameters
    definition = parameters[parameter].kwarg_definition if parameter in parameters else None
    return getattr(definition, "name", None) or parameter


def _wanted(request: AnyRequest, parameter: str) -> Any:
    """The type of a handler's parameter; that of anything where it has no such parameter."""
    parameters = request.scope["route_handler"].parsed_fn_signature.parameters
    return parameters[parameter].annotation if parameter in parameters else Any


def _answer_http_exception(request: AnyRequest, error: HTTPException) -> Response[ErrorAnswer]:
    status = HTTPStatus(error.status_code)
    code = _CODES.get(status, status.phrase.lower().replace(" ", "_"))
    message = _MESSAGES.get(status) or (error.detail if status < HTTPStatus.INTERNAL_SERVER_ERROR else status.phrase)
    message = (
        message.replace("{method}", request.method)
        .replace("{path}", request.url.path)
        .replace("{detail}", error.detail)
    )
    return error_response(ApiError(status, code, message, headers=error.headers))


def _answer_not_permitted(_: AnyRequest, error: NotPermitted) -> Response[ErrorAnswer]:
    return error_response(ApiError(HTTPStatus.FORBIDDEN, "forbidden", str(error)))


def _answer_invalid_query(_: AnyRequest, error: InvalidQuery) -> Response[ErrorAnswer]:
    return error_response(invalid_query_error(error))


def _answer_nothing_of_that_name(_: AnyRequest, error: NothingOfThatName) -> Response[ErrorAnswer]:
    return error_response(not_found(error.detail))


def _answer_query_aborted(_: AnyRequest, error: QueryAborted) -> Response[ErrorAnswer]:
    return error_response(ApiError(HTTPStatus.BAD_REQUEST, "query_aborted", str(error)))


def _answer_unwritable_value(_: AnyRequest, error: UnwritableValue) -> Response[ErrorAnswer]:
    return error_response(ApiError(HTTPStatus.BAD_REQUEST, "unwritable_value", str(error)))


def _answer_too_busy(_: AnyRequest, error: TooBusy) -> Response[ErrorAnswer]:
    headers = {"Retry-After": str(error.retry_after_s)}
    return error_response(ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", str(error), headers=headers))


_CONTROL_ERRORS: dict[type[ControlError], tuple[HTTPStatus, str]] = {
    NotFound: (HTTPStatus.NOT_FOUND, "not_found"),
    AlreadyExists: (HTTPStatus.CONFLICT, "already_exists"),
    NotAllowed: (HTTPStatus.BAD_REQUEST, "bad_value"),
    InUse: (HTTPStatus.CONFLICT, "in_use"),
}


def _answer_control_error(_: AnyRequest, error: ControlError) -> Response[ErrorAnswer]:
    status, code = _CONTROL_ERRORS.get(type(error), (HTTPStatus.BAD_REQUEST, "refused"))
    return error_response(ApiError(status, code, str(error)))


def _answer_control_unavailable(_: AnyRequest, error: ControlUnavailable) -> Response[ErrorAnswer]:
    _log.error("control_unavailable", reason=str(error))
    return error_response(_unavailable("control_unavailable", "the control database does not answer"))


def _unavailable(code: str, message: str) -> ApiError:
    return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, code, message, headers={"Retry-After": "5"})


def _answer_store_failed(_: AnyRequest, error: StoreFailed) -> Response[ErrorAnswer]:
    _log.error("store_failed", reason=str(error))
    # The engine's words may tell where its files are.
    return error_response(_unavailable("store_failed", "the store cannot answer now; the server's log says why"))


def _answer_too_deep(_: AnyRequest, __: RecursionError) -> Response[ErrorAnswer]:
    return error_response(ApiError(HTTPStatus.BAD_REQUEST, "too_deep", "the JSON is nested too deeply"))


def _answer_bad_text(_: AnyRequest, __: UnicodeDecodeError) -> Response[ErrorAnswer]:
    return error_response(ApiError(HTTPStatus.BAD_REQUEST, "bad_request", "the request is not valid UTF-8"))


def _answer_unexpected(request: AnyRequest, error: Exception) -> Response[ErrorAnswer]:
    """The one boundary: what nobody foresaw is logged whole and answered without details."""
    _log.error("console_request_failed", method=request.method, path=request.url.path, exc_info=error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return error_response(ApiError(status, "internal_error", "something went wrong; the server's log says what"))


ERROR_HANDLERS: ExceptionHandlersMap = {
    ApiError: _answer_api_error,
    NotPermitted: _answer_not_permitted,
    ValidationException: _answer_validation,
    HTTPException: _answer_http_exception,
    ControlUnavailable: _answer_control_unavailable,
    ControlError: _answer_control_error,
    QueryAborted: _answer_query_aborted,
    UnwritableValue: _answer_unwritable_value,
    TooBusy: _answer_too_busy,
    NothingOfThatName: _answer_nothing_of_that_name,
    InvalidQuery: _answer_invalid_query,
    StoreFailed: _answer_store_failed,
    RecursionError: _answer_too_deep,
    UnicodeDecodeError: _answer_bad_text,
    Exception: _answer_unexpected,
}
