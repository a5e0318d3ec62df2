"""Who plays: when they came, how long they stay, what they are like."""

import random
import uuid
from typing import NamedTuple

from questlog.demo.world import (
    BAD_BUILD,
    COUNTRIES,
    DAYS,
    DEVICES,
    FEATURED_DAYS_AGO,
    RELEASES,
    STYLES,
    VARIANTS,
    WEEKDAYS,
    Country,
    Device,
)

_LEAVING_SCALE_DAYS, _LEAVING_POWER = 1.05, 0.60
"""The share (1 + days / scale) ** -power of the players is still there after so many days."""

_PAYERS = 0.021
_HOARDERS = 0.06
_ANNOYED = 0.45
"""How much those still play whose game crashes."""
_WHALE_NUMBER = 40
"""One player buys far more than all others."""

_SOFT_LAUNCH_DAYS = 18
_SOFT_LAUNCH_COUNTRIES = [each for each in COUNTRIES if each.code in {"CA", "SE", "GB", "PL"}]
_LAUNCH_RUSH = (2.6, 2.1, 1.7, 1.4, 1.2)
_WRONG_CLOCKS = 0.012


class Traits(NamedTuple):
    """What a player is like, for ever. `days`: how many days they would stay if nothing annoyed them."""

    user_id: str
    country: Country
    device: Device
    os_version: str
    style: str
    variant: str
    skill: float
    days: float
    eagerness: float
    update_lag_days: float
    is_payer: bool
    is_whale: bool
    is_hoarder: bool
    has_companion_app: bool
    clock_ahead_s: int


class Player:
    """A player and where they have got to."""

    def __init__(self, traits: Traits, installed_day: int, seed: int) -> None:
        self.traits = traits
        self.installed_day = installed_day
        self.random = random.Random(seed)  # noqa: S311 - it makes data up
        self.has_left = False
        self.sessions = 0
        self.level = 1
        self.attempts = 0
        self.coins = 300
        self.gems = 20
        self.transactions = 0
        self.levels_since_ad = 0
        self.purchases: list[tuple[int, int]] = []
        """Of each, when it was (UTC seconds) and its US cents: some are refunded."""

    def plays_on(self, day: int, weekday: int) -> bool:
        """Whether they play on this day; the day they came they always do."""
        age = day - self.installed_day
        if age == 0:
            return True
        if self.has_left or age > self.traits.days:
            return False
        annoyed = _ANNOYED if self.traits.device.is_crashing and self.build(day) == BAD_BUILD else 1.0
        return self.random.random() < min(self.traits.eagerness * WEEKDAYS[weekday], 0.98) * annoyed

    def build(self, day: int) -> str:
        """The build they have on this day: new players get the newest one, the others update when they feel like it."""
        lag = self.traits.update_lag_days if self.installed_day < day else 0.0
        since = max(day - lag, self.installed_day)
        return next(release.build for release in reversed(RELEASES) if DAYS - 1 - release.days_ago <= since)


def arrivals(players: int, weekdays: list[int]) -> list[int]:
    """How many come on each day, `players` in all."""
    weights = [_arrival_weight(day, weekdays[day]) for day in range(DAYS)]
    total, counts, owed = sum(weights), [], 0.0
    for weight in weights:
        owed += players * weight / total
        counts.append(round(owed))
        owed -= counts[-1]
    return counts


def new_player(number: int, day: int, seed: int) -> Player:
    """The player of this number, who comes on this day."""
    pick = random.Random(f"{seed} player {number}")  # noqa: S311
    countries = _SOFT_LAUNCH_COUNTRIES if day < _SOFT_LAUNCH_DAYS else COUNTRIES
    country = pick.choices(countries, [each.weight for each in countries])[0]
    device = pick.choices(DEVICES, [each.weight for each in DEVICES])[0]
    days = _LEAVING_SCALE_DAYS * (pick.random() ** (-1 / _LEAVING_POWER) - 1)
    is_whale = number == _WHALE_NUMBER
    is_payer = is_whale or pick.random() < _PAYERS * country.spending
    if is_payer:
        days = max(days, pick.uniform(4, 40))
    traits = Traits(
        user_id=str(uuid.UUID(int=pick.getrandbits(128), version=4)),
        country=country,
        device=device,
        os_version=pick.choice(device.os_versions),
        style=pick.choices(STYLES, (6, 2, 2))[0],
        variant=pick.choice(VARIANTS),
        skill=pick.gauss(0, 0.08),
        days=DAYS if is_whale else days,
        eagerness=0.97 if is_whale else min(0.95, pick.betavariate(5, 3.4) + min(days, 30) * 0.006),
        update_lag_days=pick.expovariate(1 / 2.5),
        is_payer=is_payer,
        is_whale=is_whale,
        is_hoarder=pick.random() < _HOARDERS,
        has_companion_app=pick.random() < 0.04 and days > 2,
        clock_ahead_s=pick.choice((-7200, 3600, 5400, 86_400)) if pick.random() < _WRONG_CLOCKS else 0,
    )
    return Player(traits, day, pick.getrandbits(64))


def _arrival_weight(day: int, weekday: int) -> float:
    weight = WEEKDAYS[weekday] * (0.25 if day < _SOFT_LAUNCH_DAYS else 1.0)
    rush = day - _SOFT_LAUNCH_DAYS
    if 0 <= rush < len(_LAUNCH_RUSH):
        weight *= _LAUNCH_RUSH[rush]
    if DAYS - 1 - day in FEATURED_DAYS_AGO:
        weight *= 2.0
    return weight
