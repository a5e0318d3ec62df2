"""What every part of the control database is made of."""

from typing import Any

from sqlalchemy import Connection, select

from questlog.control.connections import Connections, insert
from questlog.control.tables import markers
from questlog.model.clock import Clock

VERSION_MARKER = "version"


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
        add = insert(connection, markers).values(name=VERSION_MARKER, value=1)
        connection.execute(
            add.on_conflict_do_update(index_elements=[markers.c.name], set_={"value": markers.c.value + 1})
        )
