import itertools

import pytest

from questlog.console.access import RIGHTS_OF, Caller, Right
from questlog.console.client_address import client_address, counted_as, networks
from questlog.control.grants import Grant, Role

TRUSTED = networks("127.0.0.1, 10.0.0.0/8, ::1")


def test_each_role_may_what_the_next_one_may_and_more() -> None:
    roles = list(Role)
    for higher, lower in itertools.pairwise(roles):
        assert RIGHTS_OF[higher] > RIGHTS_OF[lower]
    assert RIGHTS_OF[Role.VIEWER] == {Right.VIEW}
    assert RIGHTS_OF[Role.OWNER] == set(Right)
    assert Right.PEOPLE not in RIGHTS_OF[Role.ADMIN]
    assert Right.KEYS not in RIGHTS_OF[Role.ANALYST]


def test_a_role_for_a_game_is_for_that_game() -> None:
    caller = Caller("ann", "ann", (Grant(Role.ANALYST, 1), Grant(Role.VIEWER)))
    assert caller.may(Right.SQL, 1)
    assert not caller.may(Right.SQL, 2)
    assert caller.may(Right.VIEW, 2)
    assert caller.may_everywhere(Right.VIEW)
    assert not caller.may_everywhere(Right.SQL)
    assert caller.games_with(Right.SQL) == {1}
    assert caller.games_with(Right.VIEW) is None


def test_without_a_role_nothing_may_be_done() -> None:
    caller = Caller("ann", "ann", ())
    assert not any(caller.may_anywhere(right) for right in Right)
    assert caller.games_with(Right.VIEW) == frozenset()


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # no proxy of ours
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),  # the first is the client's own word
        ("127.0.0.1", ["6.6.6.6", "198.51.100.1, 10.1.2.3"], "198.51.100.1"),
        ("127.0.0.1", ["10.1.2.3"], "10.1.2.3"),
        ("127.0.0.1", ["198.51.100.1, nonsense"], "127.0.0.1"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("::ffff:127.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_the_client_is_who_the_last_trusted_proxy_speaks_for(peer: str, forwarded: list[str], client: str) -> None:
    assert client_address(peer, forwarded, TRUSTED) == client


def test_an_address_of_ipv6_counts_as_its_network() -> None:
    assert counted_as("2001:db8:1:2:aaaa::1") == counted_as("2001:db8:1:2:bbbb::2") == "2001:db8:1:2::/64"
    assert counted_as("2001:db8:1:3::1") != counted_as("2001:db8:1:2::1")
    assert counted_as("::ffff:198.51.100.1") == counted_as("198.51.100.1") == "198.51.100.1"


def test_what_is_no_network_is_named() -> None:
    with pytest.raises(ValueError, match="proxy"):
        networks("10.0.0.0/8, proxy")
