"""The time zone of a game's days, and whether it is lenient."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("games", sa.Column("time_zone", sa.Text(), nullable=False, server_default="UTC"))
    op.add_column("games", sa.Column("is_lenient", sa.Boolean(), nullable=False, server_default=sa.false()))
