"""Receipts on their whole way: sent over HTTP, checked when loaded, read from the store."""

import json
from pathlib import Path

import pytest

from tests.support.installation import USER_EVENT, installation
from tests.support.stores import BUNDLE_ID, Apple, Google

pytestmark = pytest.mark.system

PURCHASE = {
    **USER_EVENT,
    "category": "business",
    "event_id": "gems:hundred",
    "amount": 499,
    "currency": "USD",
    "transaction_num": 1,
}
DATA = '{"orderId":"GPA.1","productId":"gems"}'


def test_each_purchase_has_the_state_of_its_receipt(tmp_path: Path) -> None:
    google, apple = Google(), Apple()
    root = tmp_path / "root.cer"
    root.write_bytes(apple.root_der)
    infos: dict[str, dict[str, str] | None] = {
        "none": None,
        "google": {"store": "google_play", "receipt": DATA, "signature": google.sign(DATA)},
        "forged": {"store": "google_play", "receipt": DATA, "signature": Google().sign(DATA)},
        "apple": {"store": "apple", "receipt": apple.transaction()},
        "sandbox": {"store": "apple", "receipt": apple.transaction(environment="Sandbox")},
        "storekit 1": {"store": "apple", "receipt": apple.storekit_1()},
    }
    with installation(tmp_path / "data", {"receipts.apple_root_path": str(root)}) as made:
        made.start_run()
        keys = ("--google-licence-key", google.licence_key, "--apple-bundle-id", BUNDLE_ID)
        shown = made.command("game", "receipts", "sandbox", *keys)
        assert json.loads(shown.stdout) == {"google_licence_key": google.licence_key, "apple_bundle_id": BUNDLE_ID}
        events = [
            {**PURCHASE, "cart_type": name, **({"receipt_info": info} if info else {})} for name, info in infos.items()
        ]
        assert made.send_events([*events, {**USER_EVENT, "category": "user"}]).status == 200
        made.wait_until(lambda: made.sql("SELECT count(*) AS n FROM events") == [{"n": 7}], "the rows")
        rows = made.sql("SELECT cart_type, receipt_state, attributes FROM events")
    assert {row["cart_type"]: row["receipt_state"] for row in rows} == {
        None: None,
        "none": "unchecked",
        "google": "valid",
        "forged": "invalid",
        "apple": "valid",
        "sandbox": "invalid",
        "storekit 1": "unchecked",
    }
    [kept] = [row["attributes"] for row in rows if row["cart_type"] == "google"]
    assert json.loads(kept)["receipt_info"] == infos["google"]
