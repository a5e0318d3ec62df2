"""What an installation keeps about itself: its signing key, and places up to which work was done."""

import secrets

from sqlalchemy import select

from questlog.control.connections import insert
from questlog.control.errors import NotAllowed
from questlog.control.part import OWN_MARKERS, Part
from questlog.control.tables import kept_values, markers

_SIGNING_KEY = "signing_key"
_FORM_KEY = "form_key"
_INSTALLATION_ID = "installation_id"


class Installation(Part):
    """Values that belong to no game."""

    def signing_key(self) -> str:
        """The key for session tokens where the settings name none: made once, then always the same."""
        return self._made_once(_SIGNING_KEY)

    def form_key(self) -> str:
        """The key that ties a page's forms to a browser: made once, then the same in every process."""
        return self._made_once(_FORM_KEY)

    def installation_id(self) -> str:
        """What tells this control database from others: made once, then the same in every process."""
        return self._made_once(_INSTALLATION_ID)

    def _made_once(self, name: str) -> str:
        query = select(kept_values.c.value).where(kept_values.c.name == name)
        with self._connections.read() as connection:
            present: str | None = connection.execute(query).scalar()
        if present is not None:
            return present
        with self._connections.write() as connection:
            row = {"name": name, "value": secrets.token_hex(32)}
            connection.execute(insert(connection, kept_values).values(row).on_conflict_do_nothing())
            made: str = connection.execute(query).scalar_one()
        return made

    def marker(self, name: str) -> int | None:
        """The number that `set_marker` was last given under this name."""
        with self._connections.read() as connection:
            value: int | None = connection.execute(select(markers.c.value).where(markers.c.name == name)).scalar()
        return value

    def set_marker(self, name: str, value: int) -> None:
        """Remember a number. Raises `NotAllowed` for the names that are the control database's own."""
        if name in OWN_MARKERS:
            raise NotAllowed(f"the marker `{name}` is set by changes")
        with self._connections.write() as connection:
            add = insert(connection, markers).values(name=name, value=value)
            connection.execute(add.on_conflict_do_update(index_elements=[markers.c.name], set_={"value": value}))
