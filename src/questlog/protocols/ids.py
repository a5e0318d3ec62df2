"""Texts that clients send where they have no id (metrics.md §7)."""

from collections.abc import Sequence
from itertools import product

from questlog.model.event import NIL_UUID


def _in_any_case(word: str) -> set[str]:
    return {"".join(letters) for letters in product(*((letter, letter.upper()) for letter in word))}


_NO_IDS = frozenset(
    {NIL_UUID, NIL_UUID.replace("-", ""), f"{{{NIL_UUID}}}", *_in_any_case("null"), *_in_any_case("undefined")}
)


def known_ids(ids: Sequence[str | None]) -> Sequence[str | None]:
    """The ids, None in place of the nil UUID, `null` and `undefined`: they would make all events duplicates of one."""
    if _NO_IDS.isdisjoint(ids):
        return ids
    return [None if event_id in _NO_IDS else event_id for event_id in ids]


def known_players(player_ids: Sequence[str | None]) -> Sequence[str | None]:
    """The players, None in place of the nil UUID: Nakama's system user, or a client that knows no player."""
    if NIL_UUID not in player_ids:
        return player_ids
    return [None if player_id == NIL_UUID else player_id for player_id in player_ids]
