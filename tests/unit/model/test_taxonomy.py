"""The closed vocabularies have every word that a protocol takes."""

from typing import get_args

import pytest

from questlog.model.taxonomy import AD_ACTIONS, AD_TYPES, CATEGORIES, SEVERITIES
from questlog.protocols.gameanalytics import wire


@pytest.mark.parametrize(
    ("known", "taken"),
    [
        (CATEGORIES, get_args(wire.Category)),
        (SEVERITIES, get_args(wire.Severity)),
        (AD_TYPES, get_args(wire.AdType)),
        (AD_ACTIONS, get_args(wire.AdAction)),
    ],
    ids=["category", "severity", "ad_type", "ad_action"],
)
def test_every_word_of_the_wire_is_known(known: tuple[str, ...], taken: tuple[str, ...]) -> None:
    assert set(taken) <= set(known)
