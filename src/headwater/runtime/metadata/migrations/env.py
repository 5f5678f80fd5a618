"""How Alembic runs the migrations: on the connection that the store hands over.

Alembic loads this file under the name ``env_py``; imported otherwise it does nothing.
"""

from __future__ import annotations

from alembic import context

from headwater.runtime.metadata.opening import VERSION_TABLE


def run() -> None:
    """Run the migrations inside the caller's transaction."""
    context.configure(
        connection=context.config.attributes["connection"],
        version_table=VERSION_TABLE,
        transactional_ddl=False,
    )
    context.run_migrations()


if __name__ == "env_py":
    run()
