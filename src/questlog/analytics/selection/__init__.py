"""Which rows are meant: dimensions, filters, segments, buckets of time, and what is above a limit of cardinality."""
