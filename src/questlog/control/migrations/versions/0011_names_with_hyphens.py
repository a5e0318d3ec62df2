"""The kinds of definitions are written as in addresses: `custom-metric`, `error-groups`."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    definitions = sa.table("definitions", sa.column("kind", sa.Text()))
    op.execute(
        definitions.update()
        .where(definitions.c.kind.in_(["custom_metric", "error_groups"]))
        .values(kind=sa.func.replace(definitions.c.kind, "_", "-"))
    )
