"""Why an event is dropped or a request rejected: one closed list, one name in reply, counter, table and docs."""

import enum

import msgspec


class Reason(enum.StrEnum):
    """The name under which a drop or a rejection is answered, counted, stored and documented."""

    # A whole request is rejected.
    UNKNOWN_ROUTE = "unknown_route"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    BAD_REQUEST_LINE = "bad_request_line"
    UNAUTHENTICATED = "unauthenticated"
    WRONG_SIGNATURE = "wrong_signature"
    UNKNOWN_GAME_KEY = "unknown_game_key"
    UNKNOWN_API_KEY = "unknown_api_key"
    BAD_TOKEN = "bad_token"
    GAME_DISABLED = "game_disabled"
    BODY_TOO_LARGE = "body_too_large"
    INFLATED_BODY_TOO_LARGE = "inflated_body_too_large"
    UNKNOWN_CONTENT_CODING = "unknown_content_coding"
    BAD_COMPRESSION = "bad_compression"
    BODY_TIMEOUT = "body_timeout"
    BODY_INCOMPLETE = "body_incomplete"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    NOT_A_LIST = "not_a_list"
    NOT_AN_OBJECT = "not_an_object"
    BAD_FIELD = "bad_field"
    BAD_IDENTITY_ID = "bad_identity_id"
    NOT_FOUND = "not_found"
    OVERLOADED = "overloaded"
    JOURNAL_UNAVAILABLE = "journal_unavailable"
    CORRUPT_RECORD = "corrupt_record"
    # One event of a batch is dropped. GameAnalytics: the answer names each field.
    FAILED_VALIDATION = "failed_validation"
    # Satori's names (satori.md §5.3).
    INVALID_NAME = "INVALID_NAME"
    INVALID_VALUE = "INVALID_VALUE"
    INVALID_METADATA = "INVALID_METADATA"
    VALUE_LENGTH_EXCEEDED = "VALUE_LENGTH_EXCEEDED"
    METADATA_SIZE_EXCEEDED = "METADATA_SIZE_EXCEEDED"
    INVALID_ID = "INVALID_ID"
    INVALID_TIMESTAMP = "INVALID_TIMESTAMP"
    # Both.
    PLAYER_ERASED = "player_erased"
    EXPIRED = "expired"


class RequestRejected(Exception):
    """A request that cannot be taken as a whole. `detail` is safe to show to the sender."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field, in the words of GameAnalytics' 400 answer (gameanalytics.md §1.5)."""

    error_type: str
    path: str


class DroppedEvent(msgspec.Struct, frozen=True):
    """One event of a readable request that is not stored among the events.

    `index` is its place in the request, from 0; `raw` its JSON as sent; `errors` is never empty for
    `FAILED_VALIDATION`; `detail` says in plain words what is wrong.
    """

    index: int
    raw: bytes
    reason: Reason
    detail: str
    errors: tuple[FieldError, ...] = ()
