"""What is PostgreSQL's alone: many writers at once, connections that end, limits, and what its errors say."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select, text
from sqlalchemy.engine import make_url

from questlog.control import connections as module
from questlog.control.computed import ComputedProperty
from questlog.control.connections import Connections
from questlog.control.database import ControlDatabase
from questlog.control.errors import Collision, ControlError, ControlUnavailable
from questlog.control.identities import Origin, Properties
from questlog.control.migrate import migrate
from questlog.control.tables import SCHEMA_REVISION, games, metadata
from questlog.model.clock import SystemClock
from tests.support.postgres import PostgresServer

ORIGIN = Origin("server", "DE", {"apiKeyName": "server"})
NOTHING = Properties({}, {})

OPEN_AND_WRITE = """
import sys
from questlog.control.database import ControlDatabase
from questlog.model.clock import SystemClock
with ControlDatabase(sys.argv[1], SystemClock()) as control:
    control.create_game(sys.argv[2])
    print(control.signing_key())
"""


@pytest.fixture
def control(postgres_url: str) -> Iterator[ControlDatabase]:
    with ControlDatabase(postgres_url, SystemClock()) as database:
        yield database


@pytest.fixture
def opened(postgres_url: str) -> Iterator[Connections]:
    connections = Connections(postgres_url)
    yield connections
    connections.close()


def with_option(url: str, name: str, value: str) -> str:
    return make_url(url).update_query_dict({name: value}).render_as_string(hide_password=False)


def carry_over(left: Properties, joined: Properties | None) -> Properties:
    own = joined or NOTHING
    return Properties({**left.default, **own.default}, {**left.custom, **own.custom})


def test_two_identities_become_each_other_at_once(control: ControlDatabase) -> None:
    game_id = control.create_game("Tetris").game_id
    control.create_identities(game_id, ["player-01", "player-02"], ORIGIN)

    def identify(number: int) -> None:
        def merge(left: Properties, joined: Properties | None) -> Properties:
            return Properties({}, {**carry_over(left, joined).custom, f"key-{number}": "x"})

        ids = ("player-01", "player-02") if number % 2 else ("player-02", "player-01")
        control.identify(game_id, *ids, ORIGIN, merge)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(identify, range(80)))
    found = [control.identity(game_id, name) for name in ("player-01", "player-02")]
    assert {key for each in found if each for key in each.properties.custom} == {f"key-{n}" for n in range(80)}


def test_overlapping_identities_are_created_at_once(control: ControlDatabase) -> None:
    game_id = control.create_game("Tetris").game_id

    def create(number: int) -> dict[str, int]:
        names = [f"player-{number // 8}-{each:02}" for each in range(number % 8, number % 8 + 20)]
        return dict(control.create_identities(game_id, names, ORIGIN))

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(create, range(240)))
    assert all(len(each) == 20 for each in made), "none is announced, so all are returned"
    times: dict[str, set[int]] = {}
    for each in made:
        for name, created_at in each.items():
            times.setdefault(name, set()).add(created_at)
    assert all(len(each) == 1 for each in times.values())


def test_the_same_identities_are_announced_in_any_order(control: ControlDatabase) -> None:
    game_id = control.create_game("Tetris").game_id
    names = [f"player-{number:03}" for number in range(300)]
    control.create_identities(game_id, names, ORIGIN)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: control.mark_announced(game_id, names[:: 1 if n % 2 else -1]), range(40)))
    assert control.create_identities(game_id, names, ORIGIN) == {}


def test_computed_properties_of_identities_that_are_deleted_meanwhile(control: ControlDatabase) -> None:
    game_id = control.create_game("Tetris").game_id
    names = [f"player-{number:03}" for number in range(40)]

    def push(_: int) -> None:
        control.upsert_computed([ComputedProperty(game_id, name, "jump", 1, 1, 1) for name in reversed(names)])

    def delete(number: int) -> None:
        for name in names[number::4]:
            control.get_or_create_identity(game_id, name, ORIGIN, NOTHING)
            control.delete_identity(game_id, name)

    for _ in range(5):
        control.create_identities(game_id, names, ORIGIN)
        with ThreadPoolExecutor(8) as pool:
            done = [pool.submit(push, number) for number in range(4)] + [pool.submit(delete, n) for n in range(4)]
        for each in done:
            each.result()


def test_a_transaction_that_lost_is_tried_again(opened: Connections) -> None:
    tries: list[int] = []

    def lose_twice(_: object) -> int:
        tries.append(1)
        if len(tries) < 3:
            raise Collision("lost")
        return len(tries)

    assert opened.change(lose_twice) == 3


def test_a_deadlock_is_a_collision(control: ControlDatabase, postgres_url: str) -> None:
    impatient = Connections(with_option(postgres_url, "options", "-c deadlock_timeout=10ms"))
    ids = [control.create_game(name).game_id for name in ("Tetris", "Pong")]
    both_hold_one = threading.Barrier(2)

    def lock(order: list[int]) -> str:
        try:
            with impatient.write() as connection:
                connection.execute(select(games).where(games.c.game_id == order[0]).with_for_update())
                both_hold_one.wait(10)
                connection.execute(select(games).where(games.c.game_id == order[1]).with_for_update())
        except Collision:
            return "lost"
        return "won"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(lock, [ids, ids[::-1]])) == ["lost", "won"]
    impatient.close()


def test_no_call_fails_after_the_server_was_restarted(control: ControlDatabase, postgres: PostgresServer) -> None:
    game_id = control.create_game("Tetris").game_id
    with ExitStack() as held:
        for _ in range(4):  # so many are in the pool
            held.enter_context(control._connections.read())
    postgres.restart()
    control.revoke_session(game_id, "sid-1", 2**40)
    for _ in range(8):
        assert control.is_revoked(game_id, "player-01", "sid-1", 1)
        assert control.version() == 1
        assert [game.name for game in control.list_games()] == ["Tetris"]


def test_a_transaction_sees_one_state(control: ControlDatabase, opened: Connections) -> None:
    count = select(func.count()).select_from(games)
    with opened.read() as connection:
        assert connection.execute(count).scalar() == 0
        control.create_game("Tetris")
        assert connection.execute(count).scalar() == 0


def test_a_process_takes_no_more_than_its_share_of_connections(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CONNECTION_WAIT_S", 0.05)
    greedy = Connections(postgres_url)
    with ExitStack() as held:
        for _ in range(8):
            held.enter_context(greedy.read())
        with pytest.raises(ControlUnavailable, match="all connections of this process are in use"), greedy.read():
            pass
    greedy.close()


def shown(connections: Connections, name: str) -> object:
    with connections.read() as connection:
        return connection.execute(text(f"SHOW {name}")).scalar()


def test_statements_and_locks_have_a_time(opened: Connections, postgres_url: str) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "application_name")
    assert [shown(opened, name) for name in names] == ["10s", "5s", "1min", "questlog"]
    own = Connections(with_option(with_option(postgres_url, "options", "-c lock_timeout=7s"), "application_name", "me"))
    assert [shown(own, name) for name in names] == ["10s", "7s", "1min", "me"]
    own.close()


def test_what_waits_for_a_lock_for_too_long_is_told(control: ControlDatabase, opened: Connections) -> None:
    game = control.create_game("Tetris")
    locks = select(games).where(games.c.game_id == game.game_id).with_for_update()

    def lock() -> None:
        with opened.write() as connection:
            connection.execute(text("SET LOCAL lock_timeout = '10ms'"))
            connection.execute(locks)

    with opened.write() as holder:
        holder.execute(locks)
        with pytest.raises(ControlUnavailable, match="another connection holds a lock for too long"):
            lock()


def test_a_statement_that_takes_too_long_is_told(opened: Connections) -> None:
    def sleep() -> None:
        with opened.write() as connection:
            connection.execute(text("SET LOCAL statement_timeout = '10ms'"))
            connection.execute(text("SELECT pg_sleep(10)"))

    with pytest.raises(ControlUnavailable, match="a statement took too long"):
        sleep()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("host", "/nowhere", "the server does not answer"),
        ("dbname", "nobodys", "no database of this name"),
        ("user", "nobody", "refuses the user"),
        ("colour", "red", "has an option that PostgreSQL's client does not know"),
    ],
)
def test_what_is_wrong_is_said_without_the_drivers_text(postgres_url: str, option: str, value: str, said: str) -> None:
    with pytest.raises(ControlUnavailable, match=said) as caught:
        ControlDatabase(with_option(postgres_url, option, value), SystemClock())
    message = str(caught.value)
    assert "\n" not in message
    assert not any(word in message for word in ("psycopg", "libpq", "FATAL", "failed:", "SELECT", "sqlalche"))


def test_a_description_names_the_server_and_no_password(control: ControlDatabase, postgres: PostgresServer) -> None:
    described = control.describe()
    assert described.startswith("PostgreSQL 1")
    assert described.endswith(f" at {postgres.folder}, without TLS")


def test_the_migrations_make_the_tables_that_the_code_declares(postgres: PostgresServer) -> None:
    name = postgres.new_database()
    connections = Connections(postgres.url(name))
    migrate(connections)
    with connections.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    connections.close()
    postgres.drop_database(name)
    assert differences == []


def test_processes_that_start_at_once_share_one_database(postgres: PostgresServer) -> None:
    name = postgres.new_database()
    starting = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN_AND_WRITE, postgres.url(name), f"game {number}"], stdout=subprocess.PIPE
        )
        for number in range(3)
    ]
    printed = [process.communicate(timeout=100)[0] for process in starting]
    assert [process.returncode for process in starting] == [0, 0, 0]
    assert len(set(printed)) == 1
    assert postgres.execute("SELECT count(*) FROM games", name) == [(3,)]
    assert postgres.execute("SELECT version_num FROM alembic_version", name) == [(SCHEMA_REVISION,)]
    postgres.drop_database(name)


def test_a_failed_migration_leaves_nothing(postgres: PostgresServer) -> None:
    name = postgres.new_database()
    postgres.execute("CREATE TABLE games (mine int)", name)
    with pytest.raises(ControlError):
        ControlDatabase(postgres.url(name), SystemClock())
    tables = postgres.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", name)
    postgres.drop_database(name)
    assert tables == [("games",)]
