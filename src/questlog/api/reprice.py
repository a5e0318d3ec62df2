"""`/api/v1/reprice`: value stored purchases and ad revenues again with the present exchange rates."""

import datetime
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import MediaType, Response, delete, get, post
from litestar.params import JSONBody

from questlog.api.authentication import encoded
from questlog.api.errors import ApiError, bad_value
from questlog.api.games import Services
from questlog.console import recomputing
from questlog.console.access import Right, Scope, needs
from questlog.loader.reprice import RepriceQuestion, RepriceStatus
from questlog.rates.series import RatesUnreadable

_Currency = Annotated[str, msgspec.Meta(pattern="^[A-Za-z]{3}$", description="ISO 4217.")]
_encoder = msgspec.json.Encoder(decimal_format="number")


class RepriceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is valued again. `from` and `to` are days (UTC), both included; `dry_run` only says what would change."""

    currencies: list[_Currency] = []
    from_: datetime.date | None = msgspec.field(default=None, name="from")
    to: datetime.date | None = None
    dry_run: bool = False


@post(
    "/reprice",
    sync_to_thread=True,
    status_code=HTTPStatus.ACCEPTED,
    opt=needs(Right.MANAGE, Scope.ALL_GAMES),
)
def start_reprice(services: Services, data: JSONBody[RepriceBody]) -> Response[bytes]:
    """Have purchases and ad revenues valued again; the answer says how far it is."""
    if data.from_ is not None and data.to is not None and data.to < data.from_:
        raise bad_value("to", "to is before from")
    question = RepriceQuestion(
        currencies=tuple(data.currencies), first_day=data.from_, last_day=data.to, is_dry_run=data.dry_run
    )
    try:
        is_taken = recomputing.start_reprice(services, question, encoded(data))
    except RatesUnreadable as error:
        raise ApiError(HTTPStatus.CONFLICT, "rates_unreadable", str(error)) from error
    if not is_taken:
        raise ApiError(HTTPStatus.CONFLICT, "already_running", "another reprice has not ended yet")
    return _answer(services.reprice.status, HTTPStatus.ACCEPTED)


@get("/reprice", sync_to_thread=True, opt=needs(Right.MANAGE, Scope.ALL_GAMES))
def reprice_status(services: Services) -> Response[bytes]:
    """How far the last one is, and what it changed."""
    return _answer(services.reprice.status, HTTPStatus.OK)


@delete("/reprice", sync_to_thread=True, status_code=HTTPStatus.ACCEPTED, opt=needs(Right.MANAGE, Scope.ALL_GAMES))
def cancel_reprice(services: Services) -> Response[bytes]:
    """End the one that waits or runs: within seconds, and with nothing changed. The answer says how far it is."""
    recomputing.cancel_reprice(services)
    return _answer(services.reprice.status, HTTPStatus.ACCEPTED)


def _answer(status: RepriceStatus, code: HTTPStatus) -> Response[bytes]:
    """Dollars are numbers, as everywhere in the API."""
    return Response(_encoder.encode(status), status_code=code, media_type=MediaType.JSON)


REPRICE_HANDLERS = [start_reprice, reprice_status, cancel_reprice]
