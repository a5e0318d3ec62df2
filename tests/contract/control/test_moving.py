from pathlib import Path

import pytest

from questlog.control.computed import ComputedProperty
from questlog.control.connections import Connections
from questlog.control.database import ControlDatabase
from questlog.control.errors import ControlError, NotAllowed
from questlog.control.identities import Origin, Properties
from questlog.control.moving import move
from questlog.control.tables import metadata
from questlog.model.clock import SystemClock


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "old.sqlite3"
    with ControlDatabase(path, SystemClock()) as control:
        control.ensure_sandbox()
        game = control.create_game("Tetris", time_zone="Europe/Berlin")
        control.declare_event_names("Tetris", ["jump", "fall"])
        control.create_token("ci")
        control.create_user("ann@example.com", "correct horse")
        control.change_receipt_settings("Tetris", apple_bundle_id="com.example")
        control.put_definition("Tetris", "segment", "whales", {"all": ["ü\0"]}, "ann@example.com")
        names = [f"player-{number:05}" for number in range(1_200)]
        control.create_identities(game.game_id, names, Origin("server", None, {"a": "\0"}))
        control.update_properties(game.game_id, names[0], Properties({}, {"level": "3"}))
        control.upsert_computed([ComputedProperty(game.game_id, names[0], "jump", 2, 3, 4, 0.1, 1e300, -1.5)])
        control.revoke_session(game.game_id, "sid", 2**33)
        control.revoke_all(game.game_id, names[1], 5, 2**33)
        control.set_marker("loaded", 7)
        control.signing_key()
    return path


def rows(place: str | Path) -> dict[str, list[tuple[object, ...]]]:
    connections = Connections(place)
    with connections.read() as connection:
        found = {
            table.name: sorted((tuple(row) for row in connection.execute(table.select())), key=repr)
            for table in metadata.sorted_tables
        }
    connections.close()
    return found


def test_every_row_of_every_table_is_moved(source: Path, place: str | Path) -> None:
    counts = move(source, place)
    assert rows(place) == rows(source)
    assert counts == {name: len(found) for name, found in rows(source).items()}
    assert counts["identities"] == 1_200


def test_numbers_go_on_after_the_move(source: Path, place: str | Path) -> None:
    move(source, place)
    with ControlDatabase(place, SystemClock()) as control:
        assert control.create_game("Pong").game_id == 3
        control.create_token("second")
        control.create_user("bob@example.com", "correct horse")
        control.create_api_key("Tetris", "server")
        assert control.check_password("ann@example.com", "correct horse")
        assert control.is_revoked(2, "any", "sid", 1)


def test_it_can_be_moved_back(source: Path, postgres_url: str, tmp_path: Path) -> None:
    move(source, postgres_url)
    move(postgres_url, tmp_path / "back.sqlite3")
    assert rows(tmp_path / "back.sqlite3") == rows(source)


def test_a_database_with_rows_is_not_moved_to(source: Path, place: str | Path) -> None:
    with ControlDatabase(place, SystemClock()) as control:
        control.create_game("Pong")
    before = rows(place)
    with pytest.raises(NotAllowed, match="has rows in `"):
        move(source, place)
    assert rows(place) == before


def test_what_cannot_be_moved_whole_is_not_moved(source: Path, postgres_url: str) -> None:
    connections = Connections(source)
    with connections.write() as connection:  # as an older version could have stored it
        connection.exec_driver_sql("INSERT INTO event_definitions VALUES (2, 'x' || char(0), 5)")
    connections.close()
    with pytest.raises(ControlError, match="a character that cannot be stored"):
        move(source, postgres_url)
    assert not any(rows(postgres_url).values())
