"""One session of a player, as the events that the game's SDK would send."""

import math
import random
from collections.abc import Mapping
from typing import Any, NamedTuple

from questlog.demo.players import Player
from questlog.demo.world import (
    AD_NETWORKS,
    BAD_BUILD,
    BOOSTERS,
    DAYS,
    DECORATIONS,
    ENGINE,
    ITEMS,
    LAST_LEVEL,
    LATER_TUTORIAL_VARIANT,
    SALE_CHEST,
    SALE_DAYS_AGO,
    SDKS,
    STARTER_PACK,
    TUTORIAL,
    WALL_LEVEL,
    WHALE_ITEM,
    Item,
    level_id,
    win_chance,
)

Event = dict[str, Any]

_FPS_PLACES, _MEMORY_PLACES = 121, 101
_MEDIAN_LENGTH_S, _LENGTH_SPREAD = 290.0, 0.75
_FIRST_AD_LEVEL, _LEVELS_BETWEEN_ADS = 6, 3
_CRASH_CHANCE = 0.5
_GIVES_UP_AFTER = 5
_HEALTH_SINCE = "1.2.0"
_DAILY_COINS, _WIN_COINS = 60, 45
_ERRORS = (
    ("warning", "Texture atlas island_{} is not loaded yet"),
    ("warning", "Retrying request to https://cdn.example.com/bundles/{}.unity3d"),
    ("error", "SaveGame: checksum of slot {} does not match"),
    ("error", "IAP: product list came back empty after {} ms"),
    ("info", "Cloud save took {} ms"),
)
_CRASH = (
    "NullReferenceException: Object reference not set to an instance of an object\n"
    "  at Board.CascadeRenderer.Draw (Board.Cell cell) in CascadeRenderer.cs:214\n"
    "  at Board.BoardView.Update () in BoardView.cs:{}"
)


class Played(NamedTuple):
    """What one session sent. `started_s`, `ended_s`: UTC seconds. `purchases`: cents of those made in it."""

    player: Player
    session_id: str
    started_s: float
    ended_s: float
    events: list[Event]
    purchases: list[Item]
    level: int
    is_crash: bool


