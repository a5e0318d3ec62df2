from decimal import Decimal
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.loader.reprice import RepriceState, RepriceStatus
from questlog.store.repricing import MoneyKind, PriceChange
from tests.support.console import FakeConsole

Client = TestClient[Litestar]
ADDRESS = "/api/v1/reprice"


def test_nothing_is_valued_again_until_it_is_asked_for(client: Client) -> None:
    assert client.get(ADDRESS).json()["state"] == "none"


def test_it_waits_for_the_loader(client: Client) -> None:
    answer = client.post(ADDRESS, json={"currencies": ["TWD"], "from": "2026-01-01", "dry_run": True})
    assert answer.status_code == 202
    assert (answer.json()["state"], answer.json()["is_dry_run"]) == ("waiting", True)
    assert client.get(ADDRESS).json() == answer.json()


def test_asking_while_one_waits_is_refused(client: Client) -> None:
    assert client.post(ADDRESS, json={}).status_code == 202
    second = client.post(ADDRESS, json={})
    assert (second.status_code, second.json()["error"]["code"]) == (409, "already_running")


def test_changes_are_told_with_dollars_as_numbers(console: FakeConsole, client: Client) -> None:
    change = PriceChange("TWD", MoneyKind.PURCHASES, 3, 2, 2, 0, Decimal("1.500000"), Decimal("31.200000"))
    console.reprice._status = RepriceStatus(RepriceState.DONE, False, 1.0, changes=[change], rates={"TWD": "wide"})
    answer = client.get(ADDRESS)
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json() == {
        "state": "done",
        "is_dry_run": False,
        "share_done": 1.0,
        "message": "",
        "changes": [
            {
                "currency": "TWD", "kind": "purchases", "events": 3, "changed": 2, "unpriced_before": 2,
                "unpriced_after": 0, "usd_before": 1.5, "usd_after": 31.2,
            }
        ],
        "rates": {"TWD": "wide"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"currencies": ["dollars"]}, "currencies"),
        ({"currencies": "TWD"}, "currencies"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-02-01", "to": "2026-01-31"}, "to"),
        ({"dry-run": True}, "dry-run"),
    ],
)
def test_a_question_that_means_nothing_names_the_field(client: Client, body: Any, field: str) -> None:
    answer = client.post(ADDRESS, json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"].startswith(field)
    assert client.get(ADDRESS).json()["state"] == "none"
