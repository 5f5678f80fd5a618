"""The steps by which the tables of the metadata store came to be what they are.

Apart from opening because they only ever grow: a new store takes all of them,
an older one those that it lacks, and a step that is released never changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["MIGRATIONS", "MOMENT", "NEWEST", "VERSION_TABLE"]

VERSION_TABLE: Final = "headwater_schema"
"""Where the newest step that was taken stands, as ``version_num``."""

MOMENT: Final = "MOMENT"
"""In a step, the type in which the database keeps moments."""

_first: Final = (
    """CREATE TABLE headwater_runs (
        run VARCHAR(80) NOT NULL,
        environment VARCHAR(200) NOT NULL,
        status VARCHAR(20) NOT NULL,
        started_at MOMENT NOT NULL,
        finished_at MOMENT,
        PRIMARY KEY (run)
    )""",
    "CREATE INDEX headwater_runs_by_start ON headwater_runs (environment, started_at)",
    """CREATE TABLE headwater_run_products (
        run VARCHAR(80) NOT NULL,
        product VARCHAR(200) NOT NULL,
        environment VARCHAR(200) NOT NULL,
        position INTEGER NOT NULL,
        status VARCHAR(20) NOT NULL,
        epochs BIGINT NOT NULL,
        finished_at MOMENT,
        error TEXT,
        PRIMARY KEY (run, product)
    )""",
    """CREATE TABLE headwater_epochs (
        environment VARCHAR(200) NOT NULL,
        product VARCHAR(200) NOT NULL,
        epoch BIGINT NOT NULL,
        run VARCHAR(80) NOT NULL,
        kind VARCHAR(20) NOT NULL,
        committed_at MOMENT NOT NULL,
        PRIMARY KEY (environment, product, epoch)
    )""",
    """CREATE TABLE headwater_ledger (
        environment VARCHAR(200) NOT NULL,
        product VARCHAR(200) NOT NULL,
        epoch BIGINT NOT NULL,
        relation VARCHAR(400) NOT NULL,
        run VARCHAR(80) NOT NULL,
        read BIGINT NOT NULL,
        accepted BIGINT NOT NULL,
        late BIGINT NOT NULL,
        quarantined BIGINT NOT NULL,
        replaced BOOLEAN NOT NULL,
        PRIMARY KEY (environment, product, epoch, relation)
    )""",
    "CREATE INDEX headwater_ledger_by_run ON headwater_ledger (run)",
    """CREATE TABLE headwater_checks (
        environment VARCHAR(200) NOT NULL,
        product VARCHAR(200) NOT NULL,
        epoch BIGINT NOT NULL,
        relation VARCHAR(400) NOT NULL,
        code VARCHAR(400) NOT NULL,
        run VARCHAR(80) NOT NULL,
        value TEXT NOT NULL,
        passed BOOLEAN NOT NULL,
        severity VARCHAR(20) NOT NULL,
        description TEXT NOT NULL,
        PRIMARY KEY (environment, product, epoch, relation, code)
    )""",
    "CREATE INDEX headwater_checks_by_run ON headwater_checks (run)",
    """CREATE TABLE headwater_relations (
        environment VARCHAR(200) NOT NULL,
        relation VARCHAR(400) NOT NULL,
        product VARCHAR(200) NOT NULL,
        fingerprint VARCHAR(200) NOT NULL,
        own_fingerprint VARCHAR(200) NOT NULL,
        metadata_fingerprint VARCHAR(200) NOT NULL,
        schema_json TEXT NOT NULL,
        canonical TEXT NOT NULL,
        output VARCHAR(40) NOT NULL,
        traits TEXT NOT NULL,
        epoch BIGINT NOT NULL,
        PRIMARY KEY (environment, relation)
    )""",
    """CREATE TABLE headwater_changes (
        run VARCHAR(80) NOT NULL,
        relation VARCHAR(400) NOT NULL,
        environment VARCHAR(200) NOT NULL,
        change VARCHAR(40) NOT NULL,
        reason TEXT NOT NULL,
        rebuilt BOOLEAN NOT NULL,
        PRIMARY KEY (run, relation)
    )""",
    """CREATE TABLE headwater_absorbed (
        environment VARCHAR(200) NOT NULL,
        product VARCHAR(200) NOT NULL,
        epoch BIGINT NOT NULL,
        PRIMARY KEY (environment, product)
    )""",
)

_released: Final = (
    """CREATE TABLE headwater_released (
        environment VARCHAR(200) NOT NULL,
        product VARCHAR(200) NOT NULL,
        quarantine_id VARCHAR(80) NOT NULL,
        epoch BIGINT NOT NULL,
        PRIMARY KEY (environment, product, quarantine_id, epoch)
    )""",
)

_watermarks: Final = (
    """CREATE TABLE headwater_watermarks (
        environment VARCHAR(200) NOT NULL,
        relation VARCHAR(400) NOT NULL,
        product VARCHAR(200) NOT NULL,
        newest MOMENT,
        watermark MOMENT,
        ended BOOLEAN NOT NULL,
        active_at MOMENT,
        epoch BIGINT NOT NULL,
        PRIMARY KEY (environment, relation, product)
    )""",
)

MIGRATIONS: Final[Mapping[str, tuple[str, ...]]] = {"0001": _first, "0002": _released, "0003": _watermarks}
"""The statements of each step, oldest first; tables that come with a later one fill with a product's next epoch."""

NEWEST: Final = max(MIGRATIONS)
