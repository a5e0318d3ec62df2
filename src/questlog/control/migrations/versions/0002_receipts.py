"""What receipts are checked with."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "receipt_settings",
        sa.Column("game_id", sa.Integer(), nullable=False),
        sa.Column("google_licence_key", sa.Text(), nullable=True),
        sa.Column("apple_bundle_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["game_id"],
            ["games.game_id"],
            name=op.f("fk_receipt_settings_game_id_games"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("game_id", name=op.f("pk_receipt_settings")),
    )
