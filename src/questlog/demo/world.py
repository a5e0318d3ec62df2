"""The made-up game: its builds, players' countries and devices, levels, shop, and what happened when.

A match-three game. Days are counted back from the last one: 0 is today, 89 the day of the launch.
"""

from typing import NamedTuple

DAYS = 90
PLAYERS = 5_000


class Release(NamedTuple):
    """A build and the day on which stores got it."""

    build: str
    days_ago: int


RELEASES = (
    Release("1.0.0", 89),
    Release("1.1.0", 68),
    Release("1.2.0", 47),
    Release("1.3.0", 26),
    Release("1.3.1", 21),
    Release("1.4.0", 9),
)
BAD_BUILD = "1.3.0"
"""It crashes on the devices of `Device.is_crashing` and shows fewer frames; the next build mends it."""

SALE_DAYS_AGO = range(10, 14)
"""Days on which bundles cost less and sell better."""

FEATURED_DAYS_AGO = range(54, 58)
"""Days on which a store recommended the game."""

WEEKDAYS = (0.93, 0.90, 0.92, 0.95, 1.02, 1.17, 1.13)
"""How much is played from Monday to Sunday."""


class Country(NamedTuple):
    """`weight`: share of the installs. `hours`: its clocks are so far ahead of UTC. `spending`: against the mean."""

    code: str
    weight: float
    hours: int
    spending: float
    language: str
    currency: str = "USD"
    minor_per_cent: float = 1.0  # hundredths of the currency for a US cent


COUNTRIES = (
    Country("US", 23, -6, 1.7, "en"),
    Country("DE", 10, 1, 1.3, "de", "EUR", 0.92),
    Country("BR", 9, -3, 0.5, "pt"),
    Country("IN", 9, 5, 0.25, "en"),
    Country("GB", 8, 0, 1.4, "en", "GBP", 0.79),
    Country("FR", 7, 1, 1.0, "fr", "EUR", 0.92),
    Country("JP", 6, 9, 2.2, "ja", "JPY", 150.0),
    Country("MX", 5, -6, 0.5, "es"),
    Country("ID", 5, 7, 0.3, "id"),
    Country("CA", 4, -5, 1.3, "en"),
    Country("KR", 4, 9, 1.8, "ko"),
    Country("TR", 3, 3, 0.5, "tr"),
    Country("PL", 3, 1, 0.7, "pl"),
    Country("ES", 3, 1, 0.8, "es", "EUR", 0.92),
    Country("AU", 2, 10, 1.4, "en"),
    Country("SE", 1, 1, 1.2, "sv", "SEK", 10.4),
)


class Device(NamedTuple):
    """`fps`: mean frames a second. `memory`: MB. `boot_ms`: how long the game takes to start."""

    platform: str
    manufacturer: str
    name: str
    os_versions: tuple[str, ...]
    weight: float
    fps: int
    memory: int
    boot_ms: int
    is_crashing: bool = False


DEVICES = (
    Device("android", "samsung", "SM-A145R", ("android 13", "android 14"), 11, 38, 4096, 5200, is_crashing=True),
    Device("android", "samsung", "SM-A546B", ("android 14", "android 15"), 9, 52, 6144, 3300, is_crashing=True),
    Device("android", "samsung", "SM-S921B", ("android 14", "android 15"), 7, 60, 8192, 1700),
    Device("android", "xiaomi", "Redmi Note 12", ("android 13", "android 14"), 9, 45, 6144, 3900, is_crashing=True),
    Device("android", "xiaomi", "Redmi 9A", ("android 10", "android 11"), 6, 27, 2048, 8100),
    Device("android", "motorola", "moto g54", ("android 13", "android 14"), 5, 47, 8192, 3500),
    Device("android", "google", "Pixel 8", ("android 14", "android 15"), 4, 60, 8192, 1600),
    Device("android", "oppo", "CPH2577", ("android 13",), 4, 44, 8192, 3700),
    Device("android", "amazon", "KFTRWI", ("android 11",), 2, 30, 3072, 7300),
    Device("ios", "apple", "iPhone14,5", ("ios 17.6", "ios 18.1"), 12, 60, 4096, 1500),
    Device("ios", "apple", "iPhone15,3", ("ios 17.6", "ios 18.1"), 9, 60, 6144, 1200),
    Device("ios", "apple", "iPhone12,1", ("ios 16.7", "ios 17.6"), 7, 57, 4096, 2100),
    Device("ios", "apple", "iPad13,18", ("ipados 17.6", "ipados 18.1"), 5, 60, 4096, 1700),
    Device("windows", "unknown", "Desktop", ("windows 10.0.19045", "windows 10.0.22631"), 9, 118, 16384, 2600),
)

SDKS = {"android": ("unity 7.8.1", "unity 7.10.6"), "ios": ("unity 7.8.1", "unity 7.10.6"), "windows": ("mono 5.1.1",)}
"""The SDK of each platform, first that of the builds before 1.2.0."""

ENGINE = "unity 2022.3.51"

WORLDS, LEVELS_A_WORLD = 6, 12
LAST_LEVEL = WORLDS * LEVELS_A_WORLD
WALL_LEVEL = 15
"""A level that is much too hard: many give up there."""

EASIER_WALL_SINCE = "1.4.0"
"""The build that makes it a little easier."""


class Item(NamedTuple):
    """What the shop sells. `cents`: US cents. `gems`: what the buyer gets."""

    item_type: str
    item_id: str
    cents: int
    gems: int
    weight: float


STARTER_PACK = Item("bundle", "starter_pack", 199, 120, 0)
SALE_CHEST = Item("bundle", "harvest_chest", 499, 800, 0)
WHALE_ITEM = Item("gems", "gems_14000", 9999, 14_000, 0)
ITEMS = (
    Item("gems", "gems_80", 99, 80, 30),
    Item("gems", "gems_500", 499, 500, 28),
    Item("gems", "gems_1200", 999, 1_200, 14),
    Item("gems", "gems_6500", 4999, 6_500, 3),
    Item("pass", "season_pass", 799, 300, 16),
    Item("bundle", "island_bundle", 1499, 1_500, 9),
)

BOOSTERS = (("hammer", 150), ("swap", 200), ("rainbow", 350))
"""Names and what they cost in coins."""

DECORATIONS = (("bench", 400), ("fountain", 900), ("lighthouse", 2500))

TUTORIAL = (
    ("welcome", 0.99),
    ("first_match", 0.97),
    ("booster", 0.93),
    ("decorate", 0.90),
    ("done", 0.97),
)
"""Steps and which share of players goes on to each."""

LATER_TUTORIAL_VARIANT = "tutorial_b"
"""The variant of the tutorial that loses fewer players."""

VARIANTS = ("tutorial_a", LATER_TUTORIAL_VARIANT)
STYLES = ("casual", "collector", "competitor")

AD_NETWORKS = (("admob", 5.0), ("max", 7.5), ("ironsource", 6.0))
"""Networks and what a thousand impressions earn, in dollars."""


def level_id(number: int) -> str:
    """`world_02:level_03`: the parts of a progression event's id."""
    world, level = divmod(number - 1, LEVELS_A_WORLD)
    return f"world_{world + 1:02}:level_{level + 1:02}"


def win_chance(level: int, build: str) -> float:
    """How often a player of middling skill wins."""
    if level == WALL_LEVEL:
        return 0.32 if build >= EASIER_WALL_SINCE else 0.17
    ramp = 0.93 - 0.0045 * level
    return ramp - 0.16 if level % LEVELS_A_WORLD == 0 else ramp
