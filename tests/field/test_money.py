"""Money without a price in dollars, refunds and nothing paid (metrics.md §3)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.field import FieldGame, data, events, field_game

_ALL_OF_IT = ("revenue", "transactions", "paying_players", "arppu", "revenue_per_transaction")


@pytest.fixture
def game(tmp_path: Path) -> Iterator[FieldGame]:
    with field_game(tmp_path) as made:
        yield made


def purchase(player: str, amount: int, currency: str = "USD") -> dict[str, Any]:
    [like, *_] = events("f5_unpriced_money.ga.json")
    return {**like, "user_id": player, "amount": amount, "currency": currency}


def test_purchases_without_a_price_are_told_and_dilute_nothing(game: FieldGame) -> None:
    assert game.send(data("f5_unpriced_money.ga.json")) == 200
    assert game.metrics(*_ALL_OF_IT) == [
        {
            "revenue": 10,
            "transactions": 4,
            "paying_players": 4,
            "arppu": 10.0,
            "revenue_per_transaction": 10.0,
        }
    ]
    [told] = game.warnings(*_ALL_OF_IT)
    assert "3" in told
    assert "TWD" in told


def test_money_of_one_currency_only_may_have_no_price_at_all(game: FieldGame) -> None:
    assert game.send([purchase("tw", 32_000, "TWD"), purchase("tw", -16_000, "TWD")]) == 200
    assert game.metrics(*_ALL_OF_IT) == [
        {"revenue": 0, "transactions": 1, "paying_players": 1, "arppu": None, "revenue_per_transaction": None}
    ]
    [told] = game.warnings(*_ALL_OF_IT)
    assert "2" in told
    assert "TWD" in told


def test_priced_money_warns_of_nothing(game: FieldGame) -> None:
    assert game.send([purchase("us", 1000), purchase("eu", 1000, "EUR")]) == 200
    assert game.warnings("revenue", "arppu") == []


def test_a_refund_and_nothing_are_no_transactions(game: FieldGame) -> None:
    assert game.send([purchase("us", 1000), purchase("us", -400), purchase("back", -100), purchase("free", 0)]) == 200
    asked = (*_ALL_OF_IT, "gross_revenue", "refunds", "refunded", "converting_players")
    assert game.metrics(*asked) == [
        {
            "revenue": 5,
            "transactions": 1,
            "paying_players": 1,
            "arppu": 5.0,
            "revenue_per_transaction": 5.0,
            "gross_revenue": 10,
            "refunds": 2,
            "refunded": 5,
            "converting_players": 1,
        }
    ]
