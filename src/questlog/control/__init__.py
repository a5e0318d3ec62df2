"""The control database: games, keys, users, tokens, identities."""
