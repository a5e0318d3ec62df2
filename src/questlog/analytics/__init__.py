"""A studio's questions, as data: planned, compiled by Ibis for the store's engine, answered as a typed table."""
