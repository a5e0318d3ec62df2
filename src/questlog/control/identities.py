"""Satori identities and their properties (satori.md §7)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Row, Select, delete, select, update
from sqlalchemy.exc import IntegrityError

from questlog.control.connections import insert
from questlog.control.errors import ControlUnavailable, NotAllowed
from questlog.control.part import Part
from questlog.control.tables import identities

_ATTEMPTS = 3
_MAX_ID_LENGTH = 128
_MAX_PROPERTIES = 256
_MAX_PROPERTIES_BYTES = 1024 * 1024
_MAX_IDS_PER_QUERY = 5_000

_Result = TypeVar("_Result")


class Properties(msgspec.Struct, frozen=True):
    """An identity's default and custom properties; all values are text."""

    default: Mapping[str, str]
    custom: Mapping[str, str]


class Identity(msgspec.Struct, frozen=True):
    """One player of one game as Satori's clients know them. Times are UTC microseconds.

    `announced_at` is None until the journal is known to tell of the creation.
    """

    game_id: int
    identity_id: str
    created_at: int
    updated_at: int
    announced_at: int | None
    api_key_name: str | None
    country: str | None
    properties: Properties


class Origin(msgspec.Struct, frozen=True):
    """What a new identity is told about where it came from; `default` are the properties the server sets."""

    api_key_name: str | None
    country: str | None
    default: Mapping[str, str]


Merge = Callable[[Properties, Properties | None], Properties]
"""(of the identity that is left, of the one that is joined or None when it is new) -> of the one that is joined."""


