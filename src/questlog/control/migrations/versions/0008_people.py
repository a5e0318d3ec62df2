"""Links for new users and new passwords, when a log-in was last proven, the secret key before the last rotation."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "invitations",
        sa.Column("invitation_id", sa.Integer(), nullable=False),
        sa.Column("link_hash", sa.Text(), nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("user_id", sa.Integer()),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.user_id"], name=op.f("fk_invitations_user_id_users"), ondelete="CASCADE"
        ),
        sa.UniqueConstraint("link_hash", name=op.f("uq_invitations_link_hash")),
        sa.PrimaryKeyConstraint("invitation_id", name=op.f("pk_invitations")),
        sqlite_autoincrement=True,
    )
    for name in ("email", "user_id"):
        op.create_index(op.f(f"ix_invitations_{name}"), "invitations", [name])
    with op.batch_alter_table("grants", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.add_column(sa.Column("invitation_id", sa.Integer()))
        table.create_foreign_key(
            op.f("fk_grants_invitation_id_invitations"),
            "invitations",
            ["invitation_id"],
            ["invitation_id"],
            ondelete="CASCADE",
        )
    op.create_index(op.f("ix_grants_invitation_id"), "grants", ["invitation_id"])
    op.add_column("login_sessions", sa.Column("proven_at", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("games", sa.Column("old_secret_key", sa.Text()))
    op.add_column("games", sa.Column("old_secret_until", sa.BigInteger()))
