"""The column `receipt_state`: whether the receipts of purchases are genuine (docs/reference/receipts.md).

What is missing makes a receipt unchecked; what is there and wrong makes it invalid.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from questlog.loader.apple_receipts import AppleReceipts
from questlog.loader.google_receipts import GoogleReceipts
from questlog.model.receipt import ReceiptSettings, ReceiptState
from questlog.model.taxonomy import CUSTOM, SATORI_PURCHASE

_BUSINESS = "business"
_FIELD = '"receipt_info":'
_UNCHECKED = pa.scalar(ReceiptState.UNCHECKED.value, pa.string())
_NO_STATE = pa.scalar(None, pa.string())
_NO_SETTINGS = ReceiptSettings()


class ReceiptKeys(Protocol):
    """The games' settings, in the control database."""

    def version(self) -> int:
        """A number that grows with every change."""
        ...

    def receipt_settings(self) -> Mapping[int, ReceiptSettings]:
        """Of every game that has some, by `game_id`."""
        ...


class NoReceiptKeys:
    """No game can have its receipts checked."""

    def version(self) -> int:
        """Never another."""
        return 0

    def receipt_settings(self) -> Mapping[int, ReceiptSettings]:
        """Of no game."""
        return {}


class _Attributes(msgspec.Struct):
    receipt_info: Any = None


_attributes_decoder = msgspec.json.Decoder(_Attributes)


class Receipts:
    """Checks the receipts of a chunk of events. Those without a receipt cost next to nothing."""

    def __init__(self, keys: ReceiptKeys | None = None, apple: AppleReceipts | None = None) -> None:
        """`apple` is None where Apple's root is not known: then its receipts are unchecked."""
        self._keys = keys or NoReceiptKeys()
        self._apple = apple
        self._google = GoogleReceipts()
        self._version: int | None = None
        self._settings: Mapping[int, ReceiptSettings] = {}

    def states(self, columns: Mapping[str, pa.Array]) -> pa.Array:
        """`receipt_state` of events given as columns of `STAGED_EVENTS`; null for what is no purchase.

        Raises `ControlUnavailable` when there are receipts and the games' settings cannot be read.
        """
        if columns["amount"].null_count == len(columns["amount"]):
            return pa.nulls(len(columns["amount"]), pa.string())
        is_sold = pc.and_(columns["amount"].is_valid(), pc.equal(columns["category"], _BUSINESS)).fill_null(False)
        states = pc.if_else(pc.or_(is_sold, _is_sold_by_satori(columns)), _UNCHECKED, _NO_STATE)
        judged = {
            place: self._state(columns["game_id"][place].as_py(), _receipt_info(attributes)).value
            for place, attributes in _with_receipts(columns["attributes"], is_sold)
        }
        return _replaced(states, judged) if judged else states

    def _state(self, game_id: int, info: Mapping[str, object]) -> ReceiptState:
        receipt, settings = info.get("receipt"), self._settings_of(game_id)
        match info.get("store"):
            case "google_play":
                return self._google.state(receipt, info.get("signature"), settings.google_licence_key)
            case "apple" if self._apple is not None:
                return self._apple.state(receipt, settings.apple_bundle_id)
            case _:
                return ReceiptState.UNCHECKED

    def _settings_of(self, game_id: int) -> ReceiptSettings:
        version = self._keys.version()
        if version != self._version:
            self._settings = self._keys.receipt_settings()
            self._version = version
        return self._settings.get(game_id, _NO_SETTINGS)


def _is_sold_by_satori(columns: Mapping[str, pa.Array]) -> pa.Array:
    is_named = pc.and_(pc.equal(columns["category"], CUSTOM), pc.equal(columns["event_id"], SATORI_PURCHASE))
    return pc.and_(columns["amount"].is_valid(), is_named).fill_null(False)


def _with_receipts(attributes: pa.Array, is_sold: pa.Array) -> list[tuple[int, str]]:
    """Where something is sold and the attributes may have a receipt; with the attributes."""
    places = pc.indices_nonzero(is_sold)
    texts = zip(places.to_pylist(), attributes.take(places).to_pylist(), strict=True)
    return [(place, text) for place, text in texts if text is not None and _FIELD in text]


def _replaced(states: pa.Array, judged: Mapping[int, str]) -> pa.Array:
    values = states.to_pylist()
    for place, state in judged.items():
        values[place] = state
    return pa.array(values, pa.string())


def _receipt_info(attributes: str) -> Mapping[str, object]:
    try:
        info = _attributes_decoder.decode(attributes).receipt_info
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return {}
    return info if isinstance(info, dict) else {}
