"""What pages remember for a user, and the statements that a user ran."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "preferences",
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("who", "name", name=op.f("pk_preferences")),
    )
    op.create_table(
        "sql_history",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("rows", sa.BigInteger()),
        sa.Column("took_ms", sa.Float(53), nullable=False),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_sql_history")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_sql_history_who"), "sql_history", ["who"])
