"""How long a game's events are kept, and whether the game is deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("games", sa.Column("keep_days", sa.Integer(), nullable=True))
    op.add_column("games", sa.Column("deleted_at", sa.BigInteger(), nullable=True))
