import msgspec

from questlog.protocols.satori.properties import computed, identified, initial_properties


class Aggregate(msgspec.Struct, frozen=True):
    name: str
    count: int
    seen_first: int
    seen_last: int
    value_sum: float | None = None
    value_high: float | None = None
    value_low: float | None = None


def test_a_new_identity_knows_where_it_came_from() -> None:
    assert initial_properties("mobile", "FI", 1_795_288_190_999_999) == {
        "apiKeyName": "mobile",
        "firstOpen": "1795288190",
        "countryCode": "FI",
        "region": "",
        "subRegion": "",
        "state": "",
        "city": "",
    }
    assert initial_properties("mobile", None, 0)["countryCode"] == ""


def test_the_identity_that_is_joined_keeps_its_own_and_gets_what_it_lacks() -> None:
    guest = {"email": "a@b.com", "pushTokenIos": "foo", "earlyAccess": "true"}
    known = {"email": "known@b.com", "earlyAccess": "false"}
    assert identified(guest, known, {"pushTokenAndroid": "bar"}) == {
        "email": "known@b.com",
        "earlyAccess": "false",
        "pushTokenIos": "foo",
        "pushTokenAndroid": "bar",
    }


def test_what_identify_itself_says_wins() -> None:
    assert identified({"a": "1"}, {"a": "2"}, {"a": "3"}) == {"a": "3"}
    assert identified({"a": "1"}, {}, None) == {"a": "1"}


def test_the_maps_that_go_in_stay_as_they_are() -> None:
    stored = {"a": "1"}
    identified(stored, stored, {"a": "3"})
    assert stored == {"a": "1"}


def test_computed_properties_are_named_after_their_event() -> None:
    aggregate = Aggregate("coinsSpent", 3, 1_000_000, 5_500_000, value_sum=12.5, value_high=10.0, value_low=-0.25)
    assert computed([aggregate]) == {
        "coinsSpentCount": "3",
        "coinsSpentSeenFirst": "1",
        "coinsSpentSeenLast": "5",
        "coinsSpentValueSum": "12.5",
        "coinsSpentValueHigh": "10",
        "coinsSpentValueLow": "-0.25",
    }


def test_events_without_a_numeric_value_have_no_value_properties() -> None:
    assert set(computed([Aggregate("gameStarted", 1, 0, 0)])) == {
        "gameStartedCount",
        "gameStartedSeenFirst",
        "gameStartedSeenLast",
    }


def test_of_the_servers_own_events_only_session_starts_count() -> None:
    names = ("_sessionStart", "_identityCreate", "_identify")
    texts = computed(Aggregate(name, 2, 0, 0) for name in names)
    assert texts == {"sessionStartCount": "2", "sessionStartSeenFirst": "0", "sessionStartSeenLast": "0"}


def test_large_and_infinite_sums_are_texts_too() -> None:
    texts = computed([Aggregate("a", 1, 0, 0, value_sum=float("inf"), value_high=1e300, value_low=2.0**53)])
    assert texts["aValueSum"] == "inf"
    assert texts["aValueHigh"] == "1e+300"
    assert texts["aValueLow"] == "9007199254740992"
