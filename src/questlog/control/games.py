"""Games and the event names they declare."""

import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Connection, Row, delete, select, update
from sqlalchemy.exc import IntegrityError

from questlog.control.audit_log import Action
from questlog.control.connections import insert
from questlog.control.errors import AlreadyExists, NotAllowed, NotFound
from questlog.control.names import checked_name
from questlog.control.part import Part
from questlog.control.tables import event_definitions, games
from questlog.model.calendar import UTC, UnknownZone, zone_named
from questlog.model.expiry import FOR_EVER, LEAST_KEEP_DAYS, MOST_KEEP_DAYS
from questlog.model.game import Game

_GAME_KEY = re.compile(r"[A-Za-z0-9]{32}")
_SECRET_KEY = re.compile(r"[A-Za-z0-9]{40}")
_MOST_TOLD = 100
MAX_EVENT_NAME = 256
"""Characters."""

MOST_KEEP_OLD_S = 180 * 86_400
"""How long a secret key or an API key can be accepted after it was replaced."""

IS_THERE = games.c.deleted_at.is_(None)
"""The condition that leaves out deleted games."""


class ListedGame(msgspec.Struct, frozen=True):
    """A game without its secret. `created_at` is UTC microseconds."""

    game_id: int
    name: str
    game_key: str
    is_enabled: bool
    is_strict: bool
    is_lenient: bool
    time_zone: str
    created_at: int
    keep_days: int | None = None


class GameChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a game; what is not set stays. `keep_days`: 0 = for ever, None = what the settings say."""

    name: str | UnsetType = UNSET
    is_enabled: bool | UnsetType = UNSET
    is_strict: bool | UnsetType = UNSET
    is_lenient: bool | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    keep_days: int | UnsetType | None = UNSET


class Games(Part):
    """The games."""

    def create_game(
        self, name: str, game_key: str | None = None, secret_key: str | None = None, time_zone: str = UTC.name
    ) -> Game:
        """Add a game, with a pair of keys of its own or the one given. Its days are those of `time_zone`.

        Raises `NotAllowed` for a name or a key of the wrong form and for an unknown time zone, `AlreadyExists` for a
        name or a key that is taken.
        """
        game = Game(
            game_id=0,
            name=_checked_game_name(name),
            game_key=secrets.token_hex(16) if game_key is None else game_key,
            secret_key=secrets.token_hex(20) if secret_key is None else secret_key,
            time_zone=_checked_time_zone(time_zone),
        )
        if not _GAME_KEY.fullmatch(game.game_key):
            raise NotAllowed("a game key has 32 letters and digits")
        if not _SECRET_KEY.fullmatch(game.secret_key):
            raise NotAllowed("a secret key has 40 letters and digits")
        with self._connections.write() as connection:
            _refuse_taken(connection, game)
            try:
                return self._insert_game(connection, game)
            except IntegrityError as error:
                raise AlreadyExists(f"the game {name!r} or its key exists already") from error

    def _insert_game(self, connection: Connection, game: Game) -> Game:
        values = {
            "name": game.name,
            "game_key": game.game_key,
            "secret_key": game.secret_key,
            "is_enabled": game.is_enabled,
            "is_strict": game.is_strict,
            "is_lenient": game.is_lenient,
            "time_zone": game.time_zone,
            "created_at": self._clock.now_us(),
        }
        game_id = connection.execute(insert(connection, games).values(values).returning(games.c.game_id)).scalar_one()
        self._mark_changed(connection)
        after = {"game_key": game.game_key, "time_zone": game.time_zone}
        self._record(connection, Action.GAME_CREATE, game=(game_id, game.name), after=after)
        return msgspec.structs.replace(game, game_id=game_id)

    def list_games(self) -> list[ListedGame]:
        """All games, the oldest first."""
        with self._connections.read() as connection:
            rows = connection.execute(select(games).where(IS_THERE).order_by(games.c.game_id)).all()
        return [ListedGame(**{name: getattr(row, name) for name in ListedGame.__struct_fields__}) for row in rows]

    def time_zones(self) -> dict[int, str]:
        """The name of each game's time zone, by its number. Raises `ControlUnavailable`."""
        return {game.game_id: game.time_zone for game in self.list_games()}

    def find_game(self, reference: str) -> Game:
        """The game of this number, else of this game key, else of this name. Raises `NotFound`."""
        with self._connections.read() as connection:
            row = game_row(connection, reference)
            names = select(event_definitions.c.name).where(event_definitions.c.game_id == row.game_id)
            return game_of(row, connection.execute(names).scalars())

    def enable_game(self, reference: str) -> Game:
        """Take its events (again). Raises `NotFound`."""
        return self.change_game(reference, GameChanges(is_enabled=True))

    def disable_game(self, reference: str) -> Game:
        """Take no more events; its clients are told to stop. Raises `NotFound`."""
        return self.change_game(reference, GameChanges(is_enabled=False))

    def set_strict(self, reference: str, is_strict: bool) -> Game:
        """Take only Satori events whose name is declared, or any. Raises `NotFound`."""
        return self.change_game(reference, GameChanges(is_strict=is_strict))

    def set_lenient(self, reference: str, is_lenient: bool) -> Game:
        """Take events with an optional annotation that breaks its rule, or drop them. Raises `NotFound`."""
        return self.change_game(reference, GameChanges(is_lenient=is_lenient))

    def set_time_zone(self, reference: str, time_zone: str) -> Game:
        """Let its days be those of this zone. Raises `NotFound`, and `NotAllowed` for an unknown zone."""
        return self.change_game(reference, GameChanges(time_zone=time_zone))

    def rename_game(self, reference: str, name: str) -> Game:
        """Give it another name. Raises `NotFound`, `NotAllowed`, `AlreadyExists`."""
        return self.change_game(reference, GameChanges(name=name))

    def set_keep_days(self, reference: str, keep_days: int | None) -> Game:
        """Keep its events for as many days: 0 = for ever, None = what the settings say.

        Raises `NotFound`, and `NotAllowed` for a number out of bounds.
        """
        return self.change_game(reference, GameChanges(keep_days=keep_days))

    def change_game(self, reference: str, changes: GameChanges) -> Game:
        """Make all of the changes, or none. Raises `NotFound`, `NotAllowed`, `AlreadyExists`."""
        return self._change(reference, _checked_changes(changes))

    def rotate_secret(self, reference: str, keep_old_s: int = 0) -> Game:
        """Give it a new secret key. The old one is refused after `keep_old_s` seconds, an older one from now on.

        Raises `NotFound`, and `NotAllowed` for more seconds than `MOST_KEEP_OLD_S`.
        """
        if not 0 <= keep_old_s <= MOST_KEEP_OLD_S:
            raise NotAllowed(f"an old key is kept for 0 to {MOST_KEEP_OLD_S} seconds")
        until = self._clock.now_us() + keep_old_s * 1_000_000 if keep_old_s else None
        with self._connections.write() as connection:
            row = locked_game_row(connection, reference)
            values = {
                "secret_key": secrets.token_hex(20),
                "old_secret_key": row.secret_key if keep_old_s else None,
                "old_secret_until": until,
            }
            connection.execute(update(games).where(games.c.game_id == row.game_id).values(values))
            self._mark_changed(connection)
            after = {"old_secret_until": until} if until else None
            self._record(connection, Action.SECRET_ROTATE, game=(row.game_id, row.name), after=after)
        return self.find_game(row.game_key)

    def end_old_secret(self, reference: str) -> Game:
        """Refuse the secret key before the last rotation from now on. Raises `NotFound`, also where there is none."""
        with self._connections.write() as connection:
            row = locked_game_row(connection, reference)
            if row.old_secret_key is None or row.old_secret_until <= self._clock.now_us():
                raise NotFound(f"the game {row.name!r} has no old secret key that is accepted")
            values = {"old_secret_key": None, "old_secret_until": None}
            connection.execute(update(games).where(games.c.game_id == row.game_id).values(values))
            self._mark_changed(connection)
            self._record(connection, Action.OLD_SECRET_END, game=(row.game_id, row.name))
        return self.find_game(row.game_key)

    def _change(self, reference: str, columns: Mapping[str, object]) -> Game:
        with self._connections.write() as connection:
            row = game_row(connection, reference)
            if columns:
                try:
                    connection.execute(update(games).where(games.c.game_id == row.game_id).values(columns))
                except IntegrityError as error:
                    raise AlreadyExists(f"there is a game {columns.get('name')!r} already") from error
                self._mark_changed(connection)
                self._record_change(connection, row, columns)
        return self.find_game(row.game_key)

    def _record_change(self, connection: Connection, row: Row[Any], columns: Mapping[str, object]) -> None:
        before = {name: getattr(row, name) for name in columns}
        self._record(connection, Action.GAME_UPDATE, game=(row.game_id, row.name), before=before, after=columns)

    def declare_event_names(self, reference: str, names: Iterable[str]) -> Game:
        """Let a strict game take these event names. Raises `NotFound`, `NotAllowed`."""
        declared = sorted({_checked_event_name(name) for name in names})
        with self._connections.write() as connection:
            row = game_row(connection, reference)
            now = self._clock.now_us()
            for name in declared:
                add = insert(connection, event_definitions).values(game_id=row.game_id, name=name, created_at=now)
                connection.execute(add.on_conflict_do_nothing())
            self._mark_changed(connection)
            if declared:
                after = {"declared_event_names": declared[:_MOST_TOLD]}
                self._record(connection, Action.GAME_UPDATE, game=(row.game_id, row.name), after=after)
        return self.find_game(row.game_key)

    def forget_event_names(self, reference: str, names: Iterable[str]) -> Game:
        """The opposite of `declare_event_names`; unknown names are no error. Raises `NotFound`."""
        with self._connections.write() as connection:
            row = game_row(connection, reference)
            forgotten = sorted(set(names))
            is_named = event_definitions.c.name.in_(forgotten)
            connection.execute(delete(event_definitions).where(event_definitions.c.game_id == row.game_id, is_named))
            self._mark_changed(connection)
            if forgotten:
                before = {"declared_event_names": forgotten[:_MOST_TOLD]}
                self._record(connection, Action.GAME_UPDATE, game=(row.game_id, row.name), before=before)
        return self.find_game(row.game_key)


