"""Queries over the metadata store.

Apart from the writing side: these are what plan, status and history show.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, and_, func, select

from headwater.plan.steps import Recorded
from headwater.runtime import codec
from headwater.runtime.metadata import tables
from headwater.runtime.metadata.values import (
    ChangeRecord,
    CheckRecord,
    LedgerEntry,
    PortStatus,
    ProductRecord,
    RunRecord,
)
from headwater.runtime.state.values import Watermark
from headwater.types import Counts, RelationName

__all__ = ["recorded", "released", "run", "runs", "status", "watermarks"]

fates = ("read", "accepted", "late", "quarantined")


def recorded(connection: Connection, environment: str) -> dict[RelationName, Recorded]:
    """All relations of an environment."""
    table = tables.relations
    found = connection.execute(select(table).where(table.c.environment == environment)).mappings()
    rows = (codec.to_recorded({key: str(value) for key, value in row.items()}) for row in found)
    return {row.relation: row for row in rows}


def released(connection: Connection, environment: str, product: str) -> dict[str, int]:
    """Ids of released rows, each with the newest epoch that released it."""
    table = tables.released
    query = (
        select(table.c.quarantine_id, func.max(table.c.epoch).label("epoch"))
        .where(table.c.environment == environment, table.c.product == product)
        .group_by(table.c.quarantine_id)
    )
    return {str(row.quarantine_id): int(row.epoch) for row in connection.execute(query)}


def watermarks(connection: Connection, environment: str) -> dict[RelationName, Watermark]:
    """The watermarks of relations as their own products know them."""
    table = tables.watermarks
    found = connection.execute(select(table).where(table.c.environment == environment))
    marks = ((RelationName.parse(row.relation), row) for row in found)
    return {
        name: Watermark(row.newest, row.watermark, row.ended, row.active_at)
        for name, row in marks
        if row.product == name.product
    }


def runs(connection: Connection, limit: int, environment: str | None) -> tuple[RunRecord, ...]:
    """The newest runs with the sum of their ledgers."""
    table, rows = tables.runs, tables.ledger
    sums = select(rows.c.run, *(func.sum(rows.c[fate]).label(fate) for fate in fates)).group_by(rows.c.run).subquery()
    query = (
        select(table, *(func.coalesce(sums.c[fate], 0).label(fate) for fate in fates))
        .outerjoin(sums, sums.c.run == table.c.run)
        .order_by(table.c.started_at.desc(), table.c.run.desc())
        .limit(limit)
    )
    if environment is not None:
        query = query.where(table.c.environment == environment)
    return tuple(
        RunRecord(
            run=row.run,
            environment=row.environment,
            status=row.status,
            started_at=row.started_at,
            finished_at=row.finished_at,
            counts=Counts(*(int(getattr(row, fate)) for fate in fates)),
        )
        for row in connection.execute(query)
    )


def run(connection: Connection, id: str) -> RunRecord | None:
    """One run, with products, ledger, changes and checks."""
    head = connection.execute(select(tables.runs).where(tables.runs.c.run == id)).first()
    if head is None:
        return None
    products, rows, changes, checks = tables.run_products, tables.ledger, tables.changes, tables.checks
    ledger = tuple(
        LedgerEntry(
            row.run,
            row.epoch,
            RelationName.parse(row.relation),
            Counts(row.read, row.accepted, row.late, row.quarantined),
            row.replaced,
        )
        for row in connection.execute(
            select(rows).where(rows.c.run == id).order_by(rows.c.product, rows.c.epoch, rows.c.relation)
        )
    )
    return RunRecord(
        run=head.run,
        environment=head.environment,
        status=head.status,
        started_at=head.started_at,
        finished_at=head.finished_at,
        counts=sum((entry.counts for entry in ledger), Counts()),
        products=tuple(
            ProductRecord(row.product, row.status, row.epochs, row.finished_at, row.error)
            for row in connection.execute(select(products).where(products.c.run == id).order_by(products.c.position))
        ),
        ledger=ledger,
        changes=tuple(
            ChangeRecord(RelationName.parse(row.relation), row.change, row.reason, row.rebuilt)
            for row in connection.execute(select(changes).where(changes.c.run == id).order_by(changes.c.relation))
        ),
        checks=tuple(
            CheckRecord(
                RelationName.parse(row.relation), row.code, row.value, row.passed, row.severity, row.description
            )
            for row in connection.execute(
                select(checks).where(checks.c.run == id).order_by(checks.c.relation, checks.c.code, checks.c.epoch)
            )
        ),
    )


def status(connection: Connection, environment: str) -> tuple[PortStatus, ...]:
    """Every relation, its rows by fate since it was last replaced, and its newest epoch."""
    table, epochs = tables.relations, tables.epochs
    sums, failed = _sums(connection, environment), _failed_checks(connection, environment)
    marks = watermarks(connection, environment)
    moments = {
        (row.product, row.epoch): row
        for row in connection.execute(select(epochs).where(epochs.c.environment == environment))
    }
    ports = []
    for row in connection.execute(select(table).where(table.c.environment == environment).order_by(table.c.relation)):
        found, name = sums.get(row.relation), RelationName.parse(row.relation)
        epoch = int(found.newest) if found else row.epoch
        moment = moments.get((row.product, epoch))
        ports.append(
            PortStatus(
                relation=name,
                output=row.output,
                counts=Counts(*(int(getattr(found, fate)) for fate in fates)) if found else Counts(),
                epoch=epoch,
                run=moment.run if moment else None,
                changed_at=moment.committed_at if moment else None,
                failed_checks=failed.get(row.relation, 0),
                watermark=marks.get(name, Watermark()),
            )
        )
    return tuple(ports)


def _sums(connection: Connection, environment: str) -> dict[str, Row[Any]]:
    """For each relation the sum of its ledger since it was last replaced, and the newest epoch in it."""
    rows = tables.ledger
    mine = rows.c.environment == environment
    replaced = (
        select(rows.c.relation, func.max(rows.c.epoch).label("epoch"))
        .where(mine, rows.c.replaced)
        .group_by(rows.c.relation)
        .subquery()
    )
    query = (
        select(
            rows.c.relation,
            func.max(rows.c.epoch).label("newest"),
            *(func.sum(rows.c[fate]).label(fate) for fate in fates),
        )
        .outerjoin(replaced, replaced.c.relation == rows.c.relation)
        .where(mine, rows.c.epoch >= func.coalesce(replaced.c.epoch, 0))
        .group_by(rows.c.relation)
    )
    return {row.relation: row for row in connection.execute(query)}


def _failed_checks(connection: Connection, environment: str) -> dict[str, int]:
    """For each relation how many dataset checks failed when it was last judged."""
    checks = tables.checks
    newest = (
        select(checks.c.relation, func.max(checks.c.epoch).label("epoch"))
        .where(checks.c.environment == environment)
        .group_by(checks.c.relation)
        .subquery()
    )
    query = (
        select(checks.c.relation, func.count().label("failed"))
        .join(newest, and_(newest.c.relation == checks.c.relation, newest.c.epoch == checks.c.epoch))
        .where(checks.c.environment == environment, checks.c.passed.is_(False))
        .group_by(checks.c.relation)
    )
    return {row.relation: int(row.failed) for row in connection.execute(query)}
