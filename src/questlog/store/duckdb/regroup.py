"""Putting stored events into sessions again, in SQL: by the same rules as `families` and `runs` do for a batch.

Sessions keep their numbers as far as they can: a run gets the least number that an event of it had, unless an earlier
run has it.
"""

from questlog.store.duckdb.transaction import Parameters, Transaction

_KIND = "CASE source WHEN 'gameanalytics' THEN 0 WHEN 'satori_server' THEN 2 ELSE 1 END"
_TOKEN, _SERVER = 1, 2

NAMES_SESSION = "session_no IS NOT NULL AND player_no IS NOT NULL AND NOT session_is_matched"
"""Which events name their session (a condition on the columns of events)."""

# The events of one number with the same player, session number and kind of source are of one family. Few pieces are
# longer than the gap, and only those can be of several runs.
_PIECES = f"""
    CREATE OR REPLACE TEMP TABLE pieces AS
    SELECT session_no AS old_no, player_no, session_num, {_KIND} AS kind, any_value(game_id) AS game_id,
        any_value(session_id) AS session_id, min(event_time) AS first, max(event_time) AS last
    FROM events WHERE {NAMES_SESSION} AND ({{condition}})
    GROUP BY session_no, player_no, session_num, {_KIND}
"""

_IS_LONG = "epoch_us(last) - epoch_us(first) > $gap_us"

_SPLIT = f"""
    CREATE OR REPLACE TEMP TABLE split_pieces AS
    WITH times AS (
        SELECT piece.rowid AS piece, event_time FROM pieces AS piece JOIN events AS event
            ON event.session_no = piece.old_no AND event.player_no = piece.player_no
            AND event.session_num IS NOT DISTINCT FROM piece.session_num AND {_KIND} = piece.kind
        WHERE NOT event.session_is_matched AND {_IS_LONG}
    ), steps AS (
        SELECT piece, event_time, coalesce(epoch_us(event_time) - lag(epoch_us(event_time))
            OVER (PARTITION BY piece ORDER BY event_time) > $gap_us, true)::INTEGER AS is_start
        FROM times
    ), parts AS (
        SELECT piece, event_time, sum(is_start) OVER (PARTITION BY piece ORDER BY event_time
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS part
        FROM steps
    )
    SELECT piece, min(event_time) AS first, max(event_time) AS last FROM parts GROUP BY piece, part
"""

_FAMILY = "game_id, session_id, is_of_token, owner, num"
_BEFORE = f"OVER (PARTITION BY {_FAMILY} ORDER BY first, last ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
_SO_FAR = f"OVER (PARTITION BY {_FAMILY} ORDER BY first, last ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"

_IN_RUNS = f"""
    CREATE OR REPLACE TEMP TABLE run_pieces AS
    WITH parts AS (
        SELECT * FROM pieces WHERE NOT ({_IS_LONG})
        UNION ALL
        SELECT pieces.* REPLACE (part.first AS first, part.last AS last)
        FROM split_pieces AS part JOIN pieces ON pieces.rowid = part.piece
    ), tokens AS (
        SELECT DISTINCT game_id, session_id, true AS has_token FROM pieces WHERE kind = {_TOKEN}
    ), owned AS (
        SELECT parts.*, kind = {_TOKEN} OR (kind = {_SERVER} AND coalesce(has_token, false)) AS is_of_token,
            CASE WHEN NOT is_of_token THEN player_no END AS owner, CASE WHEN NOT is_of_token THEN session_num END AS num
        FROM parts LEFT JOIN tokens USING (game_id, session_id)
    ), steps AS (
        SELECT *, coalesce(epoch_us(first) - max(epoch_us(last)) {_BEFORE} > $gap_us, true)::INTEGER AS is_start
        FROM owned
    )
    SELECT *, sum(is_start) {_SO_FAR} AS run FROM steps
"""

_IS_OF_FAMILY = """
    was_of_token = is_of_token AND (is_of_token OR (old_player_no = owner AND old_num IS NOT DISTINCT FROM num))
"""

