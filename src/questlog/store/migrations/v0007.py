"""Version 7: an id that tells this store from others."""

STATEMENTS = (
    "CREATE TABLE store (store_id VARCHAR)",
    "INSERT INTO store VALUES (uuid()::VARCHAR)",
)
