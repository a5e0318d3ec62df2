"""Where metrics come from: one module for each source, which says what it can answer exactly and builds it."""