class Session:
    """Plays one session: each method does something, takes its time, and notes the events of it."""

    def __init__(self, player: Player, day: int, started_s: float) -> None:
        self._player = player
        self._traits = player.traits
        self._random = player.random
        self._day = day
        self._build = player.build(day)
        self._started_s = self._at_s = started_s
        self._session_id = new_uuid(player.random)
        self._events: list[Event] = []
        self._purchases: list[Item] = []
        self._is_crash = False
        player.sessions += 1
        self._annotations = self._describe()

    def play(self) -> Played:
        """The whole session."""
        player = self._player
        length_s = _MEDIAN_LENGTH_S * math.exp(self._random.gauss(0, _LENGTH_SPREAD))
        self._note("user")
        if self._build >= _HEALTH_SINCE and self._random.random() < 0.5:
            self._start_up()
        if player.sessions > 1 or self._do_tutorial():
            if self._random.random() < 0.35:
                self._move("Source:coins:bonus:daily", _DAILY_COINS)
            self._visit_shop()
            while self._at_s - self._started_s < length_s and not self._is_crash and player.level <= LAST_LEVEL:
                self._play_level()
                if player.has_left:
                    break
        if self._random.random() < 0.025:
            self._report_error()
        self._end()
        return Played(
            player,
            self._session_id,
            self._started_s,
            self._at_s,
            self._events,
            self._purchases,
            player.level,
            self._is_crash,
        )

    def _describe(self) -> Event:
        traits, device = self._traits, self._traits.device
        sdks = SDKS[device.platform]
        annotations: Event = {
            "v": 2,
            "user_id": traits.user_id,
            "sdk_version": sdks[-1] if self._build >= _HEALTH_SINCE else sdks[0],
            "os_version": traits.os_version,
            "manufacturer": device.manufacturer,
            "device": device.name,
            "platform": device.platform,
            "session_id": self._session_id,
            "session_num": self._player.sessions,
            "connection_type": self._random.choices(("wifi", "wwan", "lan"), (7, 3, 0.2))[0],
            "engine_version": ENGINE,
            "build": self._build,
            "custom_01": traits.style,
            "custom_02": traits.variant,
        }
        if self._player.transactions:
            annotations["custom_03"] = "payer"
        return annotations

    def _note(self, category: str, fields: Mapping[str, Any] | None = None, takes_s: float = 1.0) -> None:
        self._at_s += takes_s * self._random.uniform(0.6, 1.4)
        client_ts = int(self._at_s) + self._traits.clock_ahead_s
        event = {**self._annotations, "category": category, "client_ts": client_ts}
        event["event_uuid"] = new_uuid(self._random)
        if fields is not None:
            event.update(fields)
        self._events.append(event)

    def _start_up(self) -> None:
        device = self._traits.device
        slow = 1.5 if self._build == BAD_BUILD else 1.0
        boot_ms = int(device.boot_ms * slow * math.exp(self._random.gauss(0, 0.25)))
        fields = {
            "app_boot_time": boot_ms,
            "is_first_sdk_init": self._player.sessions == 1,
            "memory_sys_total": device.memory,
        }
        self._note("sdk_init", fields, 0.5)

    def _do_tutorial(self) -> bool:
        """Whether the player gets through the tutorial."""
        for place, (step, share) in enumerate(TUTORIAL, 1):
            helped = 0.4 if self._traits.variant == LATER_TUTORIAL_VARIANT else 1.0
            if self._random.random() > 1 - (1 - share) * helped:
                if self._random.random() < 0.6:
                    self._player.has_left = True
                return False
            seconds = self._random.uniform(6, 30)
            self._note("design", {"event_id": f"tutorial:step_{place}_{step}", "value": round(seconds, 1)}, seconds)
        self._move("Source:gems:reward:tutorial", 20)
        return True

    def _visit_shop(self) -> None:
        player, traits = self._player, self._traits
        is_sale = DAYS - 1 - self._day in SALE_DAYS_AGO
        if self._random.random() > (0.35 if traits.is_payer or is_sale else 0.12):
            return
        self._note("design", {"event_id": "shop:open"}, 4)
        item = self._wanted_item(is_sale)
        if item is None:
            return
        self._note("design", {"event_id": f"shop:view:{item.item_id}", "value": item.cents / 100}, 9)
        if traits.is_payer or (is_sale and self._random.random() < 0.06):
            for _ in range(self._random.randint(1, 2) if traits.is_whale else 1):
                self._buy(item)
        elif player.transactions == 0:
            self._note("design", {"event_id": f"shop:cancel:{item.item_id}"}, 6)

    def _wanted_item(self, is_sale: bool) -> Item | None:
        player, traits = self._player, self._traits
        if self._random.random() < 0.25 and not traits.is_whale:
            return None
        if traits.is_whale:
            return self._random.choices((WHALE_ITEM, ITEMS[3], ITEMS[2]), (4, 4, 2))[0]
        if is_sale and self._random.random() < 0.75:
            return SALE_CHEST
        if player.transactions == 0 and self._random.random() < 0.6:
            return STARTER_PACK
        return self._random.choices(ITEMS, [each.weight for each in ITEMS])[0]

    def _buy(self, item: Item) -> None:
        player, traits = self._player, self._traits
        player.transactions += 1
        country = traits.country
        # On phones the studio reports what the store pays out, in dollars; on desktop what the player was charged.
        is_local = traits.device.platform == "windows"
        fields: Event = {
            "event_id": f"{item.item_type}:{item.item_id}",
            "amount": round(item.cents * country.minor_per_cent) if is_local else item.cents,
            "currency": country.currency if is_local else "USD",
            "transaction_num": player.transactions,
            "cart_type": "sale" if item is SALE_CHEST else self._random.choice(("shop", "shop", "out_of_moves")),
        }
        if not is_local:
            store = "apple" if traits.device.platform == "ios" else "google_play"
            fields["receipt_info"] = {"store": store, "receipt": f"{self._random.getrandbits(96):024x}"}
        self._note("business", fields, 14)
        self._purchases.append(item)
        player.purchases.append((int(self._at_s), item.cents))
        self._move(f"Source:gems:purchase:{item.item_id}", item.gems)
        self._annotations["custom_03"] = "payer"

    def _play_level(self) -> None:
        player = self._player
        level, where = player.level, level_id(player.level)
        player.attempts += 1
        self._note("progression", {"event_id": f"Start:{where}"}, 8)
        if self._crashes():
            return
        self._use_boosters()
        chance = min(max(win_chance(level, self._build) + self._traits.skill, 0.05), 0.98)
        seconds = self._random.uniform(40, 120)
        if self._random.random() < chance:
            score = int(self._random.gauss(4000 + 130 * level, 900))
            self._note(
                "progression",
                {"event_id": f"Complete:{where}", "score": max(score, 100), "attempt_num": player.attempts},
                seconds,
            )
            player.level, player.attempts = level + 1, 0
            self._move("Source:coins:reward:level_complete", _WIN_COINS + level)
            self._decorate()
        else:
            self._note(
                "progression",
                {
                    "event_id": f"Fail:{where}",
                    "score": int(self._random.uniform(500, 3000)),
                    "attempt_num": player.attempts,
                },
                seconds,
            )
            self._go_on_or_give_up(level)
        self._show_ad()

    def _crashes(self) -> bool:
        is_hit = self._build == BAD_BUILD and self._traits.device.is_crashing
        if not (is_hit and self._random.random() < _CRASH_CHANCE):
            return False
        self._note("error", {"severity": "critical", "message": _CRASH.format(self._random.choice((88, 91)))}, 12)
        self._is_crash = True
        if self._random.random() < 0.22:
            self._player.has_left = True
        return True

    def _use_boosters(self) -> None:
        if self._traits.is_hoarder or self._random.random() > 0.16:
            return
        name, price = self._random.choice(BOOSTERS)
        if self._player.coins >= price:
            self._move(f"Sink:coins:booster:{name}", -price)

    def _decorate(self) -> None:
        if self._traits.is_hoarder or self._random.random() > 0.12:
            return
        name, price = self._random.choice(DECORATIONS)
        if self._player.coins >= price:
            self._move(f"Sink:coins:decoration:{name}", -price)
            self._note("design", {"event_id": f"island:decorate:{name}"}, 6)

    def _go_on_or_give_up(self, level: int) -> None:
        player = self._player
        if player.gems >= 15 and self._random.random() < 0.2 and not self._traits.is_hoarder:
            self._move("Sink:gems:continue:extra_moves", -15)
        elif self._random.random() < 0.12:
            self._watch_rewarded()
        if level == WALL_LEVEL and player.attempts >= _GIVES_UP_AFTER and self._random.random() < 0.17:
            player.has_left = not self._traits.is_payer

    def _watch_rewarded(self) -> None:
        placement = "continue"
        if self._random.random() < 0.07:
            self._ad("rewarded_video", placement, "failed_show", ad_fail_show_reason="no_fill")
            return
        self._ad("rewarded_video", placement, "show", ad_duration=30_000)
        self._earn("REWARDED", 2.2)
        self._ad("rewarded_video", placement, "reward_received")
        self._move("Source:coins:ad:rewarded_video", 50)

    def _show_ad(self) -> None:
        player = self._player
        player.levels_since_ad += 1
        is_due = player.levels_since_ad >= _LEVELS_BETWEEN_ADS and player.level >= _FIRST_AD_LEVEL
        if not is_due or player.transactions:
            return
        player.levels_since_ad = 0
        if self._random.random() < 0.05:
            reason = self._random.choice(("no_fill", "offline", "internal_error"))
            self._ad("interstitial", "level_end", "failed_show", ad_fail_show_reason=reason)
            return
        self._ad("interstitial", "level_end", "show", ad_duration=self._random.randint(5_000, 15_000))
        self._earn("INTER", 1.0)
        if self._random.random() < 0.03:
            self._ad("interstitial", "level_end", "clicked")

    def _ad(self, ad_type: str, placement: str, action: str, **more: object) -> None:
        sdk = self._random.choice(AD_NETWORKS)[0]
        fields = {"ad_sdk_name": sdk, "ad_placement": placement, "ad_type": ad_type, "ad_action": action, **more}
        self._note("ads", fields, 15 if action == "show" else 2)

    def _earn(self, kind: str, worth: float) -> None:
        network, per_thousand = self._random.choice(AD_NETWORKS)
        spending = 0.4 + 0.6 * self._traits.country.spending
        revenue = per_thousand / 1000 * worth * spending * math.exp(self._random.gauss(0, 0.4))
        data = {"adunit_format": kind, "publisher_revenue": round(revenue, 6), "currency": "USD", "precision": "exact"}
        self._note("impression", {"ad_network_name": network, "impression_data": data}, 1)

    def _move(self, event_id: str, amount: int) -> None:
        """Currency that comes (above 0) or goes."""
        if event_id.split(":")[1] == "coins":
            self._player.coins += amount
        else:
            self._player.gems += amount
        self._note("resource", {"event_id": event_id, "amount": abs(amount)}, 1)

    def _report_error(self) -> None:
        severity, message = self._random.choice(_ERRORS)
        self._note("error", {"severity": severity, "message": message.format(self._random.randint(1, 999))}, 1)

    def _end(self) -> None:
        """Sessions of games that were killed have no end."""
        if self._is_crash or self._random.random() < 0.06:
            return
        if self._build >= _HEALTH_SINCE and self._random.random() < 0.4:
            self._note("health", self._health(), 1)
        self._note("session_end", {"length": int(self._at_s - self._started_s) + 1}, 1)

    def _health(self) -> Event:
        device = self._traits.device
        fps, memory = [0] * _FPS_PLACES, [0] * _MEMORY_PLACES
        fewer = 9 if self._build == BAD_BUILD and device.platform == "android" else 0
        samples = min(int(self._at_s - self._started_s) // 10 + 1, 60)
        used = 28 + 60_000 // max(device.memory, 1_000)
        for _ in range(samples):
            fps[min(max(int(self._random.gauss(device.fps - fewer, 5)), 1), _FPS_PLACES - 1)] += 1
            memory[min(max(int(self._random.gauss(used, 3)), 1), _MEMORY_PLACES - 1)] += 1
        return {"fps_data_table": fps, "memory_app_data_table": memory, "memory_sys_total": device.memory}


def new_uuid(pick: random.Random) -> str:
    """A random UUID."""
    digits = f"{pick.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
