from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import pytest

from questlog.control.database import ControlDatabase
from questlog.control.errors import NotAllowed, NotFound
from questlog.control.identities import Identity, Origin, Properties


class Settable(Protocol):
    now: int


ORIGIN = Origin("server", "DE", {"apiKeyName": "server", "countryCode": "DE"})
NOTHING = Properties({}, {})


@pytest.fixture
def game_id(control: ControlDatabase) -> int:
    return control.create_game("Tetris").game_id


def carry_over(left: Properties, joined: Properties | None) -> Properties:
    own = joined or NOTHING
    return Properties({**left.default, **own.default}, {**left.custom, **own.custom})


def test_a_new_identity_has_its_origin_and_what_was_given(
    control: ControlDatabase, game_id: int, clock: Settable
) -> None:
    given = Properties({"email": "a@b.c", "countryCode": "FR"}, {"level": "3"})
    identity = control.get_or_create_identity(game_id, "player-01", ORIGIN, given)
    assert identity == Identity(
        game_id=game_id,
        identity_id="player-01",
        created_at=clock.now,
        updated_at=clock.now,
        announced_at=None,
        api_key_name="server",
        country="DE",
        properties=Properties({"apiKeyName": "server", "countryCode": "FR", "email": "a@b.c"}, {"level": "3"}),
    )
    assert control.identity(game_id, "player-01") == identity


def test_a_known_identity_is_merged_key_by_key(
    control: ControlDatabase, other: ControlDatabase, game_id: int, clock: Settable
) -> None:
    created = clock.now
    control.get_or_create_identity(game_id, "player-01", ORIGIN, Properties({"email": "a@b.c"}, {"a": "1", "b": "2"}))
    clock.now += 5
    later = Origin("client", "FR", {"apiKeyName": "client"})
    identity = other.get_or_create_identity(game_id, "player-01", later, Properties({}, {"b": "3"}))
    assert (identity.created_at, identity.updated_at) == (created, clock.now)
    assert (identity.api_key_name, identity.country) == ("server", "DE")
    assert identity.properties.default == {"apiKeyName": "server", "countryCode": "DE", "email": "a@b.c"}
    assert identity.properties.custom == {"a": "1", "b": "3"}


def test_an_identity_that_does_not_change_is_not_written(
    control: ControlDatabase, game_id: int, clock: Settable
) -> None:
    first = control.get_or_create_identity(game_id, "player-01", ORIGIN, Properties({"a": "1"}, {}))
    clock.now += 5
    assert control.get_or_create_identity(game_id, "player-01", ORIGIN, Properties({"a": "1"}, {})) == first


def test_the_same_identity_of_two_games_is_two(control: ControlDatabase, game_id: int) -> None:
    other_game = control.create_game("Pong").game_id
    control.get_or_create_identity(game_id, "player-01", ORIGIN, Properties({}, {"a": "1"}))
    assert control.identity(other_game, "player-01") is None


def test_it_is_created_once_by_many_threads(control: ControlDatabase, other: ControlDatabase, game_id: int) -> None:
    def arrive(number: int) -> int:
        database = (control, other)[number % 2]
        given = Properties({}, {f"key-{number}": "x"})
        return database.get_or_create_identity(game_id, "player-01", ORIGIN, given).created_at

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(arrive, range(24)))) == 1
    identity = control.identity(game_id, "player-01")
    assert identity is not None
    assert len(identity.properties.custom) == 24


def test_identities_of_events_are_created_once(control: ControlDatabase, game_id: int, clock: Settable) -> None:
    control.get_or_create_identity(game_id, "player-01", ORIGIN, Properties({"a": "1"}, {}))
    control.mark_announced(game_id, ["player-01"])
    ids = [f"player-{number:02}" for number in range(4)]
    created = control.create_identities(game_id, [*ids, *ids], ORIGIN)
    assert created == dict.fromkeys(("player-00", "player-02", "player-03"), clock.now)
    clock.now += 5
    assert control.create_identities(game_id, ids, ORIGIN) == created, "nobody has announced them"
    control.mark_announced(game_id, list(created))
    assert control.create_identities(game_id, ids, ORIGIN) == {}
    kept = control.identity(game_id, "player-01")
    made = control.identity(game_id, "player-02")
    assert kept is not None
    assert made is not None
    assert kept.properties.default["a"] == "1"
    assert made.properties == Properties(ORIGIN.default, {})


def test_more_identities_than_a_query_has_room_for(control: ControlDatabase, game_id: int) -> None:
    ids = [f"player-{number:05}" for number in range(5_100)]
    assert len(control.create_identities(game_id, ids, ORIGIN)) == 5_100
    control.mark_announced(game_id, ids)
    assert control.create_identities(game_id, ids, ORIGIN) == {}


