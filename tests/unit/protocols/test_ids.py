import pytest

from questlog.protocols.ids import known_ids, known_players

NIL = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    "text", [NIL, NIL.replace("-", ""), "{" + NIL + "}", "null", "NULL", "Null", "undefined", "Undefined", "UNDEFINED"]
)
def test_what_stands_for_no_id_is_none(text: str) -> None:
    assert known_ids(("1", text, None, text)) == ["1", None, None, None]


@pytest.mark.parametrize("text", ["0", "", "nul", "nulls", "undefined1", NIL[:-1] + "1", "none"])
def test_every_other_text_is_an_id(text: str) -> None:
    ids = ("1", text, None)
    assert known_ids(ids) is ids


def test_the_nil_uuid_is_no_player() -> None:
    assert known_players(("ada", NIL, None)) == ["ada", None, None]
    players = ("ada", "null")
    assert known_players(players) is players