class Identities(Part):
    """Identities and their default and custom properties. Every change is durable when a method returns.

    An identity has at most 256 properties of each kind, together 1 MiB as JSON: a change to more raises `NotAllowed`.
    """

    def get_or_create_identity(self, game_id: int, identity_id: str, origin: Origin, given: Properties) -> Identity:
        """The identity with the `given` properties merged in key by key.

        Writes nothing when nothing changes. Raises `ControlUnavailable`.
        """
        with self._connections.read() as connection:
            row = _row(connection, game_id, identity_id)
        if row is not None:
            present = _identity(row)
            if _merged(present.properties, given) == present.properties:
                return present
        return self._retrying(lambda connection: self._merge_or_insert(connection, game_id, identity_id, origin, given))

    def _merge_or_insert(
        self, connection: Connection, game_id: int, identity_id: str, origin: Origin, given: Properties
    ) -> Identity:
        row = _row_to_change(connection, game_id, identity_id)
        if row is not None:
            return self._update(connection, row, _merged(_identity(row).properties, given))
        first = _merged(Properties(origin.default, {}), given)
        return self._insert(connection, game_id, identity_id, origin, first)

    def create_identities(self, game_id: int, identity_ids: Iterable[str], origin: Origin) -> Mapping[str, int]:
        """Create those that do not exist, in one transaction.

        Returns when each that is not announced was created, those of earlier calls too. Raises `ControlUnavailable`.
        """
        wanted = sorted(set(identity_ids))
        with self._connections.read() as connection:
            present = _present(connection, game_id, wanted)
        if len(present) == len(wanted):
            return _unannounced(present)
        return self._retrying(lambda connection: self._insert_absent(connection, game_id, wanted, origin))

    def _insert_absent(
        self, connection: Connection, game_id: int, identity_ids: list[str], origin: Origin
    ) -> Mapping[str, int]:
        present = _present(connection, game_id, identity_ids)
        first = Properties(origin.default, {})
        created = [
            self._new(game_id, _checked_id(identity_id), origin, first)
            for identity_id in identity_ids
            if identity_id not in present
        ]
        if created:
            add = insert(connection, identities).on_conflict_do_nothing().returning(identities.c.identity_id)
            added = connection.execute(add, [_values(identity) for identity in created]).all()
            if len(added) < len(created):  # another process has created some just now
                return _unannounced(_present(connection, game_id, identity_ids))
        return _unannounced(present) | {identity.identity_id: identity.created_at for identity in created}

    def mark_announced(self, game_id: int, identity_ids: Sequence[str]) -> None:
        """The journal tells of the creation of these identities. Raises `ControlUnavailable`."""
        self._connections.change(lambda connection: self._mark(connection, game_id, sorted(identity_ids)))

    def _mark(self, connection: Connection, game_id: int, identity_ids: Sequence[str]) -> None:
        now = self._clock.now_us()
        for some in _parts(identity_ids):
            is_one = (identities.c.game_id == game_id, identities.c.identity_id.in_(some))
            connection.execute(_locked(select(identities.c.identity_id).where(*is_one))).all()
            connection.execute(update(identities).where(*is_one).values(announced_at=now))

    def identify(self, game_id: int, from_id: str, to_id: str, origin: Origin, merge: Merge) -> Identity:
        """Move from one identity to another: the other's properties become what `merge` says.

        Returns the other; the first stays as it is. `merge` may be called more than once. Raises `ControlUnavailable`.
        """
        return self._retrying(lambda connection: self._identify(connection, game_id, from_id, to_id, origin, merge))

    def _identify(
        self, connection: Connection, game_id: int, from_id: str, to_id: str, origin: Origin, merge: Merge
    ) -> Identity:
        rows = _rows_to_change(connection, game_id, [from_id, to_id])
        left, joined = rows.get(from_id), rows.get(to_id)
        old = _identity(left).properties if left is not None else Properties({}, {})
        if joined is not None:
            return self._update(connection, joined, merge(old, _identity(joined).properties))
        return self._insert(connection, game_id, to_id, origin, merge(old, None))

    def update_properties(self, game_id: int, identity_id: str, given: Properties) -> Identity | None:
        """Merge the `given` properties in key by key; None when there is no such identity."""
        return self._retrying(lambda connection: self._merge_given(connection, game_id, identity_id, given))

    def _merge_given(
        self, connection: Connection, game_id: int, identity_id: str, given: Properties
    ) -> Identity | None:
        row = _row_to_change(connection, game_id, identity_id)
        return None if row is None else self._update(connection, row, _merged(_identity(row).properties, given))

    def identity(self, game_id: int, identity_id: str) -> Identity | None:
        """The identity, if there is one."""
        with self._connections.read() as connection:
            row = _row(connection, game_id, identity_id)
        return None if row is None else _identity(row)

    def delete_identity(self, game_id: int, identity_id: str) -> bool:
        """Forget the identity and all its properties. Returns whether there was one. Revokes no tokens."""
        is_it = (identities.c.game_id == game_id, identities.c.identity_id == identity_id)
        deletion = delete(identities).where(*is_it)
        return self._connections.change(lambda connection: connection.execute(deletion).rowcount > 0)

    def _insert(
        self, connection: Connection, game_id: int, identity_id: str, origin: Origin, properties: Properties
    ) -> Identity:
        identity = self._new(game_id, _checked_id(identity_id), origin, _checked(properties))
        connection.execute(insert(connection, identities).values(_values(identity)))
        return identity

    def _new(self, game_id: int, identity_id: str, origin: Origin, properties: Properties) -> Identity:
        now = self._clock.now_us()
        return Identity(game_id, identity_id, now, now, None, origin.api_key_name, origin.country, properties)

    def _update(self, connection: Connection, row: Row[Any], properties: Properties) -> Identity:
        present = _identity(row)
        if present.properties == properties:
            return present
        _checked(properties)
        # Every state is newer than the one before, also by another machine's clock.
        now = max(self._clock.now_us(), present.updated_at + 1)
        is_it = (identities.c.game_id == row.game_id, identities.c.identity_id == row.identity_id)
        connection.execute(
            update(identities)
            .where(*is_it)
            .values(
                updated_at=now,
                default_properties=dict(properties.default),
                custom_properties=dict(properties.custom),
            )
        )
        return msgspec.structs.replace(present, updated_at=now, properties=properties)

    def _retrying(self, change: Callable[[Connection], _Result]) -> _Result:
        """Do it in one transaction, again when another process has created the same identity meanwhile."""
        for _ in range(_ATTEMPTS):
            with suppress(IntegrityError):
                return self._connections.change(change)
        raise ControlUnavailable("control database: the identity could not be stored, it kept changing")


