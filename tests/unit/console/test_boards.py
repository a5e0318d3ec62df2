import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from questlog.console import boards
from questlog.console.boards import Board, BoardFull, CardItem, Item, Move, TextItem

A, B, C, D, E = (CardItem(f"overview.{name}") for name in "abcde")
TEXT = TextItem("# Heading")


def board(*rows: tuple[Item, ...]) -> Board:
    return Board(rows)


def test_a_card_joins_a_card_that_is_alone() -> None:
    made = board()
    for item in (A, B, C, TEXT, D):
        made = boards.with_item(made, item)
    assert made.rows == ((A, B), (C,), (TEXT,), (D,))


def test_an_item_is_taken_out_and_its_empty_row_too() -> None:
    assert boards.without_item(board((A, B), (C,)), 0, 0).rows == ((B,), (C,))
    assert boards.without_item(board((A, B), (C,)), 1, 0).rows == ((A, B),)
    assert boards.without_item(board((A,)), 7, 7).rows == ((A,),)


def test_an_item_is_changed() -> None:
    assert boards.with_changed(board((A, B)), 0, 1, TEXT).rows == ((A, TEXT),)
    assert boards.with_changed(board((A,)), 0, 1, TEXT).rows == ((A,),)


@pytest.mark.parametrize(
    ("rows", "row", "place", "move", "after"),
    [
        (((A, B),), 0, 0, Move.RIGHT, ((B, A),)),
        (((A, B),), 0, 0, Move.LEFT, ((A, B),)),
        (((A, B),), 0, 1, Move.LEFT, ((B, A),)),
        (((A,), (B,)), 1, 0, Move.UP, ((A, B),)),
        (((A,), (B,)), 0, 0, Move.DOWN, ((B, A),)),
        (((A, B),), 0, 1, Move.DOWN, ((A,), (B,))),
        (((A, B), (C,)), 0, 1, Move.UP, ((B,), (A,), (C,))),
        (((A,),), 0, 0, Move.UP, ((A,),)),
        (((A, B, C, D), (E,)), 1, 0, Move.UP, ((A, B, C, D), (E,))),
        (((E,), (A, B, C, D)), 0, 0, Move.DOWN, ((E,), (A, B, C, D))),
        (((A, B, C, D), (E, TEXT)), 1, 0, Move.UP, ((A, B, C, D), (E,), (TEXT,))),
        (((E, TEXT), (A, B, C, D)), 0, 0, Move.DOWN, ((TEXT,), (E,), (A, B, C, D))),
    ],
)
def test_an_item_is_moved(
    rows: tuple[tuple[Item, ...], ...], row: int, place: int, move: Move, after: tuple[tuple[Item, ...], ...]
) -> None:
    assert boards.moved(Board(rows), row, place, move).rows == after


def test_an_item_is_dropped_somewhere() -> None:
    assert boards.placed(board((A, B), (C,)), (1, 0), (0, 1)).rows == ((A, C, B),)
    assert boards.placed(board((A, B), (C,)), (0, 0), (2, 0)).rows == ((B,), (C,), (A,))
    assert boards.placed(board((A, B), (C,)), (0, 0), (0, 9)).rows == ((B, A), (C,))
    assert boards.placed(board((A, B, C, D), (E,)), (1, 0), (0, 0)).rows == ((A, B, C, D), (E,))
    assert boards.placed(board((A,)), (3, 0), (0, 0)).rows == ((A,),)


def test_a_board_can_be_full() -> None:
    full = board(*[(TEXT,)] * boards.MAX_ROWS)
    with pytest.raises(BoardFull):
        boards.with_item(full, A)


@given(st.data())
def test_no_change_loses_an_item_or_makes_a_board_that_cannot_be_saved(data: st.DataObject) -> None:
    made = board((A, B, C, D), (E, TEXT), (A,))
    for _ in range(4):
        row, place = data.draw(st.integers(-1, 4)), data.draw(st.integers(-1, 4))
        change = data.draw(st.sampled_from([*Move, "drop"]))
        if change == "drop":
            made = boards.placed(made, (row, place), (data.draw(st.integers(-1, 5)), data.draw(st.integers(-1, 5))))
        else:
            made = boards.moved(made, row, place, Move(change))
        assert sorted(str(item) for items in made.rows for item in items) == sorted(map(str, (A, A, B, C, D, E, TEXT)))
        assert msgspec.convert(msgspec.to_builtins(made), Board) == made
