"""From a batch to the rows to insert: duplicates and erased players dropped; players, sessions and names numbered."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from questlog.store.contract import STAGED_EVENTS, Batch, PlayerProperties
from questlog.store.duckdb.days import LocalDays
from questlog.store.duckdb.event_ids import EventIds, duplicates
from questlog.store.duckdb.families import Families, families_of
from questlog.store.duckdb.groups import I64, grouped
from questlog.store.duckdb.rollups.field_values import KnownValues, NewValues
from questlog.store.duckdb.rollups.player_day_values import batch_keys
from questlog.store.key_index import KeyIndex
from questlog.store.keys import U64, Keys, Mask, hashed_text, text_keys, uuid_column
from questlog.store.schema import DIMENSIONS, EVENTS

EVENT_COLUMNS = tuple(column.name for column in EVENTS.columns)
_US = 1_000_000
_EARLIEST_US = -62_135_596_800 * _US  # 0001-01-01, the earliest that dates everywhere can say
_LATEST_US = 253_402_300_799 * _US


class Indexes(NamedTuple):
    """The four maps from texts to numbers, and from a client's event id to when it was received (seconds)."""

    events: KeyIndex
    players: KeyIndex
    sessions: KeyIndex
    event_names: KeyIndex


class Counters(NamedTuple):
    """The last number given out of each kind."""

    batch_no: int = 0
    row_no: int = 0
    player_no: int = 0
    session_no: int = 0
    event_no: int = 0
    rejected_no: int = 0


class NewKeys(NamedTuple):
    """Keys that the index does not have yet, and their payloads."""

    keys: Keys
    payloads: I64


class Staged(NamedTuple):
    """What a batch comes to: the numbers given out with it, rows to insert, and what the indexes have to learn.

    `events` has the columns of the events table, `days` the local day of each (since 1970), `values_keys` the key of
    its combination of dimension values (`player_day_values`), `families` what sessions
    they can be of; their sessions are numbered when they are loaded. `property_players` numbers the player of each of
    the batch's properties.
    """

    counters: Counters
    events: pa.Table
    days: I64
    values_keys: I64
    names: pa.Table
    families: Families
    property_players: I64
    new_ids: NewKeys
    resends: pa.Table
    new_players: NewKeys
    new_names: NewKeys
    new_values: NewValues
    is_duplicate: Mask
    is_erased: Mask
    is_expired: Mask


class _Column(NamedTuple):
    """A numbered column: a number for each row (0: none), and what is new."""

    numbers: I64
    new: NewKeys
    new_places: npt.NDArray[np.intp]


class Known(NamedTuple):
    """What is known in memory of what is stored. `last`: the numbers given out so far.

    `expired_before`: before when (UTC microseconds) a game's events have expired.
    """

    indexes: Indexes
    last: Counters
    erasures: Mapping[tuple[int, tuple[int, int]], int]
    values: KnownValues
    days: LocalDays
    expired_before: Mapping[int, int]


def stage(batch: Batch, known: Known, window_s: int) -> Staged:
    """Decide about everything in a batch without touching a table or an index."""
    indexes, last = known.indexes, known.last
    events = batch.events.combine_chunks()
    received_s = _integers(events, "received_at") // _US
    ids = EventIds.of(events)
    is_duplicate = duplicates(ids, received_s, indexes.events, window_s)
    is_erased = ~is_duplicate & _of_erased_players(events, known.erasures)
    is_expired = ~(is_duplicate | is_erased) & _of_expired_times(events, known.expired_before)
    is_kept = ~(is_duplicate | is_erased | is_expired)
    if not is_kept.all():
        events, ids, received_s = events.filter(pa.array(is_kept)), ids.take(is_kept), received_s[is_kept]
        events = events.combine_chunks()
    players, property_players = _numbered_players(events, batch.properties, indexes.players, last.player_no)
    families = families_of(events, players.numbers, indexes.sessions)
    names = _numbered(events, ("category", "event_id"), indexes.event_names, last.event_no)
    counters = Counters(
        batch_no=last.batch_no + 1,
        row_no=last.row_no + events.num_rows,
        player_no=last.player_no + len(players.new.payloads),
        session_no=last.session_no,
        event_no=last.event_no + len(names.new.payloads),
        rejected_no=last.rejected_no + batch.rejected.num_rows + int(np.count_nonzero(is_erased | is_expired)),
    )
    rows = _event_rows(events, last, ids, players.numbers, names.numbers)
    days = known.days.of(_integers(rows, "game_id"), _integers(rows, "event_time"))
    encoded = {name: _array(rows, name).dictionary_encode() for name in DIMENSIONS}
    return Staged(
        counters=counters,
        events=rows,
        days=days,
        values_keys=batch_keys(rows, encoded),
        names=_name_rows(events, names),
        families=families,
        property_players=property_players,
        new_ids=NewKeys(*ids.remembered(received_s)),
        resends=ids.resends(rows, received_s),
        new_players=players.new,
        new_names=names.new,
        new_values=known.values.new_values(rows, days, encoded),
        is_duplicate=is_duplicate,
        is_erased=is_erased,
        is_expired=is_expired,
    )


