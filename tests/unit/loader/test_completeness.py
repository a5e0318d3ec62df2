"""Never claims too much: what was acknowledged before the claimed time is loaded."""

from hypothesis import given
from hypothesis import strategies as st

from questlog.loader.completeness import Completeness
from questlog.model.record import Position

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 2)),
        st.tuples(st.just("load"), st.integers(1, 4)),
        st.tuples(st.just("ask"), st.just(0)),
    ),
    max_size=60,
)


class Journal:
    """Three writers' records, a microsecond apart; `loaded` of each writer's are in the store."""

    def __init__(self) -> None:
        self.now_us = 0
        self.acknowledged: dict[int, list[int]] = {0: [], 1: [], 2: []}
        self.loaded = {0: 0, 1: 0, 2: 0}

    def append(self, writer: int) -> None:
        self.acknowledged[writer].append(self.now_us)

    def load(self, most: int) -> None:
        for writer, records in self.acknowledged.items():
            taken = min(most, len(records) - self.loaded[writer])
            self.loaded[writer] += taken
            most -= taken

    def unread(self) -> dict[int, Position]:
        return {
            writer: Position(writer, 0, len(records))
            for writer, records in self.acknowledged.items()
            if len(records) > self.loaded[writer]
        }

    def committed(self) -> dict[int, Position]:
        return {writer: Position(writer, 0, count) for writer, count in self.loaded.items() if count}

    def oldest_missing_us(self) -> float:
        missing = [
            records[count]
            for records, count in zip(self.acknowledged.values(), self.loaded.values(), strict=True)
            if count < len(records)
        ]
        return min(missing, default=float("inf"))


@given(STEPS)
def test_what_was_acknowledged_before_is_loaded(steps: list[tuple[str, int]]) -> None:
    journal, completeness = Journal(), Completeness()
    before = -1
    for what, number in steps:
        journal.now_us += 1
        if what == "append":
            journal.append(number)
        elif what == "load":
            journal.load(number)
        else:
            through = completeness.note(journal.now_us, journal.unread(), journal.committed())
            if through is None:
                continue
            assert before <= through <= journal.oldest_missing_us()
            before = through


def test_it_is_now_when_nothing_waits() -> None:
    assert Completeness().note(7, {}, {}) == 7


def test_it_goes_on_while_there_is_always_more_to_load() -> None:
    completeness = Completeness()
    assert completeness.note(10, {0: Position(0, 0, 5)}, {}) is None
    assert completeness.note(20, {0: Position(0, 0, 9)}, {0: Position(0, 0, 4)}) is None
    assert completeness.note(30, {0: Position(0, 0, 12)}, {0: Position(0, 0, 5)}) == 10
    assert completeness.note(40, {0: Position(0, 0, 15)}, {0: Position(0, 0, 12)}) == 30


def test_an_empty_segment_after_the_last_record_is_not_waited_for() -> None:
    completeness = Completeness()
    completeness.note(10, {0: Position(0, 2, 64), 1: Position(1, 0, 5)}, {})
    assert completeness.note(20, {1: Position(1, 0, 9)}, {0: Position(0, 1, 99), 1: Position(1, 0, 5)}) == 10