def test_an_announced_identity_stays_so(control: ControlDatabase, game_id: int, clock: Settable) -> None:
    control.get_or_create_identity(game_id, "player-01", ORIGIN, NOTHING)
    clock.now += 5
    control.mark_announced(game_id, ["player-01"])
    updated = control.get_or_create_identity(game_id, "player-01", ORIGIN, Properties({"a": "1"}, {}))
    assert updated.announced_at == clock.now
    assert control.identity(game_id, "player-01") == updated


def test_identify_gives_the_joined_identity_what_merge_says(control: ControlDatabase, game_id: int) -> None:
    control.get_or_create_identity(game_id, "guest-001", ORIGIN, Properties({"email": "g"}, {"a": "guest", "b": "g"}))
    control.get_or_create_identity(game_id, "known-001", ORIGIN, Properties({"email": "k"}, {"a": "known"}))
    joined = control.identify(game_id, "guest-001", "known-001", ORIGIN, carry_over)
    assert joined.identity_id == "known-001"
    assert joined.properties.custom == {"a": "known", "b": "g"}
    assert joined.properties.default["email"] == "k"
    assert control.identity(game_id, "known-001") == joined
    left = control.identity(game_id, "guest-001")
    assert left is not None
    assert left.properties.custom == {"a": "guest", "b": "g"}


def test_identify_creates_an_identity_that_is_new(control: ControlDatabase, game_id: int) -> None:
    control.get_or_create_identity(game_id, "guest-001", ORIGIN, Properties({}, {"a": "1"}))
    joined = control.identify(game_id, "guest-001", "known-001", ORIGIN, carry_over)
    assert joined.properties.custom == {"a": "1"}
    lonely = control.identify(game_id, "never-seen", "known-002", ORIGIN, carry_over)
    assert lonely.properties == NOTHING


def test_properties_of_an_unknown_identity_are_not_stored(control: ControlDatabase, game_id: int) -> None:
    assert control.update_properties(game_id, "player-01", Properties({"a": "1"}, {})) is None
    assert control.identity(game_id, "player-01") is None


def test_updated_properties_are_merged(control: ControlDatabase, game_id: int) -> None:
    control.get_or_create_identity(game_id, "player-01", ORIGIN, Properties({"x": "1"}, {"a": "1"}))
    updated = control.update_properties(game_id, "player-01", Properties({"x": "2"}, {"b": "ü\x00"}))
    assert updated is not None
    assert updated.properties.custom == {"a": "1", "b": "ü\x00"}
    assert updated.properties.default["x"] == "2"
    assert control.identity(game_id, "player-01") == updated


def test_each_state_is_newer_than_the_one_before_though_the_clock_was_set_back(
    control: ControlDatabase, game_id: int, clock: Settable
) -> None:
    created = control.get_or_create_identity(game_id, "player-01", ORIGIN, NOTHING)
    clock.now -= 5
    updated = control.update_properties(game_id, "player-01", Properties({"x": "2"}, {}))
    assert updated is not None
    assert updated.updated_at > created.updated_at


def test_a_deleted_identity_is_gone(control: ControlDatabase, game_id: int) -> None:
    control.get_or_create_identity(game_id, "player-01", ORIGIN, NOTHING)
    assert control.delete_identity(game_id, "player-01")
    assert control.identity(game_id, "player-01") is None
    assert not control.delete_identity(game_id, "player-01")
    control.mark_announced(game_id, ["player-01"])
    assert control.get_or_create_identity(game_id, "player-01", ORIGIN, NOTHING).announced_at is None


@pytest.mark.parametrize(
    "identity_id", ["", "nul\0nul\0", "\ud800player", "x" * 129, "".join(map(chr, range(33, 127))) * 30]
)
def test_what_cannot_be_an_id_is_refused_and_no_outage(
    control: ControlDatabase, game_id: int, identity_id: str
) -> None:
    """Satori's rule for ids is stricter; these are what a database would refuse, or take and never find again."""
    writes: list[Callable[[], object]] = [
        lambda: control.get_or_create_identity(game_id, identity_id, ORIGIN, NOTHING),
        lambda: control.create_identities(game_id, ["player-01", identity_id], ORIGIN),
        lambda: control.identify(game_id, "player-01", identity_id, ORIGIN, carry_over),
    ]
    for write in writes:
        with pytest.raises((NotAllowed, NotFound)):
            write()
    assert control.identity(game_id, "player-01") is None
