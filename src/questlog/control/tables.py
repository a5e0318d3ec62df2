"""The tables of the control database. Times are UTC microseconds unless a name ends in `_s` (UTC seconds).

A change here needs a migration in `migrations/versions` and its number in `SCHEMA_REVISION`.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    false,
)

SCHEMA_REVISION = "0011"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Counters and places: `version` grows with every change that a snapshot shows.
markers = Table(
    "markers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# What the installation made for itself and must keep.
kept_values = Table(
    "kept_values",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

games = Table(
    "games",
    metadata,
    Column("game_id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("game_key", Text, nullable=False, unique=True),
    Column("secret_key", Text, nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("is_strict", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("time_zone", Text, nullable=False, server_default="UTC"),
    Column("is_lenient", Boolean, nullable=False, server_default=false()),
    # Days that its events are kept: NULL = as `event.keep_days` says, 0 = for ever.
    Column("keep_days", Integer),
    # Set when it is deleted. The row stays: its number is never used again, and late events of it are known as such.
    Column("deleted_at", BigInteger),
    # The secret key before the last rotation, and until when it is accepted.
    Column("old_secret_key", Text),
    Column("old_secret_until", BigInteger),
    sqlite_autoincrement=True,
)

event_definitions = Table(
    "event_definitions",
    metadata,
    Column("game_id", Integer, ForeignKey("games.game_id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
)

# What the receipts of a game's purchases are checked with.
receipt_settings = Table(
    "receipt_settings",
    metadata,
    Column("game_id", Integer, ForeignKey("games.game_id", ondelete="CASCADE"), primary_key=True),
    Column("google_licence_key", Text),
    Column("apple_bundle_id", Text),
)

# Queries, funnels, segments, custom metrics: what people save to use again.
definitions = Table(
    "definitions",
    metadata,
    Column("game_id", Integer, ForeignKey("games.game_id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("definition", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("api_key_id", Integer, primary_key=True),
    Column("game_id", Integer, ForeignKey("games.game_id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    sqlite_autoincrement=True,
)

# A name is free again once its key is revoked: so a key is replaced. The migration says the same to PostgreSQL;
# saying it here would load that dialect (3 MB) into every collector.
_live_key = api_keys.c.revoked_at.is_(None)
Index("uq_api_keys_live_name", api_keys.c.game_id, api_keys.c.name, unique=True, sqlite_where=_live_key)

tokens = Table(
    "tokens",
    metadata,
    Column("token_id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("expires_at", BigInteger),
    sqlite_autoincrement=True,
)

_live_token = tokens.c.revoked_at.is_(None)
Index("uq_tokens_live_name", tokens.c.name, unique=True, sqlite_where=_live_token)

users = Table(
    "users",
    metadata,
    Column("user_id", Integer, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_login_at", BigInteger),
    sqlite_autoincrement=True,
)

# A link for one person: to become a user with the grants of the invitation, or, with a user, to set another password.
# Without an e-mail address it is for the first user. A row is deleted when the link is used or withdrawn.
invitations = Table(
    "invitations",
    metadata,
    Column("invitation_id", Integer, primary_key=True),
    Column("link_hash", Text, nullable=False, unique=True),
    Column("email", Text, index=True),
    Column("user_id", Integer, ForeignKey("users.user_id", ondelete="CASCADE"), index=True),
    Column("created_by", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

# A role of a user, a token or an invitation; without a game it is for all games. Grants for a game are deleted with it:
# a user without any other may then see nothing.
grants = Table(
    "grants",
    metadata,
    Column("grant_id", Integer, primary_key=True),
    Column("user_id", Integer, ForeignKey("users.user_id", ondelete="CASCADE"), index=True),
    Column("token_id", Integer, ForeignKey("tokens.token_id", ondelete="CASCADE"), index=True),
    Column("game_id", Integer, ForeignKey("games.game_id", ondelete="CASCADE")),
    Column("role", Text, nullable=False),
    Column("invitation_id", Integer, ForeignKey("invitations.invitation_id", ondelete="CASCADE"), index=True),
    sqlite_autoincrement=True,
)

# Log-ins of browsers. Without user and token: by the token of a server's own machine.
login_sessions = Table(
    "login_sessions",
    metadata,
    Column("login_id", Integer, primary_key=True),
    Column("cookie_hash", Text, nullable=False, unique=True),
    Column("user_id", Integer, ForeignKey("users.user_id", ondelete="CASCADE"), index=True),
    Column("token_id", Integer, ForeignKey("tokens.token_id", ondelete="CASCADE"), index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("idle_until", BigInteger, nullable=False, index=True),
    Column("expires_at", BigInteger, nullable=False),
    Column("address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    # When the password, or the token, was last given with this log-in.
    Column("proven_at", BigInteger, nullable=False, server_default="0"),
    sqlite_autoincrement=True,
)

# Failed attempts to log in, by where they come from and whom they are for.
attempts = Table(
    "attempts",
    metadata,
    Column("source", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("ends_at", BigInteger, nullable=False, index=True),
)

# Rows are added and deleted when they are old; triggers refuse any change of one.
audit_log = Table(
    "audit_log",
    metadata,
    Column("entry_id", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("game_id", Integer),
    Column("game", Text),
    Column("subject", Text),
    Column("before", JSON),
    Column("after", JSON),
    Column("address", Text),
    sqlite_autoincrement=True,
)

identities = Table(
    "identities",
    metadata,
    Column("game_id", Integer, ForeignKey("games.game_id", ondelete="CASCADE"), primary_key=True),
    Column("identity_id", Text, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("announced_at", BigInteger),
    Column("api_key_name", Text),
    Column("country", Text),
    Column("default_properties", JSON, nullable=False),
    Column("custom_properties", JSON, nullable=False),
)

computed_properties = Table(
    "computed_properties",
    metadata,
    Column("game_id", Integer, primary_key=True),
    Column("identity_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("seen_first", BigInteger, nullable=False),
    Column("seen_last", BigInteger, nullable=False),
    Column("value_sum", Float(53)),
    Column("value_high", Float(53)),
    Column("value_low", Float(53)),
    ForeignKeyConstraint(
        ["game_id", "identity_id"], ["identities.game_id", "identities.identity_id"], ondelete="CASCADE"
    ),
)

# A player that will be erased at `due_at`; the row is deleted when that is done.
player_erasures = Table(
    "player_erasures",
    metadata,
    Column("game_id", Integer, ForeignKey("games.game_id", ondelete="CASCADE"), primary_key=True),
    Column("player_id", Text, primary_key=True),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False, index=True),
)

# What a user or token wants the pages to remember. `who` is as in the audit log.
preferences = Table(
    "preferences",
    metadata,
    Column("who", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", JSON, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

# The statements that a user or token ran on the SQL page.
sql_history = Table(
    "sql_history",
    metadata,
    Column("entry_id", Integer, primary_key=True),
    Column("who", Text, nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
    Column("statement", Text, nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("rows", BigInteger),
    Column("took_ms", Float(53), nullable=False),
    Column("error", Text),
    sqlite_autoincrement=True,
)

# `change_no` of both tables: revocations are numbered in the order of their commits (the marker `revocation`).
revoked_session_tokens = Table(
    "revoked_session_tokens",
    metadata,
    Column("game_id", Integer, primary_key=True),
    Column("token_id", Text, primary_key=True),
    Column("expires_at_s", BigInteger, nullable=False, index=True),
    Column("change_no", BigInteger, nullable=False, server_default="0", index=True),
)

# No reference to identities: the tokens of a deleted one stay revoked.
revoked_identities = Table(
    "revoked_identities",
    metadata,
    Column("game_id", Integer, primary_key=True),
    Column("identity_id", Text, primary_key=True),
    Column("issued_through_s", BigInteger, nullable=False),
    Column("expires_at_s", BigInteger, nullable=False, index=True),
    Column("change_no", BigInteger, nullable=False, server_default="0", index=True),
)
