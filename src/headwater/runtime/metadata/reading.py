"""Queries over the metadata store.

Apart from the writing side: these are what plan, status and history show.
"""

from __future__ import annotations

from typing import Any, Final

from headwater.plan.steps import Recorded
from headwater.runtime import codec
from headwater.runtime.metadata.database import Connection, Row, to_moment, to_moment_or_none
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

_fates: Final = ("read", "accepted", "late", "quarantined")
_sums: Final = ", ".join(f"sum({fate}) AS {fate}" for fate in _fates)


def recorded(connection: Connection, environment: str) -> dict[RelationName, Recorded]:
    """All relations of an environment."""
    query = "SELECT * FROM headwater_relations WHERE environment = :environment"
    rows = (codec.to_recorded(row) for row in connection.rows(query, {"environment": environment}))
    return {row.relation: row for row in rows}


def released(connection: Connection, environment: str, product: str) -> dict[str, int]:
    """Ids of released rows, each with the newest epoch that released it."""
    query = (
        "SELECT quarantine_id, max(epoch) AS epoch FROM headwater_released "
        "WHERE environment = :environment AND product = :product GROUP BY quarantine_id"
    )
    found = connection.rows(query, {"environment": environment, "product": product})
    return {row["quarantine_id"]: int(row["epoch"]) for row in found}


def watermarks(connection: Connection, environment: str) -> dict[RelationName, Watermark]:
    """The watermarks of relations as their own products know them."""
    query = "SELECT * FROM headwater_watermarks WHERE environment = :environment"
    found = ((RelationName.parse(row["relation"]), row) for row in connection.rows(query, {"environment": environment}))
    return {
        name: Watermark(
            to_moment_or_none(row["newest"]),
            to_moment_or_none(row["watermark"]),
            bool(row["ended"]),
            to_moment_or_none(row["active_at"]),
        )
        for name, row in found
        if row["product"] == name.product
    }


def runs(connection: Connection, limit: int, environment: str | None) -> tuple[RunRecord, ...]:
    """The newest runs with the sum of their ledgers."""
    sums = ", ".join(f"coalesce(sums.{fate}, 0) AS {fate}" for fate in _fates)
    query = (
        f"SELECT runs.*, {sums} FROM headwater_runs AS runs "
        f"LEFT JOIN (SELECT run, {_sums} FROM headwater_ledger GROUP BY run) AS sums ON sums.run = runs.run "
        f"{'' if environment is None else 'WHERE runs.environment = :environment '}"
        "ORDER BY runs.started_at DESC, runs.run DESC LIMIT :limit"
    )
    given: dict[str, Any] = {"limit": limit} if environment is None else {"limit": limit, "environment": environment}
    return tuple(
        RunRecord(
            run=row["run"],
            environment=row["environment"],
            status=row["status"],
            started_at=to_moment(row["started_at"]),
            finished_at=to_moment_or_none(row["finished_at"]),
            counts=_counts(row),
        )
        for row in connection.rows(query, given)
    )


def run(connection: Connection, id: str) -> RunRecord | None:
    """One run, with products, ledger, changes and checks."""
    given = {"run": id}
    heads = connection.rows("SELECT * FROM headwater_runs WHERE run = :run", given)
    if not heads:
        return None
    head = heads[0]
    ledger = tuple(
        LedgerEntry(row["run"], row["epoch"], RelationName.parse(row["relation"]), _counts(row), bool(row["replaced"]))
        for row in connection.rows(
            "SELECT * FROM headwater_ledger WHERE run = :run ORDER BY product, epoch, relation", given
        )
    )
    return RunRecord(
        run=head["run"],
        environment=head["environment"],
        status=head["status"],
        started_at=to_moment(head["started_at"]),
        finished_at=to_moment_or_none(head["finished_at"]),
        counts=sum((entry.counts for entry in ledger), Counts()),
        products=tuple(
            ProductRecord(
                row["product"], row["status"], row["epochs"], to_moment_or_none(row["finished_at"]), row["error"]
            )
            for row in connection.rows("SELECT * FROM headwater_run_products WHERE run = :run ORDER BY position", given)
        ),
        ledger=ledger,
        changes=tuple(
            ChangeRecord(RelationName.parse(row["relation"]), row["change"], row["reason"], bool(row["rebuilt"]))
            for row in connection.rows("SELECT * FROM headwater_changes WHERE run = :run ORDER BY relation", given)
        ),
        checks=tuple(
            CheckRecord(
                RelationName.parse(row["relation"]),
                row["code"],
                row["value"],
                bool(row["passed"]),
                row["severity"],
                row["description"],
            )
            for row in connection.rows(
                "SELECT * FROM headwater_checks WHERE run = :run ORDER BY relation, code, epoch", given
            )
        ),
    )


def status(connection: Connection, environment: str) -> tuple[PortStatus, ...]:
    """Every relation, its rows by fate since it was last replaced, and its newest epoch."""
    given = {"environment": environment}
    sums, failed = _since_replaced(connection, environment), _failed_checks(connection, environment)
    marks = watermarks(connection, environment)
    moments = {
        (row["product"], row["epoch"]): row
        for row in connection.rows("SELECT * FROM headwater_epochs WHERE environment = :environment", given)
    }
    ports = []
    query = "SELECT * FROM headwater_relations WHERE environment = :environment ORDER BY relation"
    for row in connection.rows(query, given):
        found, name = sums.get(row["relation"]), RelationName.parse(row["relation"])
        epoch = int(found["newest"]) if found else row["epoch"]
        moment = moments.get((row["product"], epoch))
        ports.append(
            PortStatus(
                relation=name,
                output=row["output"],
                counts=_counts(found) if found else Counts(),
                epoch=epoch,
                run=moment["run"] if moment else None,
                changed_at=to_moment_or_none(moment["committed_at"]) if moment else None,
                failed_checks=failed.get(row["relation"], 0),
                watermark=marks.get(name, Watermark()),
            )
        )
    return tuple(ports)


def _since_replaced(connection: Connection, environment: str) -> dict[str, Row]:
    """For each relation the sum of its ledger since it was last replaced, and the newest epoch in it."""
    sums = ", ".join(f"sum(ledger.{fate}) AS {fate}" for fate in _fates)
    query = (
        f"SELECT ledger.relation AS relation, max(ledger.epoch) AS newest, {sums} FROM headwater_ledger AS ledger "
        "LEFT JOIN (SELECT relation, max(epoch) AS epoch FROM headwater_ledger "
        "WHERE environment = :environment AND replaced GROUP BY relation) AS begun "
        "ON begun.relation = ledger.relation "
        "WHERE ledger.environment = :environment AND ledger.epoch >= coalesce(begun.epoch, 0) "
        "GROUP BY ledger.relation"
    )
    return {row["relation"]: row for row in connection.rows(query, {"environment": environment})}


def _failed_checks(connection: Connection, environment: str) -> dict[str, int]:
    """For each relation how many dataset checks failed when it was last judged."""
    query = (
        "SELECT checks.relation AS relation, count(*) AS failed FROM headwater_checks AS checks "
        "JOIN (SELECT relation, max(epoch) AS epoch FROM headwater_checks "
        "WHERE environment = :environment GROUP BY relation) AS newest "
        "ON newest.relation = checks.relation AND newest.epoch = checks.epoch "
        "WHERE checks.environment = :environment AND NOT checks.passed GROUP BY checks.relation"
    )
    return {row["relation"]: int(row["failed"]) for row in connection.rows(query, {"environment": environment})}


def _counts(row: Row) -> Counts:
    return Counts(*(int(row[fate]) for fate in _fates))
