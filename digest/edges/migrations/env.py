"""Alembic's entry: the connection comes from `database.py`, which calls us inside its own transaction."""

from alembic import context

from digest.edges.tables import metadata

# batch mode: SQLite cannot alter a table in place
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
