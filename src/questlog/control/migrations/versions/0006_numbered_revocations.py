"""Revocations are numbered in the order of their commits."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_TABLES = ("revoked_session_tokens", "revoked_identities")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("change_no", sa.BigInteger(), nullable=False, server_default="0"))
        op.create_index(op.f(f"ix_{table}_change_no"), table, ["change_no"])
