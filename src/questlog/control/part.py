"""What every part of the control database is made of."""

from typing import Any

from sqlalchemy import Connection, select

from questlog.control.connections import Connections, insert
from questlog.control.tables import markers
from questlog.model.clock import Clock

VERSION_MARKER = "version"
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
