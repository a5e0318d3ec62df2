"""What the pages remember for a user or token: starred boards and the like."""

from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, select

from questlog.control.connections import insert
from questlog.control.errors import NotAllowed
from questlog.control.part import Part
from questlog.control.tables import preferences

MAX_PREFERENCE_BYTES = 65_536
MAX_PREFERENCES = 200
"""Of one user or token."""


class Preferences(Part):
    """JSON values by name, of each user or token. `who` is as in the audit log."""

    def preference(self, who: str, name: str) -> Any:
        """The value; None where there is none."""
        query = select(preferences.c.value).where(preferences.c.who == who, preferences.c.name == name)
        with self._connections.read() as connection:
            return connection.execute(query).scalar()

    def set_preference(self, who: str, name: str, value: Any) -> None:
        """Remember a value; None forgets it. Raises `NotAllowed` for one that is too large, and for too many."""
        if len(msgspec.json.encode(value)) > MAX_PREFERENCE_BYTES:
            raise NotAllowed(f"a preference has at most {MAX_PREFERENCE_BYTES} bytes of JSON")
        is_one = (preferences.c.who == who, preferences.c.name == name)
        with self._connections.write() as connection:
            connection.execute(delete(preferences).where(*is_one))
            if value is None:
                return
            count = select(func.count()).select_from(preferences).where(preferences.c.who == who)
            if connection.execute(count).scalar_one() >= MAX_PREFERENCES:
                raise NotAllowed(f"a user has at most {MAX_PREFERENCES} preferences")
            row = {"who": who, "name": name, "value": value, "updated_at": self._clock.now_us()}
            connection.execute(insert(connection, preferences).values(row))


def forget_preferences(connection: Connection, who: str) -> None:
    """Delete all of a user who is removed."""
    connection.execute(delete(preferences).where(preferences.c.who == who))
