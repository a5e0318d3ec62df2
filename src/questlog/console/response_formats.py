"""The formats of answers, for the API and for downloads from pages."""

import enum


class ResponseFormat(enum.StrEnum):
    """The format of an answer."""

    JSON = "json"
    COMPACT = "compact"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"


MEDIA_TYPES = {
    ResponseFormat.JSON: "application/json",
    ResponseFormat.COMPACT: "application/json",
    ResponseFormat.CSV: "text/csv",
    ResponseFormat.PARQUET: "application/vnd.apache.parquet",
    ResponseFormat.ARROW: "application/vnd.apache.arrow.stream",
}

EXPORTS = frozenset({ResponseFormat.CSV, ResponseFormat.PARQUET, ResponseFormat.ARROW})
"""The formats that are written to the audit log as exports: people keep them as files."""
