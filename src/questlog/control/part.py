"""What every part of the control database is made of."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from questlog.control.actor import MAX_WHO, Actor, acting
from questlog.control.connections import Connections, insert
from questlog.control.tables import audit_log, markers
from questlog.model.clock import Clock

VERSION_MARKER = "version"
_MAX_SUBJECT = 4_000
REVOCATION_MARKER = "revocation"
OWN_MARKERS = {VERSION_MARKER, REVOCATION_MARKER}


class Part:
    """Some tables of the control database and what is done with them. Any number of threads may use it."""

    def __init__(self, connections: Connections, clock: Clock) -> None:
        self._connections = connections
        self._clock = clock
        self._version = connections.lookup(select(markers.c.value).where(markers.c.name == VERSION_MARKER))

    def version(self) -> int:
        """A number that grows with every change a snapshot shows, made by whichever process. Cheap enough to poll."""
        value: Any = self._version.value({})
        return int(value or 0)

    def _mark_changed(self, connection: Connection) -> None:
        """To be called in every transaction that changes what a snapshot shows."""
        self._next_number(connection, VERSION_MARKER)

    def _next_number(self, connection: Connection, marker: str) -> int:
        """One more than last time. Until the transaction ends no other one gets past here with this marker."""
        add = insert(connection, markers).values(name=marker, value=1)
        change = add.on_conflict_do_update(index_elements=[markers.c.name], set_={"value": markers.c.value + 1})
        number: int = connection.execute(change.returning(markers.c.value)).scalar_one()
        return number

    def _record(
        self,
        connection: Connection,
        action: str,
        *,
        actor: Actor | None = None,
        game: tuple[int, str | None] | None = None,
        subject: str | None = None,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an entry to the audit log, in the transaction of the change. `game` is its number and name.

        To be called in every transaction that people cause. Secrets must not be in `before` and `after`.
        """
        actor = actor or acting()
        row = {
            "at": self._clock.now_us(),
            "who": actor.who[:MAX_WHO],
            "action": str(action),
            "game_id": game[0] if game else None,
            "game": game[1] if game else None,
            "subject": _cut(subject),
            "before": before,
            "after": after,
            "address": actor.address,
        }
        connection.execute(
            insert(connection, audit_log).values({name: row[name] for name in row if row[name] is not None})
        )


def _cut(subject: str | None) -> str | None:
    """A text that any database stores: cut to a bound, without NUL and halves of characters."""
    if subject is None:
        return None
    return subject[:_MAX_SUBJECT].encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
