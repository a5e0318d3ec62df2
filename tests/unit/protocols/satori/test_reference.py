"""docs/reference/satori.md says what the code does."""

import re
from pathlib import Path

from questlog.protocols.satori import limits
from questlog.protocols.satori.replies import STATUS

PAGE = (Path(__file__).parents[4] / "docs" / "reference" / "satori.md").read_text()
EVENT_REASONS = {reason for reason, status in STATUS.items() if status.message.startswith("Event batch")}


def error_table() -> dict[tuple[int, int], set[str]]:
    rows = re.findall(r"^\| (\d{3}) \| (\d+) \| (.*) \|$", PAGE, re.MULTILINE)
    return {(int(http), int(grpc)): set(re.findall(r"`([a-z_]+)`", reasons)) for http, grpc, reasons in rows}


def test_the_page_tells_every_status_of_a_rejection() -> None:
    told: dict[tuple[int, int], set[str]] = {}
    for reason, status in STATUS.items():
        if reason not in EVENT_REASONS:
            told.setdefault((status.http, status.grpc), set()).add(reason.value)
    assert error_table() == told


def test_the_page_tells_every_limit() -> None:
    numbers = {int(text.replace(" ", "")) for text in re.findall(r"\d{1,3}(?: \d{3})+|\d+", PAGE)}
    ours = {value for name, value in vars(limits).items() if name.startswith("MAX_") and name != "MAX_TOKEN_LENGTH"}
    assert ours <= numbers


def test_the_page_tells_every_reason_that_only_satori_has() -> None:
    assert {reason.value for reason in EVENT_REASONS if reason.value.isupper()} <= set(re.findall(r"`([A-Z_]+)`", PAGE))
