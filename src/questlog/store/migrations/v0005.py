"""Version 5: where no event names a platform, those with a country say more of a player, a day or a session.

Only rows with neither are concerned: an event that did not decide may have a country. Where none has, the order alone
changes, for an event with one would now decide before it.
"""

_DIMENSIONS = (
    "country",
    "platform",
    "os_version",
    "device",
    "manufacturer",
    "build",
    "engine_version",
    "sdk_version",
    "connection_type",
    "custom_01",
    "custom_02",
    "custom_03",
)
_IS_CONCERNED = "platform IS NULL AND country IS NULL"
_TIER_US = 1 << 60
_ROWS = 1 << 40
_DAY_NO = "player_no * 4194304 + (event_time::DATE - DATE '1970-01-01') + 2097152"


# Rows are changed in the order in which they are stored: in any other, DuckDB takes thirty times as long.
def _decided_by_country(
    table: str, columns: tuple[str, ...], *, key: str, number: str, rank: str, condition: str
) -> tuple[str, str]:
    """`number` is the key of an event's row in the table, for the events that the condition is true for."""
    sign, best = ("-", "max") if rank == "last_rank" else ("+", "min")
    said = ", ".join(f"{column} := {column}" for column in columns)
    return (
        f"""
        UPDATE {table} SET {rank} = found.place, {", ".join(f"{column} = found.said.{column}" for column in columns)}
        FROM (
            SELECT stored, {best}(place) AS place, arg_{best}(said, place) AS said
            FROM (
                SELECT {number} AS {key}, struct_pack({said}) AS said,
                    (epoch_us(event_time) {sign} {_TIER_US})::HUGEINT * {_ROWS} + row_no AS place
                FROM events WHERE platform IS NULL AND country IS NOT NULL AND {condition}
            ) JOIN (
                SELECT {key}, rowid AS stored FROM {table} WHERE {_IS_CONCERNED} AND {rank} IS NOT NULL
            ) USING ({key})
            GROUP BY stored ORDER BY stored
        ) AS found WHERE found.stored = {table}.rowid
        """,
        f"UPDATE {table} SET {rank} = {rank} {sign} {_TIER_US}::HUGEINT * {_ROWS} WHERE {_IS_CONCERNED}",
    )


STATEMENTS = (
    *_decided_by_country(
        "sessions",
        ("source", "session_num", *_DIMENSIONS),
        key="session_no",
        number="session_no",
        rank="first_rank",
        condition="session_no IS NOT NULL AND NOT session_is_matched",
    ),
    *_decided_by_country(
        "players",
        ("source", *_DIMENSIONS),
        key="player_no",
        number="player_no",
        rank="first_rank",
        condition="player_no IS NOT NULL",
    ),
    *_decided_by_country(
        "player_days",
        _DIMENSIONS,
        key="player_day_no",
        number=_DAY_NO,
        rank="last_rank",
        condition="player_no IS NOT NULL",
    ),
)