_RUNS = f"""
    CREATE OR REPLACE TEMP TABLE runs AS
    WITH found AS (
        SELECT {_FAMILY}, run, min(first) AS first, max(last) AS last, min(old_no) AS least_no,
            min(old_family_no) FILTER ({_IS_OF_FAMILY}) AS stored_family
        FROM run_pieces LEFT JOIN (
            SELECT session_no AS old_no, family_no AS old_family_no, is_of_token AS was_of_token,
                player_no AS old_player_no, session_num AS old_num FROM sessions
        ) USING (old_no)
        GROUP BY {_FAMILY}, run
    ), ranked AS (
        SELECT *, lag(last) OVER (PARTITION BY {_FAMILY} ORDER BY run) AS before,
            row_number() OVER (PARTITION BY least_no ORDER BY first, is_of_token, owner, num, run) = 1 AS is_kept
        FROM found
    ), numbered AS (
        SELECT *, CASE WHEN is_kept THEN least_no ELSE $last_no + row_number() OVER (
            PARTITION BY is_kept ORDER BY least_no, first, is_of_token, owner, num, run) END AS session_no
        FROM ranked
    )
    SELECT *, coalesce(min(stored_family) OVER (PARTITION BY {_FAMILY}), min(session_no) OVER (PARTITION BY {_FAMILY}))
        AS family_no
    FROM numbered
"""

_MOVED = f"""
    CREATE OR REPLACE TEMP TABLE moved_rows AS
    SELECT event.row_no, runs.session_no
    FROM run_pieces AS piece
        JOIN runs ON runs.game_id = piece.game_id AND runs.session_id = piece.session_id AND runs.run = piece.run
            AND runs.is_of_token = piece.is_of_token AND runs.owner IS NOT DISTINCT FROM piece.owner
            AND runs.num IS NOT DISTINCT FROM piece.num
        JOIN events AS event ON event.session_no = piece.old_no AND event.player_no = piece.player_no
            AND event.session_num IS NOT DISTINCT FROM piece.session_num AND {_KIND} = piece.kind
    WHERE piece.old_no <> runs.session_no AND NOT event.session_is_matched
        AND event.event_time BETWEEN piece.first AND piece.last
"""

_HAS_MOVES = """
    SELECT 1 FROM run_pieces WHERE old_no NOT IN (SELECT session_no FROM runs)
    UNION ALL SELECT 1 FROM runs WHERE session_no <> least_no
    UNION ALL SELECT 1 FROM run_pieces GROUP BY old_no HAVING count(DISTINCT (game_id, session_id, is_of_token, owner,
        num, run)) > 1 LIMIT 1
"""

_TEMPORARY = ("pieces", "split_pieces", "run_pieces", "moved_rows")


def regroup(
    transaction: Transaction, gap_us: int, last_no: int, condition: str = "true", parameters: Parameters | None = None
) -> int:
    """Number the sessions of the stored events that the condition is true for; returns the last number given out.

    The condition must be true for all or none of the events of a family. Leaves the table `runs` with each session's
    `family_no`, `is_of_token` and `before`: when the run before it in the family ended.
    """
    gap = {"gap_us": gap_us}
    transaction.write(_PIECES.format(condition=condition), parameters)
    transaction.write(_SPLIT, gap)
    transaction.write(_IN_RUNS, gap)
    transaction.write(_RUNS, {"last_no": last_no})
    if transaction.read(_HAS_MOVES).num_rows:
        transaction.write(_MOVED)
        for table in ("events", "purchases"):
            transaction.write(
                f"UPDATE {table} SET session_no = moved_rows.session_no FROM moved_rows"
                f" WHERE moved_rows.row_no = {table}.row_no"
            )
    for table in _TEMPORARY:
        transaction.write(f"DROP TABLE IF EXISTS {table}")
    found: int | None = transaction.read("SELECT max(session_no) AS last FROM runs")["last"][0].as_py()
    return max(last_no, found or 0)


EVENTS_OF_RUNS = """(
    SELECT events.*, CASE WHEN runs.before IS NULL OR session_issued_at > runs.before
        THEN session_issued_at END AS created_at
    FROM events JOIN runs ON runs.session_no = events.session_no
)"""
"""SQL: the events of the sessions in `runs`, with what `sessions.facts` reads besides."""