def _numbered_players(
    events: pa.Table, properties: Sequence[PlayerProperties], index: KeyIndex, last: int
) -> tuple[_Column, I64]:
    """Number the players of the events and of the properties together: a player may be in either or both."""
    if not properties:
        return _numbered(events, ("player_id",), index, last), np.zeros(0, np.int64)
    games = pa.concat_arrays([_array(events, "game_id"), pa.array([one.game_id for one in properties], pa.int32())])
    texts = pa.concat_arrays(
        [_array(events, "player_id"), pa.array([one.player_id for one in properties], pa.string())]
    )
    both = _numbered(pa.table({"game_id": games, "player_id": texts}), ("player_id",), index, last)
    return both._replace(numbers=both.numbers[: events.num_rows]), both.numbers[events.num_rows :]


def _of_erased_players(events: pa.Table, erasures: Mapping[tuple[int, tuple[int, int]], int]) -> Mask:
    is_erased = np.zeros(events.num_rows, np.bool_)
    if not erasures:
        return is_erased
    groups, firsts, has_value = _groups(events, ("player_id",))
    games = _integers(events, "game_id")[firsts].tolist()
    texts = _array(events, "player_id").take(pa.array(firsts)).to_pylist()
    until = [erasures.get((game, hashed_text(text)), -1) for game, text in zip(games, texts, strict=True)]
    erased_until = np.array([*until, -1], np.int64)
    received = _integers(events, "received_at")
    is_erased[has_value] = received[has_value] <= erased_until[groups[has_value]]
    return is_erased


def _of_expired_times(events: pa.Table, expired_before: Mapping[int, int]) -> Mask:
    is_expired = np.zeros(events.num_rows, np.bool_)
    if expired_before:
        games, times = _integers(events, "game_id"), _integers(_with_event_times(events), "event_time")
        for game_id, before in expired_before.items():
            is_expired |= (games == game_id) & (times < before)
    return is_expired


def _with_event_times(events: pa.Table) -> pa.Table:
    return events.set_column(events.schema.get_field_index("event_time"), "event_time", _event_times(events))


def _groups(events: pa.Table, columns: tuple[str, ...]) -> tuple[I64, npt.NDArray[np.intp], Mask]:
    """Number the distinct values of game and columns: each row's group, each group's first row, rows with a value.

    A row has a value when its first column is not null. Groups are numbered from 0; the group of other rows is -1.
    """
    has_value = np.asarray(_array(events, columns[0]).is_valid().to_numpy(zero_copy_only=False), np.bool_)
    codes = _integers(events, "game_id")
    for column in columns:
        encoded = _array(events, column).dictionary_encode()
        indices = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False).astype(np.int64)
        codes = codes * (len(encoded.dictionary) + 1) + indices
    groups = np.full(len(codes), -1, np.int64)
    rows = np.flatnonzero(has_value)
    _, firsts, groups[rows] = grouped(codes[rows])
    return groups, rows[firsts], has_value


def _numbered(events: pa.Table, columns: tuple[str, ...], index: KeyIndex, last: int) -> _Column:
    groups, firsts, has_value = _groups(events, columns)
    games = _integers(events, "game_id")[firsts].astype(np.int32)
    keys = text_keys(_joined(events, columns, firsts), games)
    known, is_known = index.lookup(keys)
    numbers = known.astype(np.int64)
    new_places = np.flatnonzero(~is_known)
    numbers[new_places] = np.arange(last + 1, last + 1 + len(new_places))
    rows = np.zeros(len(groups), np.int64)
    rows[has_value] = numbers[groups[has_value]]
    return _Column(rows, NewKeys(keys.take(new_places), numbers[new_places]), firsts[new_places])


