"""The analytics tables on ClickHouse: what the DuckDB store holds, for installations that outgrow one file."""
