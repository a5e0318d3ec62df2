"""What a store holds after a bad day, compared with what games were told, with its journal, and with itself."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from questlog.journal.reader import FileJournalReader
from questlog.loader.codecs import EVENT_SOURCES
from questlog.model.record import Kind, Position, decode_record
from questlog.protocols.inflate import inflate
from tests.support.installation import Installation, Row
from tests.support.senders import Ledger

ROLLUPS = ("sessions", "players", "player_days", "event_days", "field_values", "sessionless_events")
"""The tables that `questlog rebuild` computes again."""

_MAX_INFLATED_BYTES = 1 << 30


class Journalled(NamedTuple):
    """What a journal holds: events that will be stored or found to be duplicates, by mark; events that are dropped.

    Events without a mark are the server's own. `damaged` counts stretches that hold no record.
    """

    marks: Counter[int | None]
    dropped: int
    damaged: int


def wait_until_loaded(installation: Installation, timeout_s: float = 60) -> None:
    """Until the store has everything that the journal has."""
    reader = FileJournalReader(installation.data_dir / "journal")
    try:
        installation.wait_until(lambda: reader.lag_bytes(positions(installation)) == 0, "the loader", timeout_s)
    finally:
        reader.close()


def positions(installation: Installation) -> dict[int, Position]:
    """How far each writer's journal is in the store."""
    rows = installation.sql("SELECT writer, segment, byte_offset FROM positions")
    return {row["writer"]: Position(row["writer"], row["segment"], row["byte_offset"]) for row in rows}


def journalled(directory: Path) -> Journalled:
    """What the whole journal in `directory` holds, found with a reader of its own."""
    reader = FileJournalReader(directory)
    at: dict[int, Position] = {}
    marks: Counter[int | None] = Counter()
    dropped = damaged = 0
    try:
        while entries := reader.read(at, 8_000_000):
            for entry in entries:
                at[entry.end.writer] = entry.end
                if entry.record is None:
                    damaged += 1
                    continue
                new_marks, new_dropped = _contents(entry.record)
                marks.update(new_marks)
                dropped += new_dropped
    finally:
        reader.close()
    return Journalled(marks, dropped, damaged)


def _contents(record: bytes) -> tuple[list[int | None], int]:
    envelope, body = decode_record(record)
    source = EVENT_SOURCES.get(envelope.kind)
    if source is None:
        assert envelope.kind in (Kind.PLAYER_PROPERTIES, Kind.REJECTED_REQUEST)
        return [], 0
    decoded = source.decode_events(inflate(body, envelope.content_coding, _MAX_INFLATED_BYTES), envelope)
    values = source.to_columns(decoded.events)["value"] if decoded.events else []
    return [None if value is None else int(str(value).removesuffix(".0")) for value in values], len(decoded.dropped)


def rows_by_mark(installation: Installation) -> Mapping[int, int]:
    """How many rows there are of each sent event; what no sender sent is under another number."""
    rows = installation.sql(
        "SELECT coalesce(value::BIGINT, -1) AS mark, count(*) AS n FROM events"
        " WHERE source <> 'satori_system' GROUP BY ALL"
    )
    return {row["mark"]: row["n"] for row in rows}


def check_everything(installation: Installation, ledger: Ledger, damaged: int = 0) -> None:
    """Nothing lost, doubled or invented; the books add up; rollups are as rebuilding makes them.

    `damaged` is how many stretches of the journal were destroyed on purpose.
    """
    faults = ledger.faults(rows_by_mark(installation))
    assert not faults, f"{len(faults)} faults: {faults[:10]}"
    _check_system_events(installation, damaged)
    _check_hours(installation)
    _check_received(installation, ledger, damaged)
    _check_rebuild(installation)


def _check_system_events(installation: Installation, damaged: int) -> None:
    """Every identity that events name was told of once. Destroyed records may have been the telling."""
    wrong = installation.sql(
        "SELECT player_id, count(*) FILTER (event_id = '_identityCreate') AS creations FROM events"
        " WHERE source IN ('satori_server', 'satori_system') GROUP BY ALL HAVING creations <> 1"
    )
    assert [row for row in wrong if not damaged or row["creations"]] == []


def _check_hours(installation: Installation) -> None:
    """Every hour's counts are those of the rows, and what arrived is accounted for."""
    wrong = installation.sql(
        "WITH stored AS"
        " (SELECT game_id, date_trunc('hour', received_at) AS hour, count(*) AS n FROM events GROUP BY ALL),"
        " rejected AS (SELECT game_id, date_trunc('hour', received_at) AS hour,"
        "  count(*) FILTER (NOT is_whole_request) AS n, count(*) FILTER (is_whole_request) AS requests"
        "  FROM rejected_events GROUP BY ALL)"
        " SELECT * FROM (SELECT game_id, hour, sum(received) AS received, sum(stored) AS stored,"
        " sum(rejected) AS rejected,"
        " sum(duplicates) AS duplicates, sum(rejected_requests) AS rejected_requests FROM ingest_hours GROUP BY ALL)"
        " AS hours FULL JOIN stored USING (game_id, hour)"
        " FULL JOIN rejected USING (game_id, hour)"
        " WHERE hours.received IS DISTINCT FROM hours.stored + hours.rejected + hours.duplicates"
        " OR hours.stored <> coalesce(stored.n, 0) OR hours.rejected <> coalesce(rejected.n, 0)"
        " OR hours.rejected_requests <> coalesce(rejected.requests, 0)"
    )
    assert not wrong


def _check_received(installation: Installation, ledger: Ledger, damaged: int) -> None:
    """What the store says it received is what the journal holds, and that is what was sent."""
    [hours] = installation.sql(
        "SELECT sum(received)::BIGINT AS received, sum(rejected)::BIGINT AS rejected FROM ingest_hours"
    )
    in_journal = journalled(installation.data_dir / "journal")
    assert in_journal.damaged == damaged
    assert (hours["received"], hours["rejected"]) == (in_journal.marks.total() + in_journal.dropped, in_journal.dropped)
    assert ledger.acknowledgements <= in_journal.marks.total() - in_journal.marks[None] <= ledger.sends
    assert in_journal.dropped <= ledger.bad_events_sent
    assert damaged or in_journal.dropped >= ledger.bad_events_acknowledged


def _check_rebuild(installation: Installation) -> None:
    """Rebuilding changes no row of any rollup."""
    before = rollups(installation)
    assert before["sessions"]
    assert before["event_days"]
    rebuilt = installation.command("rebuild")
    assert rebuilt.returncode == 0, rebuilt.stderr
    after = rollups(installation)
    for table in ROLLUPS:
        assert after[table] == before[table], f"rebuilding changes {table}"


def rollups(installation: Installation) -> Mapping[str, Sequence[str]]:
    """Every row of every rollup, sorted, as JSON."""
    return {table: _sorted(installation.sql(f"FROM {table}")) for table in ROLLUPS}


def _sorted(rows: Sequence[Row]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)
