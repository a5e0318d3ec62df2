"""The steps of one load transaction."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from questlog.model.event import Source
from questlog.model.reasons import Reason
from questlog.model.record import Position
from questlog.store.contract import STAGED_REJECTED, Batch, LoadResult, StoreFailed
from questlog.store.duckdb import runs
from questlog.store.duckdb.days import StoredDays, dates
from questlog.store.duckdb.families import Families, server_keys_of
from questlog.store.duckdb.rebuild import Rollups
from questlog.store.duckdb.rollups import (
    doubtful_sessions,
    event_days,
    field_values,
    ingest_hours,
    matching,
    player_day_values,
    player_event_totals,
    players,
    purchases,
    sessions,
    value_counts,
)
from questlog.store.duckdb.rules import Rules
from questlog.store.duckdb.staging import Counters, NewKeys, Staged
from questlog.store.duckdb.transaction import Transaction
from questlog.store.keys import Keys, joined_keys

# What the rollups read: binding a statement to a wide table takes longer than running it.
_ROLLED_UP = [
    "row_no",
    "batch_no",
    "game_id",
    "source",
    "event_time",
    "player_no",
    "player_id",
    "session_no",
    "session_id",
    "session_is_matched",
    "session_issued_at",
    "session_expires_at",
    "event_no",
    "category",
    "event_id",
    "value",
    "score",
    "attempt_num",
    "amount",
    "length_s",
    "ad_action",
    "country",
    "platform",
    "amount_usd",
    "ad_revenue_usd",
    "receipt_state",
]
_Numbers: TypeAlias = npt.NDArray[np.int64]
_NO_KEYS = (Keys(np.zeros(0, np.uint64), np.zeros(0, np.uint64), np.zeros(0, np.uint32)), np.zeros(0, np.int64))
_NO_TEXT = pa.array([], pa.string())
_POSITION = ("writer", "segment", "byte_offset")
_STORED, _REJECTED, _DUPLICATE, _REQUEST = range(4)


class Loaded(NamedTuple):
    """What loading the events came to: the last number of a session given out, and the families that got theirs."""

    last_session_no: int
    new_families: NewKeys


def load_events(
    transaction: Transaction, staged: Staged, rules: Rules, has_sessionless: bool, compaction: value_counts.Compaction
) -> Loaded:
    """Insert the events and everything that is computed from them.

    `has_sessionless` says that there may be events, stored or in the batch, whose session has to be found.
    """
    events = staged.events
    if events.num_rows == 0:
        return Loaded(staged.counters.session_no, NewKeys(*_NO_KEYS))
    if staged.names.num_rows:
        transaction.register("batch_names", staged.names)
        transaction.write("INSERT INTO event_names SELECT * FROM batch_names")
    last_no = staged.counters.session_no
    assigned = runs.assign(transaction, staged.families, events, rules.sessions.gap_us, last_no)
    numbers = pa.array(assigned.session_no, mask=assigned.session_no == 0)
    events = events.set_column(events.schema.get_field_index("session_no"), "session_no", numbers)
    days = dates(staged.days)
    transaction.register("batch", _rolled_up(events, days, assigned))
    sessions.update(transaction, _with_families(events, assigned), rules.days)
    stored = events
    if has_sessionless:
        stored = matching.match_batch(transaction, events, rules.sessions.grace_s)
    transaction.register("batch_rows", stored)
    transaction.write("INSERT INTO events SELECT * FROM batch_rows")
    if staged.resends.num_rows:
        transaction.register("batch_resends", staged.resends)
        transaction.write("INSERT INTO resend_keys SELECT * FROM batch_resends")
    players.update(transaction, events)
    player_day_values.update(transaction, _with_values(events, staged))
    purchases.update(transaction, stored, days)
    event_days.update(transaction)
    value_counts.update(transaction, events.append_column("day", days), compaction)
    field_values.update(transaction, staged.new_values)
    if pc.any(pc.not_equal(events["source"], str(Source.GAMEANALYTICS))).as_py():
        player_event_totals.update(transaction)
    last_no = assigned.last_no
    if len(assigned.doubtful):
        rollups = Rollups(transaction, StoredDays(transaction, rules.days), rules.sessions)
        ids = events.select(["game_id", "session_id"]).take(pa.array(staged.families.firsts[assigned.doubtful]))
        last_no = doubtful_sessions.put_together(rollups, ids, events, last_no)
    return Loaded(last_no, _new_families(staged.families, assigned, events))


def _rolled_up(events: pa.Table, days: pa.Array, assigned: runs.Assigned) -> pa.Table:
    """The columns that rollups are made of."""
    columns = {
        "day": days,
        "created_at": assigned.created_at,
    }
    rows = events.select(_ROLLED_UP)
    for name, column in columns.items():
        rows = rows.append_column(name, column)
    return rows


def _with_families(events: pa.Table, assigned: runs.Assigned) -> pa.Table:
    with_numbers = events.append_column("family_no", pa.array(assigned.family_no))
    return with_numbers.append_column("is_of_token", pa.array(assigned.is_of_token))


def _with_values(events: pa.Table, staged: Staged) -> pa.Table:
    with_days = events.append_column("day_no", pa.array(staged.days))
    return with_days.append_column("values_key", pa.array(staged.values_keys))


def _new_families(families: Families, assigned: runs.Assigned, events: pa.Table) -> NewKeys:
    of_servers = families.of_servers
    keys = [families.keys.take(assigned.new_families), server_keys_of(families, events)]
    numbers = [assigned.family_numbers[assigned.new_families], assigned.family_numbers[of_servers]]
    return NewKeys(joined_keys(keys), np.concatenate(numbers))


def may_be_sessionless(events: pa.Table) -> bool:
    """Whether any of the events takes part in session matching."""
    if events.num_rows == 0:
        return False
    without_session = pc.and_(events["player_no"].is_valid(), events["session_id"].is_null())
    return bool(pc.any(pc.and_(without_session, pc.not_equal(events["source"], str(Source.GAMEANALYTICS)))).as_py())


def load_rejected(transaction: Transaction, rejected: pa.Table, last_no: int) -> None:
    """Keep what was rejected."""
    if rejected.num_rows == 0:
        return
    numbers = pa.array(np.arange(last_no + 1, last_no + 1 + rejected.num_rows))
    transaction.register("batch_rejected", rejected.add_column(0, "rejected_no", numbers))
    transaction.write("INSERT INTO rejected_events SELECT * FROM batch_rejected")


def take_back_rejected(transaction: Transaction, replayed: pa.Table) -> None:
    """Events that are loaded again are not rejected any more. Raises `StoreFailed` where some are not there."""
    transaction.register("batch_replayed", replayed.select(["rejected_no"]))
    gone = transaction.read(
        "DELETE FROM rejected_events USING batch_replayed"
        " WHERE rejected_events.rejected_no = batch_replayed.rejected_no RETURNING 1 AS one"
    )
    if gone.num_rows != replayed.num_rows:
        raise StoreFailed("rejected events that are to be replayed have gone")
    kinds = np.full(replayed.num_rows, _REJECTED)
    ingest_hours.update(transaction, ingest_hours.hour_counts(replayed, kinds, sign=-1))


def dropped_rejects(events: pa.Table, reason: Reason, detail: str) -> pa.Table:
    """The rejected rows that dropped events leave: that there was one and why, and nothing of it."""
    count = events.num_rows
    columns = {
        "game_id": events["game_id"],
        "received_at": events["received_at"],
        "source": events["source"],
        "api_key_name": events["api_key_name"],
        "is_whole_request": pa.array(np.zeros(count, np.bool_)),
        "reason": pa.array([str(reason)] * count, pa.string()),
        "detail": pa.array([detail] * count, pa.string()),
        "raw": pa.array([""] * count, pa.string()),
        "sdk_version": events["sdk_version"],
        "build": events["build"],
    }
    return pa.table(
        [columns.get(field.name, pa.nulls(count, field.type)) for field in STAGED_REJECTED], schema=STAGED_REJECTED
    )


def count_hours(transaction: Transaction, batch: Batch, staged: Staged) -> LoadResult:
    """Count how the events of the batch ended."""
    kinds = np.where(
        staged.is_duplicate, _DUPLICATE, np.where(staged.is_erased | staged.is_expired, _REJECTED, _STORED)
    )
    is_request = batch.rejected["is_whole_request"].to_numpy()
    rejected_kinds = np.where(is_request, _REQUEST, _REJECTED)
    rows = pa.concat_tables([one.select(ingest_hours.COUNTED) for one in (batch.events, batch.rejected)])
    games = rows["game_id"].to_numpy()
    all_kinds = np.concatenate([kinds, rejected_kinds]).astype(np.int64)
    ingest_hours.update(transaction, ingest_hours.hour_counts(rows, all_kinds))
    sources = pa.concat_arrays([*rows["source"].chunks, _NO_TEXT])
    newest_us = int(_microseconds(rows).max(initial=0))
    return _result(all_kinds, _by_source(games, sources, all_kinds), newest_us)


def _by_source(games: _Numbers, sources: pa.StringArray, kinds: _Numbers) -> dict[tuple[int, str], LoadResult]:
    encoded = sources.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    codes = games * len(names) + encoded.indices.to_numpy() if names else games
    found = {}
    for code in np.unique(codes).tolist():
        game_id, place = divmod(code, len(names))
        found[game_id, names[place]] = _result(kinds[codes == code], {})
    return found


def _result(kinds: _Numbers, by_source: dict[tuple[int, str], LoadResult], newest_us: int = 0) -> LoadResult:
    stored, rejected, duplicates, _ = np.bincount(kinds, minlength=_REQUEST + 1).tolist()
    return LoadResult(
        stored=stored, duplicates=duplicates, rejected=rejected, newest_received_us=newest_us, by_source=by_source
    )


def _microseconds(rows: pa.Table) -> _Numbers:
    return np.asarray(rows["received_at"].cast(pa.int64()).to_numpy(), np.int64)


def save_positions(transaction: Transaction, positions: Mapping[int, Position]) -> None:
    """Remember how far each writer's journal is loaded with this batch."""
    if not positions:
        return
    places = np.array([(one.writer, one.segment, one.offset) for one in positions.values()], np.int64)
    rows = pa.table(dict(zip(_POSITION, places.T.copy(), strict=True)))
    transaction.register("new_positions", rows)
    transaction.write("DELETE FROM positions WHERE writer IN (SELECT writer FROM new_positions)")
    transaction.write("INSERT INTO positions SELECT * FROM new_positions")


def save_counters(transaction: Transaction, counters: Counters) -> None:
    """Remember the last numbers given out."""
    assignments = ", ".join(f"{name} = ${name}" for name in counters._fields)
    transaction.write(f"UPDATE counters SET {assignments}", counters._asdict())
