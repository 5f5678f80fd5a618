"""The tables of a state file, and how an older file becomes a newer one.

Apart from the store: every step of ``upgrades`` brings a file from the version
before it to its own, so that any older file is upgraded by running the rest.
"""

from __future__ import annotations

from typing import Final

from headwater.errors import TerminalError
from headwater.spi.engine import Session

__all__ = ["ensure_schema", "newest_version"]

upgrades: Final[tuple[tuple[str, ...], ...]] = (
    (
        "CREATE TABLE headwater.positions (relation VARCHAR, position VARCHAR, epoch BIGINT)",
        "CREATE TABLE headwater.foreign_positions (relation VARCHAR, version BIGINT, content VARCHAR, epoch BIGINT)",
        "CREATE TABLE headwater.versions (relation VARCHAR, token VARCHAR, epoch BIGINT)",
        "CREATE TABLE headwater.refreshed (relation VARCHAR, inputs VARCHAR, epoch BIGINT)",
        """CREATE TABLE headwater.relations (relation VARCHAR, fingerprint VARCHAR, own_fingerprint VARCHAR,
             metadata_fingerprint VARCHAR, schema_json VARCHAR, canonical VARCHAR, "output" VARCHAR, traits VARCHAR,
             epoch BIGINT)""",
        "CREATE TABLE headwater.epochs (epoch BIGINT, run VARCHAR, kind VARCHAR, committed_at VARCHAR)",
        "CREATE TABLE headwater.outbox (epoch BIGINT, ordinal BIGINT, format VARCHAR, committable VARCHAR)",
        """CREATE TABLE headwater.ledger (epoch BIGINT, run VARCHAR, relation VARCHAR, "read" BIGINT, accepted BIGINT,
             late BIGINT, quarantined BIGINT, replaced BOOLEAN)""",
        """CREATE TABLE headwater.checks (epoch BIGINT, run VARCHAR, relation VARCHAR, code VARCHAR, "value" VARCHAR,
             passed BOOLEAN, severity VARCHAR, description VARCHAR)""",
        "CREATE TABLE headwater.released (quarantine_id VARCHAR, epoch BIGINT)",
        "CREATE TABLE headwater.staging (relation VARCHAR, format VARCHAR)",
    ),
    ("ALTER TABLE headwater.foreign_positions ADD COLUMN identity VARCHAR",),
    (
        """CREATE TABLE headwater.watermarks (relation VARCHAR, newest VARCHAR, watermark VARCHAR, ended BOOLEAN,
             active_at VARCHAR, epoch BIGINT)""",
    ),
    ("CREATE TABLE headwater.journal (epoch BIGINT, record VARCHAR)",),
)

newest_version: Final = len(upgrades)


def ensure_schema(session: Session) -> bool:
    """Create or upgrade the tables, in one transaction; returns whether there were none.

    Raises:
        TerminalError: a newer headwater wrote the file.
    """
    found = _version(session)
    if found == newest_version:
        return False
    if found > newest_version:
        raise TerminalError(
            f"the state file has version {found}, this headwater knows versions up to {newest_version}",
            hint="upgrade headwater",
        )
    session.begin()
    try:
        if found == 0:
            session.execute("CREATE SCHEMA headwater")
            session.execute("CREATE TABLE headwater.version (number BIGINT)")
            session.execute("INSERT INTO headwater.version VALUES (0)")
        for step in upgrades[found:]:
            for statement in step:
                session.execute(statement)
        session.execute("UPDATE headwater.version SET number = ?", [newest_version])
    except BaseException:
        session.rollback()
        raise
    session.commit()
    return found == 0


def _version(session: Session) -> int:
    # Looking through the tables would take ten times as long: DuckDB first makes all views of its own catalogue.
    made = session.fetch("SELECT 1 FROM duckdb_schemas() WHERE schema_name = 'headwater'")
    return int(session.fetch("SELECT number FROM headwater.version")[0][0]) if made else 0
