"""How long a question takes, asked again and again."""

import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

Answered = TypeVar("Answered")


class Timed(NamedTuple):
    """How long a question took: the first time, the best of the rounds, and the least that all cores worked on it."""

    first_ms: float
    best_ms: float
    cpu_ms: float


def timed(ask: Callable[[], Answered], rounds: int) -> tuple[Timed, Answered]:
    """The times, and the answer. One more time than the rounds: the first is apart."""
    first_ms, _, answer = _once(ask)
    again = [_once(ask) for _ in range(rounds)]
    return Timed(first_ms, min(each[0] for each in again), min(each[1] for each in again)), answer


def _once(ask: Callable[[], Answered]) -> tuple[float, float, Answered]:
    began, worked_before = time.perf_counter(), time.process_time()
    answer = ask()
    return (time.perf_counter() - began) * 1000, (time.process_time() - worked_before) * 1000, answer