def _joined(events: pa.Table, columns: tuple[str, ...], rows: npt.NDArray[np.intp]) -> pa.StringArray:
    """The key's text: values joined by NUL, nulls left out."""
    parts = [_array(events, column).take(pa.array(rows)) for column in columns]
    return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, "\0", null_handling="skip")


def _name_rows(events: pa.Table, names: _Column) -> pa.Table:
    rows = pa.array(names.new_places)
    columns = {"event_no": pa.array(names.new.payloads)}
    return pa.table(columns | {name: _array(events, name).take(rows) for name in ("game_id", "category", "event_id")})


def _event_rows(events: pa.Table, counters: Counters, ids: EventIds, player_no: I64, event_no: I64) -> pa.Table:
    """The rows of the events table, in its columns' order."""
    count = events.num_rows
    made = {
        "row_no": pa.array(np.arange(counters.row_no + 1, counters.row_no + 1 + count)),
        "batch_no": pa.array(np.full(count, counters.batch_no + 1)),
        "event_uuid": _event_uuids(events, ids),
        "has_client_id": pa.array(ids.has_id),
        "event_time": _event_times(events),
        "player_no": pa.array(player_no, mask=player_no == 0),
        "session_no": pa.nulls(count, pa.int64()),
        "session_is_matched": pa.array(np.zeros(count, np.bool_)),
        "event_no": pa.array(event_no),
        "record_offset": events["offset"],
        "record_index": events["index"],
        "client_event_id": pc.if_else(
            pa.array(ids.is_uuid), pa.scalar(None, pa.string()), _array(events, "client_event_id")
        ),
    }
    return pa.table({name: made[name] if name in made else events[name] for name in EVENT_COLUMNS})


def _event_times(events: pa.Table) -> pa.Array:
    """A time that no date can say is taken for none: the time of receipt stands in, as for an event without one."""
    times, received = _integers(events, "event_time"), _integers(events, "received_at")
    is_good = (times >= _EARLIEST_US) & (times <= _LATEST_US)
    return pa.array(np.where(is_good, times, received).astype("datetime64[us]"))


def _event_uuids(events: pa.Table, ids: EventIds) -> pa.ExtensionArray:
    """The client's UUID, or a UUIDv8 of the hash of its other id, or one that says the place in the journal."""
    high, low = ids.keys.high, ids.keys.low
    is_ours = ~(ids.has_id & ids.is_uuid)
    if is_ours.any():
        place_high, place_low = place_halves(events)
        high = np.where(ids.has_id, high, place_high)
        low = np.where(ids.has_id, low, place_low)
        high = np.where(is_ours, (high & np.uint64(0xFFFFFFFFFFFF0FFF)) | np.uint64(0x8000), high)
        low = np.where(is_ours, (low & np.uint64(0x3FFFFFFFFFFFFFFF)) | np.uint64(0x8000000000000000), low)
    return uuid_column(high, low)


def place_halves(events: pa.Table) -> tuple[U64, U64]:
    """A UUIDv8's halves for each event, but for version and variant: no two places in the journal have the same.

    48 bits of segment, (4 of version,) 12 of writer; (2 of variant,) 32 of offset, 30 of index. Raises `ValueError` for
    a place that does not fit.
    """
    segment, writer = _place(events, "segment", 48), _place(events, "writer", 12)
    offset, index = _place(events, "offset", 32), _place(events, "index", 30)
    return segment << np.uint64(16) | writer, offset << np.uint64(30) | index


def _place(events: pa.Table, column: str, bits: int) -> U64:
    numbers = _integers(events, column)
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < 1 << bits:
        raise ValueError(f"a {column} in the journal that does not fit into {bits} bits")
    return numbers.astype(np.uint64)


def _array(events: pa.Table, column: str) -> pa.Array:
    chunks = events[column].chunks
    if len(chunks) == 1:
        return chunks[0]
    return pa.concat_arrays(chunks) if chunks else pa.array([], STAGED_EVENTS.field(column).type)


def _integers(events: pa.Table, column: str) -> I64:
    return np.asarray(_array(events, column).cast(pa.int64()).to_numpy(zero_copy_only=False), np.int64)
