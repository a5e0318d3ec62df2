"""What Alembic runs: migrate over the connection, and inside the transaction, that `migrate` gives it."""

from alembic import context

from questlog.control.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter a column in place
)
context.run_migrations()
