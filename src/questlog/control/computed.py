"""Computed properties: what the loader counts of an identity's events (satori.md §7)."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, select, tuple_

from questlog.control.connections import insert
from questlog.control.part import Part
from questlog.control.tables import computed_properties, identities

_ROWS_PER_STATEMENT = 2_000
_FIGURES = ("count", "seen_first", "seen_last", "value_sum", "value_high", "value_low")


class ComputedProperty(msgspec.Struct, frozen=True):
    """All events of one name of one identity. Times are UTC microseconds; values are None without a numeric one."""

    game_id: int
    identity_id: str
    name: str
    count: int
    seen_first: int
    seen_last: int
    value_sum: float | None = None
    value_high: float | None = None
    value_low: float | None = None


class ComputedProperties(Part):
    """Computed properties, written by the loader and read by the collectors."""

    def upsert_computed(self, rows: Sequence[ComputedProperty]) -> int:
        """Set these properties to these absolute figures, in one transaction. Returns how many were set.

        Those of unknown (or deleted) identities are left out. Raises `ControlUnavailable`.
        """
        return self._connections.change(lambda connection: _upsert_all(connection, rows))

    def computed(self, game_id: int, identity_id: str) -> list[ComputedProperty]:
        """The computed properties of an identity, by name."""
        table = computed_properties
        query = select(table).where(table.c.game_id == game_id, table.c.identity_id == identity_id)
        with self._connections.read() as connection:
            rows = connection.execute(query.order_by(table.c.name)).all()
        return [ComputedProperty(*row) for row in rows]


def _upsert_all(connection: Connection, rows: Sequence[ComputedProperty]) -> int:
    stored = 0
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        some = _of_known_identities(connection, rows[start : start + _ROWS_PER_STATEMENT])
        _upsert(connection, some)
        stored += len(some)
    return stored


def _of_known_identities(connection: Connection, rows: Sequence[ComputedProperty]) -> list[ComputedProperty]:
    """The rows whose identity exists, and stays until the transaction ends.

    One whose id has characters that no identity's has cannot be asked for.
    """
    table = identities
    wanted = sorted({(row.game_id, row.identity_id) for row in rows if row.identity_id.isprintable()})
    query = select(table.c.game_id, table.c.identity_id)
    query = query.where(tuple_(table.c.game_id, table.c.identity_id).in_(wanted))
    lock = query.order_by(table.c.game_id, table.c.identity_id).with_for_update(read=True, key_share=True)
    pairs = {(game_id, identity_id) for game_id, identity_id in connection.execute(lock)}
    return [row for row in rows if (row.game_id, row.identity_id) in pairs]


def _upsert(connection: Connection, rows: Sequence[ComputedProperty]) -> None:
    if not rows:
        return
    table = computed_properties
    add = insert(connection, table)
    change = add.on_conflict_do_update(
        index_elements=[table.c.game_id, table.c.identity_id, table.c.name],
        set_={name: add.excluded[name] for name in _FIGURES},
    )
    connection.execute(change, [msgspec.structs.asdict(row) for row in rows])
