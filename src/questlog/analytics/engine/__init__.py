"""From an expression to an engine's rows: tables, functions, compiling, and a question's surroundings."""
