"""The log for operators: structured lines on stderr, without secrets and without players' addresses."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET_NAMES = ("secret", "password", "authorization", "signing_key", "token", "api_key", "cookie")
_PUBLIC_NAMES = frozenset({"api_key_name", "token_name"})
_REDACTED = "[redacted]"

EventDict = MutableMapping[str, Any]


def redact_secrets(_logger: object, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: values under a secret's name never reach the log."""
    for name in event:
        if name not in _PUBLIC_NAMES and any(secret in name for secret in _SECRET_NAMES):
            event[name] = _REDACTED
    return event


def configure_logging(level: str, log_format: str) -> None:
    """Send our log and the HTTP server's to stderr.

    `level` is debug, info, warning or error; `log_format` is json, console, or auto (console on a terminal).
    """
    as_text = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact_secrets,
    ]
    # The plain traceback: the others print local variables too, among them keys, tokens and players' addresses.
    final: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)]
        if as_text
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("alembic").setLevel(max(logging.WARNING, root.level))  # it tells of its own plugins
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


# Granian warns so at every start of a server inside our process. Our system tests run on it, and its version is pinned.
_NOTHING_TO_DO = frozenset({"Embedded server is experimental!"})


def is_worth_reading(record: logging.LogRecord) -> bool:
    """Whether an operator can do something about a line of the HTTP server's."""
    return record.msg not in _NOTHING_TO_DO


# Granian configures its own loggers in each process; this makes them pass through ours.
GRANIAN_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"worth_reading": {"()": lambda: is_worth_reading}},
    "loggers": {
        name: {"handlers": [], "level": "WARNING", "propagate": True, "filters": ["worth_reading"]}
        for name in ("_granian", "granian")
    },
}
