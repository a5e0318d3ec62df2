"""The pages of the tool, in the order of the navigation; a page is shown once it is there, to those who may see it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from questlog.console.access import Caller, Right
from questlog.web.translations import mark


class Place(NamedTuple):
    """A page in the navigation: the last part of its address below the game, its title and the right it needs."""

    name: str
    title: str
    right: Right = Right.VIEW
    is_for_all_games: bool = False


class Group(NamedTuple):
    """Pages that belong together."""

    title: str
    places: Sequence[Place]


GROUPS = (
    Group(
        mark("Watch"),
        (
            Place("overview", mark("Overview")),
            Place("realtime", mark("Realtime")),
            Place("live", mark("Live events"), Right.PERSONAL_DATA),
        ),
    ),
    Group(
        mark("Understand"),
        (
            Place("engagement", mark("Engagement")),
            Place("retention", mark("Retention")),
            Place("monetization", mark("Monetization")),
            Place("progression", mark("Progression")),
            Place("economy", mark("Economy")),
            Place("explore", mark("Explore")),
            Place("funnels", mark("Funnels")),
            Place("paths", mark("Paths")),
            Place("segments", mark("Segments")),
        ),
    ),
    Group(mark("Players"), (Place("players", mark("Players"), Right.PERSONAL_DATA),)),
    Group(
        mark("Quality"),
        (Place("errors", mark("Errors")), Place("health", mark("Health")), Place("ads", mark("Ads"))),
    ),
    Group(
        mark("Own"),
        (
            Place("boards", mark("Boards")),
            Place("metrics", mark("Metrics")),
            Place("sql", mark("SQL"), Right.SQL),
            Place("annotations", mark("Annotations")),
        ),
    ),
    Group(
        mark("Settings"),
        (
            Place("integration", mark("Integration")),
            Place("game", mark("Game"), Right.MANAGE),
            Place("keys", mark("Keys"), Right.KEYS),
            Place("data", mark("Data"), Right.MANAGE),
            Place("team", mark("Team"), Right.PEOPLE),
            Place("server", mark("Server"), Right.MANAGE, is_for_all_games=True),
        ),
    ),
)


def groups_for(caller: Caller, game_id: int, built: Iterable[str]) -> list[Group]:
    """What a caller finds in the navigation."""
    there = frozenset(built)
    groups = [
        Group(group.title, [place for place in group.places if place.name in there and _may(caller, place, game_id)])
        for group in GROUPS
    ]
    return [group for group in groups if group.places]


def _may(caller: Caller, place: Place, game_id: int) -> bool:
    return caller.may_everywhere(place.right) if place.is_for_all_games else caller.may(place.right, game_id)


def title_of_page(name: str) -> str:
    """A page's title."""
    return next((place.title for group in GROUPS for place in group.places if place.name == name), name)
