"""What Alembic runs: the steps, on the connection that ``upgrade`` gave, in its transaction."""

from alembic import context

from trove.db.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
