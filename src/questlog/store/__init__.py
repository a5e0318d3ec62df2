"""The analytics store: tables, loading, queries. Only this package imports an engine's driver."""
