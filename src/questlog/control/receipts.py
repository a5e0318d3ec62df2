"""What a game's receipts are checked with."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, select

from questlog.control.audit_log import Action
from questlog.control.connections import insert
from questlog.control.errors import NotAllowed
from questlog.control.games import game_row
from questlog.control.licence_key import read_licence_key
from questlog.control.part import Part
from questlog.control.tables import receipt_settings
from questlog.model.receipt import ReceiptSettings

_MOST_KEY_LENGTH = 4_096
_MOST_BUNDLE_ID_LENGTH = 255
_COLUMNS = ReceiptSettings.__struct_fields__


class Receipts(Part):
    """Google's licence keys and Apple's bundle ids of games."""

    def receipt_settings(self) -> Mapping[int, ReceiptSettings]:
        """Of every game that has some, by `game_id`."""
        with self._connections.read() as connection:
            rows = connection.execute(select(receipt_settings)).all()
        return {row.game_id: ReceiptSettings(*(getattr(row, name) for name in _COLUMNS)) for row in rows}

    def find_receipt_settings(self, reference: str) -> ReceiptSettings:
        """Of one game. Raises `NotFound`."""
        with self._connections.read() as connection:
            return _settings_of(connection, game_row(connection, reference).game_id)

    def change_receipt_settings(
        self, reference: str, google_licence_key: str | None = None, apple_bundle_id: str | None = None
    ) -> ReceiptSettings:
        """Change what is given; an empty text removes. Counts for purchases loaded from now on.

        Raises `NotFound`, and `NotAllowed` for a licence key that is not base64 of an RSA key.
        """
        given = {
            "google_licence_key": _checked("licence key", google_licence_key, _MOST_KEY_LENGTH),
            "apple_bundle_id": _checked("bundle id", apple_bundle_id, _MOST_BUNDLE_ID_LENGTH),
        }
        if google_licence_key and read_licence_key(google_licence_key) is None:
            raise NotAllowed("the licence key is not base64 of an RSA key, as the Play Console shows it")
        changes = {name: value or None for name, value in given.items() if value is not None}
        with self._connections.write() as connection:
            game = game_row(connection, reference)
            game_id = game.game_id
            before = _settings_of(connection, game_id)
            settings = msgspec.structs.replace(before, **changes)
            values = msgspec.structs.asdict(settings)
            add = insert(connection, receipt_settings).values(game_id=game_id, **values)
            connection.execute(add.on_conflict_do_update(index_elements=[receipt_settings.c.game_id], set_=values))
            self._mark_changed(connection)
            self._record(
                connection,
                Action.RECEIPTS_UPDATE,
                game=(game_id, game.name),
                before=msgspec.structs.asdict(before),
                after=values,
            )
        return settings


def _settings_of(connection: Connection, game_id: int) -> ReceiptSettings:
    row = connection.execute(select(receipt_settings).where(receipt_settings.c.game_id == game_id)).first()
    return ReceiptSettings() if row is None else ReceiptSettings(*(getattr(row, name) for name in _COLUMNS))


def _checked(what: str, value: str | None, max_length: int) -> str | None:
    if value is not None and not (value.isascii() and value.isprintable() and len(value) <= max_length):
        raise NotAllowed(f"a {what} has at most {max_length} printable ASCII characters")
    return value
