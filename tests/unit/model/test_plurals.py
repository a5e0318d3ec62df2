import pytest

from questlog.model.plurals import counted


@pytest.mark.parametrize(("number", "shown"), [(0, "0 users"), (1, "1 user"), (2, "2 users"), (1_200, "1,200 users")])
def test_a_number_has_the_noun_in_its_number(number: int, shown: str) -> None:
    assert counted(number, "user") == shown


def test_some_plurals_have_no_s() -> None:
    assert (counted(1, "identity", "identities"), counted(3, "identity", "identities")) == (
        "1 identity",
        "3 identities",
    )
