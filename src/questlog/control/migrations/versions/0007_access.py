"""Roles per game, tokens that expire, log-ins and failed attempts of all processes, the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

# Who could do everything until now may do everything: users with the role admin, and every token.
_GRANT_USERS = """
    INSERT INTO grants (user_id, role)
    SELECT user_id, CASE role WHEN 'admin' THEN 'owner' ELSE role END FROM users
"""
_GRANT_TOKENS = "INSERT INTO grants (token_id, role) SELECT token_id, 'owner' FROM tokens"

# An entry can be deleted once it is a week older than the newest one; none can be changed.
_KEPT = "OLD.at > (SELECT max(at) FROM audit_log) - 604800000000"
_SQLITE_TRIGGERS = (
    """
    CREATE TRIGGER audit_log_is_not_changed BEFORE UPDATE ON audit_log
    BEGIN SELECT raise(ABORT, 'the audit log is not changed'); END
    """,
    f"""
    CREATE TRIGGER audit_log_is_kept BEFORE DELETE ON audit_log WHEN {_KEPT}
    BEGIN SELECT raise(ABORT, 'the audit log is kept'); END
    """,
)
_POSTGRESQL_TRIGGERS = (
    f"""
    CREATE FUNCTION audit_log_refusal() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            RAISE EXCEPTION 'the audit log is not changed';
        ELSIF {_KEPT} THEN
            RAISE EXCEPTION 'the audit log is kept';
        END IF;
        RETURN OLD;
    END $$
    """,
    """
    CREATE TRIGGER audit_log_refusal BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_refusal()
    """,
)


def upgrade() -> None:
    op.add_column("tokens", sa.Column("expires_at", sa.BigInteger()))
    op.add_column("users", sa.Column("last_login_at", sa.BigInteger()))
    _create_grants()
    op.execute(_GRANT_USERS)
    op.execute(_GRANT_TOKENS)
    op.drop_column("users", "role")
    _create_login_sessions()
    _create_attempts()
    _create_audit_log()


def _create_grants() -> None:
    op.create_table(
        "grants",
        sa.Column("grant_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer()),
        sa.Column("token_id", sa.Integer()),
        sa.Column("game_id", sa.Integer()),
        sa.Column("role", sa.Text(), nullable=False),
        *_belongs_to_someone("grants"),
        sa.ForeignKeyConstraint(
            ["game_id"], ["games.game_id"], name=op.f("fk_grants_game_id_games"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("grant_id", name=op.f("pk_grants")),
        sqlite_autoincrement=True,
    )
    _index_someone("grants")


def _create_login_sessions() -> None:
    op.create_table(
        "login_sessions",
        sa.Column("login_id", sa.Integer(), nullable=False),
        sa.Column("cookie_hash", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Integer()),
        sa.Column("token_id", sa.Integer()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("idle_until", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        *_belongs_to_someone("login_sessions"),
        sa.UniqueConstraint("cookie_hash", name=op.f("uq_login_sessions_cookie_hash")),
        sa.PrimaryKeyConstraint("login_id", name=op.f("pk_login_sessions")),
        sqlite_autoincrement=True,
    )
    _index_someone("login_sessions")
    op.create_index(op.f("ix_login_sessions_idle_until"), "login_sessions", ["idle_until"])


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_ends_at"), "attempts", ["ends_at"])


def _create_audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("game_id", sa.Integer()),
        sa.Column("game", sa.Text()),
        sa.Column("subject", sa.Text()),
        sa.Column("before", sa.JSON()),
        sa.Column("after", sa.JSON()),
        sa.Column("address", sa.Text()),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_audit_log")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_audit_log_at"), "audit_log", ["at"])
    is_sqlite = op.get_context().dialect.name == "sqlite"
    for statement in _SQLITE_TRIGGERS if is_sqlite else _POSTGRESQL_TRIGGERS:
        op.execute(statement)


def _belongs_to_someone(table: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(
            [f"{owner}_id"],
            [f"{owner}s.{owner}_id"],
            name=op.f(f"fk_{table}_{owner}_id_{owner}s"),
            ondelete="CASCADE",
        )
        for owner in ("user", "token")
    ]


def _index_someone(table: str) -> None:
    for owner in ("user_id", "token_id"):
        op.create_index(op.f(f"ix_{table}_{owner}"), table, [owner])
