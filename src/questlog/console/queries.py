"""Asks questions of games for whoever wants to know: few at once, not for ever, and not for nobody.

API, pages and cards ask here, so that the same limits hold for all and an answer that one has asked for is there for
the others.
"""

import asyncio
import datetime as dt
import hashlib
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import NamedTuple, TypeVar
from weakref import WeakValueDictionary

import msgspec
import pyarrow as pa

from questlog.analytics.engine.analysis import Freshness
from questlog.analytics.question.answer import Answer
from questlog.console.answer_cache import AnswerCache, Rendering, Written
from questlog.console.concurrency import ConcurrencyLimiter
from questlog.console.disconnects import Deadline, Gone, stopped_when_gone
from questlog.console.services import ConsoleServices
from questlog.model.calendar import UTC, Zone
from questlog.store.contract import Cancellation, QueryAborted, SqlParameters

_T = TypeVar("_T")

_encoder = msgspec.json.Encoder(order="deterministic")  # sets have another order in every process
_MINUTE_US = 60_000_000


class GameQuestion(NamedTuple):
    """A question about a game, by its number, game key or name; `freshness` is that of the analysis."""

    game: str
    question: msgspec.Struct
    freshness: Freshness = Freshness.DAY


class Reply(NamedTuple):
    """An answer and its tag; `written` is None where the asker has it already."""

    tag: str
    written: Written | None


class QueryService:
    """Answers questions in threads, a few at a time."""

    def __init__(self, services: ConsoleServices, limiter: ConcurrencyLimiter | None = None) -> None:
        self._services = services
        self._limiter = limiter or ConcurrencyLimiter()
        self._cache = AnswerCache(monotonic_s=services.monotonic_s)
        self._known_control_id: str | None = None
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def reply(
        self, asked: GameQuestion, rendering: Rendering, gone: Gone, has_seen: Callable[[str], bool]
    ) -> Reply:
        """The answer as `rendering` writes it, unless `has_seen` says of its tag that the asker has it.

        A tag is another one whenever the answer could be another one, or is written otherwise. Raises `ControlError`,
        `InvalidQuery`, `QueryAborted`, `TooBusy`.
        """

        def make(cancellation: Cancellation) -> Reply:
            game_id = self._services.control.find_game(asked.game).game_id
            key = self._key(game_id, asked)
            tag = _digest((key, rendering.name))
            if has_seen(tag):
                return Reply(tag, None)
            ask = self._services.analytics.ask
            written = self._cache.written(
                key, rendering, cancellation, lambda: ask(game_id, asked.question, cancellation)
            )
            return Reply(tag, written)

        return await self._run_in_turn(asked, make, gone)

    async def ask(self, asked: GameQuestion, gone: Gone) -> Answer:
        """The answer itself. Raises what `reply` raises."""

        def make(cancellation: Cancellation) -> Answer:
            game_id = self._services.control.find_game(asked.game).game_id
            ask = self._services.analytics.ask
            key = self._key(game_id, asked)
            return self._cache.answer(key, cancellation, lambda: ask(game_id, asked.question, cancellation))

        return await self._run_in_turn(asked, make, gone)

    async def sql(
        self,
        statement: str,
        write: Callable[[pa.Table], _T],
        gone: Gone,
        game_ids: Collection[int] | None = None,
        parameters: SqlParameters | None = None,
    ) -> _T:
        """What `write` makes of the answer to a read-only statement of SQL, with all its rows.

        The statement reads all games or, with `game_ids`, these alone.

        Raises `QueryAborted`, also where the rows are too many: nothing is cut off in silence; `TooBusy`.
        """
        limits = self._services.limits

        def answer(cancellation: Cancellation) -> _T:
            table = self._services.tables.sql(statement, limits.sql_max_rows + 1, cancellation, game_ids, parameters)
            if table.num_rows > limits.sql_max_rows:
                rows = f"{limits.sql_max_rows} rows (console.sql_max_rows)"
                raise QueryAborted(f"the answer has more than {rows}; add a LIMIT, or sum up")
            return write(table)

        return await self._run(answer, gone, limits.sql_timeout_s, "console.sql_timeout_s")

    async def run(self, work: Callable[[Cancellation], _T], gone: Gone) -> _T:
        """The result of `work`, in a thread: cancelled when its time is over, or when the asker goes away.

        Raises `QueryAborted` where it was, `TooBusy`, and what `work` raises.
        """
        return await self._run(work, gone, self._services.limits.question_timeout_s, "analytics.timeout_s")

    async def _run_in_turn(self, asked: GameQuestion, work: Callable[[Cancellation], _T], gone: Gone) -> _T:
        """As `run`, but one at a time for the same question: the others wait without a place, and find its answer.

        They wait no longer than they may: whoever is before them began earlier, with the same limit.
        """
        name = _digest((asked.game, type(asked.question).__name__, asked.question))
        turn = self._turns.setdefault(name, asyncio.Lock())
        limit_s = self._services.limits.question_timeout_s
        return await self._run(work, gone, limit_s, "analytics.timeout_s", turn)

    async def _run(
        self,
        work: Callable[[Cancellation], _T],
        gone: Gone,
        limit_s: float,
        setting: str,
        turn: AbstractAsyncContextManager[object] | None = None,
    ) -> _T:
        cancellation = Cancellation()
        deadline = Deadline(cancellation, limit_s, setting)
        async with stopped_when_gone(gone, cancellation), deadline, turn or nullcontext():
            cancellation.check()
            return await self._limiter.run(lambda: work(cancellation))

    def _key(self, game_id: int, asked: GameQuestion) -> str:
        """Another one whenever the answer could be another one; the same in every process, and after a restart.

        Asked for before the answer: it is never too new.
        """
        state, now_us = self._services.analytics.state(game_id), self._services.clock.now_us()
        made_of = (
            self._services.program,
            state.settings,
            state.store_id,
            state.data_version,
            state.zone.name,
            self._control_id(),
            self._services.control.version(),
            now_us // _MINUTE_US if asked.freshness is Freshness.MINUTE else _days(state.zone, asked.question, now_us),
            game_id,
            type(asked.question).__name__,
            asked.question,
        )
        return _digest(made_of)

    def _control_id(self) -> str:
        """It never changes while this process runs: read once."""
        if self._known_control_id is None:
            self._known_control_id = self._services.control.installation_id()
        return self._known_control_id


def _days(zone: Zone, question: msgspec.Struct, now_us: int) -> Sequence[dt.date]:
    """The days whose end changes the answer: the game's, and the one of UTC where the question asks for its days."""
    asks_utc = getattr(question, "time_zone", None) == UTC.name
    return [zone.day_of(now_us), *([UTC.day_of(now_us)] if asks_utc else [])]


def _digest(made_of: object) -> str:
    return hashlib.sha256(_encoder.encode(made_of)).hexdigest()[:32]
