"""The body of the init routes (spec §§1.2, 1.3)."""

from typing import Any

import msgspec

from questlog.model.reasons import Reason, RequestRejected
from questlog.protocols.gameanalytics.json_text import read_mended_json


class InitRequest(msgspec.Struct, frozen=True):
    """What both init routes are told, as far as it has the right type."""

    user_id: str | None = None
    platform: str | None = None
    os_version: str | None = None
    sdk_version: str | None = None
    build: str | None = None
    session_num: int | None = None


_anything = msgspec.json.Decoder(Any)


def parse_init(body: bytes) -> InitRequest:
    """Read an init request: an object, or a list with one (Goldfire and gdx-gameanalytics send that).

    Values of another type than expected are as if absent: no SDK should lose its session start over one. Raises
    `RequestRejected`: `NOT_JSON`, `TOO_DEEP` or `NOT_AN_OBJECT`.
    """
    try:
        value = read_mended_json(_anything, body)
    except msgspec.ValidationError as error:
        raise RequestRejected(Reason.NOT_JSON, "a number out of range") from error
    fields = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(fields, dict):
        raise RequestRejected(Reason.NOT_AN_OBJECT, "the body must be a JSON object")
    texts = {name: _if_text(fields.get(name)) for name in ("user_id", "platform", "os_version", "sdk_version", "build")}
    session_num = fields.get("session_num")
    return InitRequest(**texts, session_num=session_num if type(session_num) is int else None)


def _if_text(value: object) -> str | None:
    return value if isinstance(value, str) else None
