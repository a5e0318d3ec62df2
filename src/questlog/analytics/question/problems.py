"""What is wrong with a question: the field, why, and the nearest value that would do."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class InvalidQuery(Exception):
    """A question that cannot be answered as asked. Safe to show to the asker.

    `field` is the path of the value at fault (`metrics[1]`, `filter.all[0].dimension`), `nearest` a value that would
    do, None where none is near.
    """

    def __init__(self, field: str, detail: str, nearest: str | None = None) -> None:
        hint = f"; did you mean {nearest!r}?" if nearest else ""
        super().__init__(f"{field}: {detail}{hint}")
        self.field = field
        self.detail = detail
        self.nearest = nearest


class NothingOfThatName(InvalidQuery):
    """A question about one thing, such as a player, that the game does not have."""


def unknown(field: str, kind: str, name: str, known: Iterable[str]) -> InvalidQuery:
    """The refusal of a name that does not exist, with the nearest one that does."""
    matches = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return InvalidQuery(field, f"there is no {kind} {name[:100]!r}", matches[0] if matches else None)


def check_word(field: str, kind: str, word: str, vocabulary: Sequence[str]) -> None:
    """Raises `InvalidQuery` for a word that is not of a closed vocabulary, with the nearest one that is."""
    if word not in vocabulary:
        nearest = unknown(field, kind, word, vocabulary).nearest
        detail = f"there is no {kind} {word[:100]!r}"
        raise InvalidQuery(field, detail if nearest else f"{detail}; allowed are {', '.join(vocabulary)}", nearest)


def too_many_rows(field: str, rows: int) -> InvalidQuery:
    """The refusal of an answer that nobody can read."""
    return InvalidQuery(field, f"the answer would have more than {rows} rows; ask for less")
