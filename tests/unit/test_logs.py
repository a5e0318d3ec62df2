"""What never reaches the log."""

import json
import logging
import logging.config
from collections.abc import Iterator

import pytest
import structlog

from questlog.logs import GRANIAN_LOGGING, configure_logging


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def fail_with(secret: str) -> None:
    assert secret
    raise ValueError("something went wrong")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_no_values(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", log_format)
    log = structlog.get_logger("test")
    try:
        fail_with("hunter" + "2")
    except ValueError:
        log.exception("request failed")
    told = capsys.readouterr().err
    assert "something went wrong" in told
    assert "Traceback" in told
    assert "hunter2" not in told


def test_a_value_under_a_secrets_name_is_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json")
    structlog.get_logger("test").info("made", api_key="k" * 8, session_token="t" * 8, api_key_name="unity")
    told = json.loads(capsys.readouterr().err)
    assert (told["api_key"], told["session_token"], told["api_key_name"]) == ("[redacted]", "[redacted]", "unity")


def test_the_http_servers_warnings_are_told_but_for_one_that_asks_for_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("info", "json")
    logging.config.dictConfig(GRANIAN_LOGGING)
    for text in ("Embedded server is experimental!", "Worker-1 was killed"):
        logging.getLogger("_granian").warning(text)
    [line] = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "Worker-1 was killed"


def test_a_file_gets_no_colours(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "console")
    structlog.get_logger("test").info("process started", pid=5)
    assert "\x1b" not in capsys.readouterr().err
