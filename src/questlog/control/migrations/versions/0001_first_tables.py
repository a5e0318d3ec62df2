"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "markers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_markers")),
    )
    op.create_table(
        "kept_values",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_kept_values")),
    )
    _create_games()
    _create_credentials()
    _create_identities()
    _create_revocations()


def _create_games() -> None:
    op.create_table(
        "games",
        sa.Column("game_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("game_key", sa.Text(), nullable=False),
        sa.Column("secret_key", sa.Text(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("is_strict", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("game_id", name=op.f("pk_games")),
        sa.UniqueConstraint("name", name=op.f("uq_games_name")),
        sa.UniqueConstraint("game_key", name=op.f("uq_games_game_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "event_definitions",
        sa.Column("game_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["game_id"], ["games.game_id"], name=op.f("fk_event_definitions_game_id_games"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("game_id", "name", name=op.f("pk_event_definitions")),
    )


def _create_credentials() -> None:
    op.create_table(
        "api_keys",
        sa.Column("api_key_id", sa.Integer(), nullable=False),
        sa.Column("game_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["game_id"], ["games.game_id"], name=op.f("fk_api_keys_game_id_games"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("api_key_id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key", name=op.f("uq_api_keys_key")),
        sqlite_autoincrement=True,
    )
    _create_unique_among_live("uq_api_keys_live_name", "api_keys", ["game_id", "name"])
    op.create_table(
        "tokens",
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_tokens_token_hash")),
        sqlite_autoincrement=True,
    )
    _create_unique_among_live("uq_tokens_live_name", "tokens", ["name"])
    op.create_table(
        "users",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
        sqlite_autoincrement=True,
    )


def _create_unique_among_live(name: str, table: str, columns: list[str]) -> None:
    live = sa.text("revoked_at IS NULL")
    op.create_index(name, table, columns, unique=True, sqlite_where=live, postgresql_where=live)


def _create_identities() -> None:
    op.create_table(
        "identities",
        sa.Column("game_id", sa.Integer(), nullable=False),
        sa.Column("identity_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("announced_at", sa.BigInteger(), nullable=True),
        sa.Column("api_key_name", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("default_properties", sa.JSON(), nullable=False),
        sa.Column("custom_properties", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["game_id"], ["games.game_id"], name=op.f("fk_identities_game_id_games"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("game_id", "identity_id", name=op.f("pk_identities")),
    )
    op.create_table(
        "computed_properties",
        sa.Column("game_id", sa.Integer(), nullable=False),
        sa.Column("identity_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("seen_first", sa.BigInteger(), nullable=False),
        sa.Column("seen_last", sa.BigInteger(), nullable=False),
        sa.Column("value_sum", sa.Float(53), nullable=True),
        sa.Column("value_high", sa.Float(53), nullable=True),
        sa.Column("value_low", sa.Float(53), nullable=True),
        sa.ForeignKeyConstraint(
            ["game_id", "identity_id"],
            ["identities.game_id", "identities.identity_id"],
            name=op.f("fk_computed_properties_game_id_identity_id_identities"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("game_id", "identity_id", "name", name=op.f("pk_computed_properties")),
    )


def _create_revocations() -> None:
    op.create_table(
        "revoked_session_tokens",
        sa.Column("game_id", sa.Integer(), nullable=False),
        sa.Column("token_id", sa.Text(), nullable=False),
        sa.Column("expires_at_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("game_id", "token_id", name=op.f("pk_revoked_session_tokens")),
    )
    op.create_index(op.f("ix_revoked_session_tokens_expires_at_s"), "revoked_session_tokens", ["expires_at_s"])
    op.create_table(
        "revoked_identities",
        sa.Column("game_id", sa.Integer(), nullable=False),
        sa.Column("identity_id", sa.Text(), nullable=False),
        sa.Column("issued_through_s", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("game_id", "identity_id", name=op.f("pk_revoked_identities")),
    )
    op.create_index(op.f("ix_revoked_identities_expires_at_s"), "revoked_identities", ["expires_at_s"])
