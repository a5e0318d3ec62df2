"""What collectors need of the control database, as one value."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Row, or_, select

from questlog.control.games import IS_THERE, game_of
from questlog.control.part import VERSION_MARKER, Part
from questlog.control.tables import api_keys, event_definitions, games, markers
from questlog.model.game import ApiKey, Game


class ControlSnapshot(msgspec.Struct, frozen=True):
    """All games, all live API keys, and those that were replaced and are still accepted, as of `version`."""

    version: int
    games_by_id: Mapping[int, Game]
    games_by_key: Mapping[str, Game]
    api_keys: Mapping[str, ApiKey]  # by the key itself, a lower-case UUID
    api_keys_by_name: Mapping[str, tuple[ApiKey, ...]]

    def api_key(self, key: str) -> ApiKey | None:
        """The key with this value, in whatever case it was sent; its `ends_at` may be over."""
        return self.api_keys.get(key.lower())

    def api_key_named(self, name: str, game_id: int | None = None) -> ApiKey | None:
        """The key of this name: of that game, or of whichever game when only one has such a key; else None."""
        named = self.api_keys_by_name.get(name, ())
        if game_id is not None:
            named = tuple(api_key for api_key in named if api_key.game_id == game_id)
        return named[0] if len(named) == 1 else None


class Snapshots(Part):
    """Makes snapshots."""

    def snapshot(self) -> ControlSnapshot:
        """The present state, consistent in itself."""
        with self._connections.read() as connection:
            # First: on a database without snapshot isolation the rest may be newer than the version, never older.
            version = connection.execute(select(markers.c.value).where(markers.c.name == VERSION_MARKER)).scalar()
            game_rows = connection.execute(select(games).where(IS_THERE)).all()
            name_rows = connection.execute(select(event_definitions)).all()
            is_live = or_(api_keys.c.revoked_at.is_(None), api_keys.c.revoked_at > self._clock.now_us())
            live_keys = select(api_keys).where(is_live).order_by(api_keys.c.api_key_id)
            key_rows = connection.execute(live_keys).all()
        all_games = _games(game_rows, name_rows)
        there = {game.game_id for game in all_games}
        keys = [ApiKey(row.game_id, row.name, row.key, row.revoked_at) for row in key_rows if row.game_id in there]
        return ControlSnapshot(
            version=version or 0,
            games_by_id={game.game_id: game for game in all_games},
            games_by_key={game.game_key: game for game in all_games},
            api_keys={api_key.key: api_key for api_key in keys},
            api_keys_by_name=_by_name(keys),
        )


def _games(game_rows: Iterable[Row[Any]], name_rows: Iterable[Row[Any]]) -> list[Game]:
    names: dict[int, list[str]] = defaultdict(list)
    for row in name_rows:
        names[row.game_id].append(row.name)
    return [game_of(row, names[row.game_id]) for row in game_rows]


def _by_name(keys: Iterable[ApiKey]) -> dict[str, tuple[ApiKey, ...]]:
    by_name: dict[str, tuple[ApiKey, ...]] = {}
    for api_key in keys:
        if api_key.ends_at is not None:
            continue
        by_name[api_key.name] = (*by_name.get(api_key.name, ()), api_key)
    return by_name
