"""The analytics store on DuckDB, embedded: the default engine."""
