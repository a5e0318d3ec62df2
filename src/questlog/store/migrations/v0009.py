"""Version 9: what rejected events said of themselves, where they lie, and counts of receipt by SDK and build.

Earlier rows have none of it: such events cannot be replayed, and such hours are of no SDK.
"""

_OF_REJECTED = (
    ("category", "VARCHAR"),
    ("event_id", "VARCHAR"),
    ("session_id", "VARCHAR"),
    ("build", "VARCHAR"),
    ("sdk_version", "VARCHAR"),
    ("country", "VARCHAR"),
    ("session_issued_at", "TIMESTAMP"),
    ("session_expires_at", "TIMESTAMP"),
    ("writer", "INTEGER"),
    ("segment", "BIGINT"),
    ("record_offset", "BIGINT"),
    ("record_index", "INTEGER"),
    ("resend_key", "VARCHAR"),
    ("is_complete", "BOOLEAN"),
)

STATEMENTS = (
    *(f"ALTER TABLE rejected_events ADD COLUMN {name} {kind}" for name, kind in _OF_REJECTED),
    *(f"ALTER TABLE ingest_hours ADD COLUMN {name} VARCHAR" for name in ("source", "sdk_version", "build")),
)
