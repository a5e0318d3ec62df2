import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest

from questlog.control.errors import ControlUnavailable
from questlog.loader.apple_receipts import AppleReceipts
from questlog.loader.receipts import Receipts
from questlog.model.receipt import ReceiptSettings
from tests.support.stores import BUNDLE_ID, Apple, Google

GOOGLE, APPLE = Google(), Apple()
PURCHASE = '{"orderId":"GPA.1"}'

ORDINARY_CHUNK = """
import sys
import pyarrow as pa
from questlog.loader.receipts import Receipts
info = '{"receipt_info":{"store":"google_play","receipt":"x","signature":"y"}}'
columns = {"category": ["business", "user"], "event_id": ["a", None], "amount": [1, None], "attributes": [info, None],
           "game_id": [1, 1]}
states = Receipts().states({name: pa.array(values) for name, values in columns.items()})
assert states.to_pylist() == ["unchecked", None], states
assert not {name.partition(".")[0] for name in sys.modules} & {"cryptography", "sqlalchemy"}
"""


class Keys:
    """The games' settings."""

    def __init__(self, settings: Mapping[int, ReceiptSettings]) -> None:
        self.settings = settings
        self.reads = 0
        self.number = 1

    def version(self) -> int:
        return self.number

    def receipt_settings(self) -> Mapping[int, ReceiptSettings]:
        self.reads += 1
        return self.settings


class LostKeys(Keys):
    """A control database that does not answer."""

    def version(self) -> int:
        raise ControlUnavailable("gone")


KEYS = {
    1: ReceiptSettings(GOOGLE.licence_key, BUNDLE_ID),
    2: ReceiptSettings(Google().licence_key, "com.example.other"),
    3: ReceiptSettings(),
}
NO_PURCHASE: dict[str, Any] = {"category": "user"}


def google(**changes: object) -> dict[str, object]:
    return {"store": "google_play", "receipt": PURCHASE, "signature": GOOGLE.sign(PURCHASE), **changes}


def apple(**changes: object) -> dict[str, object]:
    return {"store": "apple", "receipt": APPLE.transaction(), **changes}


def purchase(receipt_info: object = None, game_id: int = 1, **changes: object) -> dict[str, object]:
    attributes = None if receipt_info is None else json.dumps({"receipt_info": receipt_info}, separators=(",", ":"))
    return {"game_id": game_id, "category": "business", "amount": 499, "attributes": attributes, **changes}


def states(*events: Mapping[str, object], receipts: Receipts | None = None) -> list[str | None]:
    receipts = receipts or Receipts(Keys(KEYS), AppleReceipts(APPLE.root_der))
    types = {"game_id": pa.int32(), "category": pa.string(), "event_id": pa.string(), "amount": pa.int64()}
    types["attributes"] = pa.string()
    columns = {
        name: pa.array([{"game_id": 1, **event}.get(name) for event in events], kind) for name, kind in types.items()
    }
    made = receipts.states(columns)
    assert made.type == pa.string()
    return list(made.to_pylist())


def test_each_purchase_is_judged_by_the_keys_of_its_game() -> None:
    assert states(
        purchase(google()), NO_PURCHASE, purchase(google(), game_id=2), purchase(google(), game_id=3), purchase(apple())
    ) == ["valid", None, "invalid", "unchecked", "valid"]


def test_a_transaction_of_another_app_is_invalid_and_one_of_a_game_without_bundle_id_is_taken() -> None:
    assert states(purchase(apple(), game_id=2), purchase(apple(), game_id=3)) == ["invalid", "valid"]


def test_without_apples_root_its_receipts_are_unchecked() -> None:
    assert states(purchase(apple()), receipts=Receipts(Keys(KEYS))) == ["unchecked"]


def test_a_purchase_without_a_receipt_is_unchecked() -> None:
    infos: list[object] = [None, {}, {"store": "google_play"}, {"store": "apple", "receipt": ""}, "text", ["list"], 7]
    assert states(*map(purchase, infos)) == ["unchecked"] * len(infos)


@pytest.mark.parametrize("store", ["amazon", "", None, 7, ["apple"]])
def test_a_receipt_of_another_store_is_unchecked(store: object) -> None:
    assert states(purchase(google(store=store))) == ["unchecked"]


def test_satoris_purchases_are_unchecked() -> None:
    sold = {"category": "custom", "event_id": "purchaseCompleted", "amount": 499}
    claimed = {**sold, "attributes": json.dumps({"receipt_info": google()}, separators=(",", ":"))}
    assert states(sold, claimed) == ["unchecked", "unchecked"]


def test_what_is_no_purchase_has_no_state() -> None:
    test_purchase = {"category": "custom", "event_id": "purchaseCompleted"}
    design = {"category": "design", "event_id": "purchaseCompleted", "amount": 1}
    assert (
        states(NO_PURCHASE, test_purchase, design, purchase(amount=None), {"category": None, "amount": 1}) == [None] * 5
    )


def test_a_receipt_deep_in_the_attributes_is_none() -> None:
    nested = json.dumps({"custom_fields": {"receipt_info": google()}}, separators=(",", ":"))
    assert states(purchase(attributes=nested)) == ["unchecked"]


def test_attributes_that_cannot_be_read_leave_it_unchecked() -> None:
    assert states(purchase(attributes='{"receipt_info":' + "[" * 100_000)) == ["unchecked"]


def test_new_keys_count_from_the_next_chunk() -> None:
    keys = Keys({})
    receipts = Receipts(keys)
    assert states(purchase(google()), purchase(google()), receipts=receipts) == ["unchecked"] * 2
    keys.settings, keys.number = KEYS, 2
    assert states(purchase(google()), purchase(google()), receipts=receipts) == ["valid"] * 2
    assert keys.reads == 2


def test_keys_are_asked_for_only_where_there_is_a_receipt() -> None:
    receipts = Receipts(LostKeys({}))
    assert states(purchase(), NO_PURCHASE, receipts=receipts) == ["unchecked", None]
    with pytest.raises(ControlUnavailable):
        states(purchase(google()), receipts=receipts)


def test_without_keys_no_cryptography_is_loaded() -> None:
    subprocess.run([sys.executable, "-c", ORDINARY_CHUNK], check=True)