def game_row(connection: Connection, reference: str) -> Row[Any]:
    """The row of the game of this number, else of this game key, else of this name. Raises `NotFound`.

    In this order: no name of a game takes the place of another game's number or key.
    """
    matches = [games.c.game_key == reference, games.c.name == reference]
    if reference.isascii() and reference.isdigit() and len(reference) < 10:
        matches.insert(0, games.c.game_id == int(reference))
    for match in matches:
        row = connection.execute(select(games).where(match, IS_THERE)).first()
        if row is not None:
            return row
    raise NotFound(f"there is no game {reference!r}")


def locked_game_row(connection: Connection, reference: str) -> Row[Any]:
    """`game_row`; until the transaction ends, no other one gets past here with this game. Raises `NotFound`."""
    row = game_row(connection, reference)
    # FOR NO KEY UPDATE: rows that refer to the game can be added meanwhile. SQLite has one writer and is told nothing.
    lock = select(games.c.game_id).where(games.c.game_id == row.game_id).with_for_update(key_share=True)
    connection.execute(lock)
    return row


def game_of(row: Row[Any], event_names: Iterable[str]) -> Game:
    """The game that a row of `games` is."""
    return Game(
        game_id=row.game_id,
        name=row.name,
        game_key=row.game_key,
        secret_key=row.secret_key,
        is_enabled=row.is_enabled,
        is_strict=row.is_strict,
        is_lenient=row.is_lenient,
        time_zone=row.time_zone,
        event_names=frozenset(event_names),
        keep_days=row.keep_days,
        old_secret_key=row.old_secret_key,
        old_secret_until=row.old_secret_until or 0,
    )


def _refuse_taken(connection: Connection, game: Game) -> None:
    taken = connection.execute(select(games.c.name).where(games.c.name == game.name)).first()
    if taken is not None:
        raise AlreadyExists(f"there is a game {game.name!r} already")
    taken = connection.execute(select(games.c.name).where(games.c.game_key == game.game_key)).first()
    if taken is not None:
        raise AlreadyExists(f"the game {taken.name!r} has this game key already")


def _checked_changes(changes: GameChanges) -> dict[str, object]:
    """The columns to change. Raises `NotAllowed`."""
    columns = {name: value for name, value in msgspec.structs.asdict(changes).items() if value is not UNSET}
    for name, checked in (("name", _checked_game_name), ("time_zone", _checked_time_zone)):
        if name in columns:
            columns[name] = checked(columns[name])
    if "keep_days" in columns:
        columns["keep_days"] = _checked_keep_days(columns["keep_days"])
    return columns


def _checked_keep_days(days: int | None) -> int | None:
    if days is not None and days != FOR_EVER and not LEAST_KEEP_DAYS <= days <= MOST_KEEP_DAYS:
        raise NotAllowed(f"events are kept for {LEAST_KEEP_DAYS} to {MOST_KEEP_DAYS} days, or for ever")
    return days


def _checked_game_name(name: str) -> str:
    if _GAME_KEY.fullmatch(name):
        raise NotAllowed(f"the name of a game is not 32 letters and digits, as a game key is: {name!r}")
    if name.isascii() and name.isdigit():
        raise NotAllowed(f"the name of a game is not a number, which addresses keep for the game with it: {name!r}")
    return checked_name("game", name)


def _checked_time_zone(name: str) -> str:
    try:
        return zone_named(name).name
    except UnknownZone as unknown:
        raise NotAllowed(str(unknown)) from unknown


def _checked_event_name(name: str) -> str:
    if not 1 <= len(name) <= MAX_EVENT_NAME or name.startswith("_") or not name.isprintable():
        raise NotAllowed(
            f"an event name has 1 to {MAX_EVENT_NAME} printable characters and does not start with _: {name[:40]!r}"
        )
    return name