def _row(connection: Connection, game_id: int, identity_id: str) -> Row[Any] | None:
    return connection.execute(_query(game_id, identity_id)).first()


def _row_to_change(connection: Connection, game_id: int, identity_id: str) -> Row[Any] | None:
    """It, if it exists, locked."""
    return connection.execute(_locked(_query(game_id, identity_id))).first()


def _rows_to_change(connection: Connection, game_id: int, identity_ids: Sequence[str]) -> dict[str, Row[Any]]:
    """Those that exist, locked."""
    is_one = (identities.c.game_id == game_id, identities.c.identity_id.in_(sorted(set(identity_ids))))
    return {row.identity_id: row for row in connection.execute(_locked(select(identities).where(*is_one)))}


def _locked(query: Select[Any]) -> Select[Any]:
    """The rows locked in one order, so that two transactions do not wait for each other.

    Rows that refer to them can be added meanwhile. The lock matters on PostgreSQL only; SQLite has one writer.
    """
    return query.order_by(identities.c.identity_id).with_for_update(key_share=True)


def _query(game_id: int, identity_id: str) -> Select[Any]:
    return select(identities).where(identities.c.game_id == game_id, identities.c.identity_id == identity_id)


def _present(connection: Connection, game_id: int, identity_ids: Sequence[str]) -> dict[str, Row[Any]]:
    columns = (identities.c.identity_id, identities.c.created_at, identities.c.announced_at)
    present: dict[str, Row[Any]] = {}
    for some in _parts(identity_ids):
        query = select(*columns).where(identities.c.game_id == game_id, identities.c.identity_id.in_(some))
        present |= {row.identity_id: row for row in connection.execute(query)}
    return present


def _unannounced(present: Mapping[str, Row[Any]]) -> dict[str, int]:
    return {identity_id: row.created_at for identity_id, row in present.items() if row.announced_at is None}


def _parts(identity_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(identity_ids), _MAX_IDS_PER_QUERY):
        yield identity_ids[start : start + _MAX_IDS_PER_QUERY]


def _identity(row: Row[Any]) -> Identity:
    return Identity(
        game_id=row.game_id,
        identity_id=row.identity_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        announced_at=row.announced_at,
        api_key_name=row.api_key_name,
        country=row.country,
        properties=Properties(row.default_properties, row.custom_properties),
    )


def _values(identity: Identity) -> dict[str, object]:
    return {
        "game_id": identity.game_id,
        "identity_id": identity.identity_id,
        "created_at": identity.created_at,
        "updated_at": identity.updated_at,
        "announced_at": identity.announced_at,
        "api_key_name": identity.api_key_name,
        "country": identity.country,
        "default_properties": dict(identity.properties.default),
        "custom_properties": dict(identity.properties.custom),
    }


def _checked_id(identity_id: str) -> str:
    if not 1 <= len(identity_id) <= _MAX_ID_LENGTH or not identity_id.isprintable():
        raise NotAllowed(f"the id of an identity has 1 to {_MAX_ID_LENGTH} printable characters")
    return identity_id


def _checked(properties: Properties) -> Properties:
    for kind, values in (("default", properties.default), ("custom", properties.custom)):
        if len(values) > _MAX_PROPERTIES:
            raise NotAllowed(f"an identity has at most {_MAX_PROPERTIES} {kind} properties")
    if len(msgspec.json.encode(properties)) > _MAX_PROPERTIES_BYTES:
        raise NotAllowed(f"an identity's properties have at most {_MAX_PROPERTIES_BYTES} bytes as JSON")
    return properties


def _merged(present: Properties, given: Properties) -> Properties:
    return Properties({**present.default, **given.default}, {**present.custom, **given.custom})
