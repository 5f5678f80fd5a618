"""Conformance cases run as whole workspaces: files are read, rows judged, tables published, once for every epoch.

Apart from the programs' bench, which knows neither contracts nor commits. The case is the same data; what it says of
contracts, clocks, replays and changed models only means something here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from headwater.errors import DataError
from headwater.events import Listener
from headwater.incremental.program import ChangeMode
from headwater.plan.build import build_plan
from headwater.quality.changes import SUPERSEDED
from headwater.runtime.execution import run
from headwater.runtime.layout import Layout
from headwater.runtime.metadata import MetadataStore
from headwater.runtime.report import RunReport
from headwater.runtime.tables import Tables
from headwater.spec.contract import Budget, Contract, EventTime, Property, QualityRule, Reference
from headwater.spec.declarations import Environment, EpochSize, Lake, Model, Source, Workspace
from headwater.spec.durations import parse_duration
from headwater.spec.product import Product
from headwater.spi import discovery
from headwater.testing.cases import Case, CaseEpoch, product
from headwater.testing.law import Broken, unequal, values_query
from headwater.testing.programs import EventTime as GivenTime
from headwater.testing.programs import Row
from headwater.types import RelationName

__all__ = ["CaseWorkspace", "run_in_workspace"]

_start: Final = datetime(2024, 1, 1, tzinfo=UTC)


def run_in_workspace(case: Case, root: Path) -> int:
    """Run a case, one run of the workspace for each epoch; returns how many comparisons there were.

    Raises:
        Broken: something is not as the case says.
    """
    workspace = CaseWorkspace(case, root)
    compared = 0
    for number, epoch in enumerate(case.epochs, 1):
        report = workspace.run(number, epoch)
        if report is None:
            continue
        compared += _compare(workspace, number, epoch, report)
    return compared


def _compare(workspace: CaseWorkspace, number: int, epoch: CaseEpoch, report: RunReport) -> int:
    if not report.balanced:
        raise Broken(f"epoch {number}: read is not accepted + late + quarantined")
    for name, rows in epoch.expect.items():
        differences = unequal(workspace.typed(name, rows), workspace.rows(name))
        if differences:
            raise Broken(f"epoch {number}: {name} is not what the case expects\n{differences}")
    counts = {str(port.relation): port.counts for each in report.products for port in each.relations}
    for what, wanted in (("late", epoch.late), ("quarantined", epoch.quarantined)):
        found = {name: count for name, each in counts.items() if (count := getattr(each, what))}
        expected = {f"{product}.{name}": count for name, count in wanted.items()}
        if found != expected:
            raise Broken(f"epoch {number}: rows {what} are {found}, not {expected}")
    told = {str(c.relation): c.value for each in report.products for c in each.checks if c.code == SUPERSEDED}
    wanted = {f"{product}.{name}": count for name, count in epoch.superseded.items()}
    if told != wanted:
        raise Broken(f"epoch {number}: changes superseded are {told}, not {wanted}")
    return len(epoch.expect) + 3


class CaseWorkspace:
    """The workspace of a case under a folder: its rows as files, a file an epoch and relation.

    Args:
        epoch_bytes: about how much of each source an epoch of a run takes; 1 is a file.
    """

    def __init__(
        self,
        case: Case,
        root: Path,
        *,
        table_format: Literal["parquet", "delta", "iceberg"] = "parquet",
        epoch_bytes: int = EpochSize().bytes,
    ) -> None:
        self._case = case
        self._root = root
        self._format = table_format
        self._epoch_bytes = epoch_bytes
        self._models = dict(case.models)
        self._contracts = {name: dict(rules) for name, rules in case.contracts.items()}
        self._ended: set[str] = set()
        for source in case.sources:
            if source.changes is ChangeMode.REPLACE:
                raise ValueError(f"{source.name.name} is replaced, which rows of files are not")
        self.environment = Environment("dev", lake=Lake(format=table_format), settings={"threads": 1})

    @property
    def layout(self) -> Layout:
        return Layout(self._root, self.environment)

    def run(self, number: int, epoch: CaseEpoch, *, listener: Listener | None = None) -> RunReport | None:
        """One run over an epoch's rows, and those before; None when it fails, as the case says it does.

        May be asked again for an epoch whose run was killed.
        """
        self.declare(number, epoch)
        report = self._run(epoch, listener)
        if epoch.fails != bool(report.failures):
            raise Broken(
                f"epoch {number}: the run {'fails' if report.failures else 'does not fail'}: {report.failures}"
            )
        if epoch.fails and not all(isinstance(error, DataError) for error in report.failures):
            raise Broken(f"epoch {number}: the run fails of something else: {report.failures}")
        return None if epoch.fails else report

    def declare(self, number: int, epoch: CaseEpoch) -> None:
        """Have an epoch's rows as files, and what it declares; nothing is run."""
        self._write(number, epoch)
        self._models |= epoch.models
        for name, rules in epoch.contracts.items():
            self._contracts[name] = {**self._contracts.get(name, {}), **rules}
        self._ended |= set(epoch.end)

    def rows(self, name: str) -> list[Row]:
        """What is published of a model."""
        table = Tables(self.layout).open(RelationName(product, name), self._format)
        if not table.exists():
            return []
        with discovery.engine("duckdb").query({"threads": 1}) as session:
            session.view('"rows"', table.scan())
            return session.fetch('SELECT * FROM "rows"')

    def typed(self, name: str, rows: Any) -> list[Row]:
        """Rows of a case as values of the model's types."""
        table = Tables(self.layout).open(RelationName(product, name), self._format)
        if not rows or not table.exists():
            return [tuple(row) for row in rows]
        with discovery.engine("duckdb").query({"threads": 1}) as session:
            return session.fetch(values_query(table.schema(), rows))

    def _write(self, number: int, epoch: CaseEpoch) -> None:
        for source in self._case.sources:
            name = source.name.name
            records = [
                json.dumps(dict(zip(source.schema.names, map(_json, row), strict=True)))
                for row in epoch.rows.get(name, ())
            ]
            folder = self._root / "data" / name
            folder.mkdir(parents=True, exist_ok=True)
            lines = [*records, *epoch.lines.get(name, ())]
            path = folder / f"{number:03}.ndjson"
            if lines and not path.exists():
                path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _run(self, epoch: CaseEpoch, listener: Listener | None) -> RunReport:
        with MetadataStore.open(self.layout.metadata) as store:
            recorded = store.recorded("dev")
        engine = discovery.engine("duckdb")
        plan = build_plan(self._workspace(), self.environment, recorded=recorded, discovered={}, binder=engine.bind)
        clock = epoch.clock or _start
        return run(
            plan,
            self.layout,
            clock=lambda: clock,
            listeners=[listener] if listener else [],
            replay=RelationName(product, epoch.replay) if epoch.replay else None,
            max_epoch_bytes=self._epoch_bytes,
        )

    def _workspace(self) -> Workspace:
        contracts = {f"{product}.{name}": self._contract(name) for name in self._contracted()}
        sources = {
            source.name: Source(
                source.name,
                "files",
                {"path": f"data/{source.name.name}/*.ndjson", "format": "ndjson"},
                schema=source.schema,
                contract=contracts.get(str(source.name)),
                changes=self._case.keyed.get(source.name.name),
                bounded=source.name.name in self._ended,
            )
            for source in self._case.sources
        }
        models = {
            RelationName(product, name): Model(
                RelationName(product, name), sql, f"{name}.sql", contract=contracts.get(f"{product}.{name}")
            )
            for name, sql in self._models.items()
        }
        return Workspace(
            name=product,
            root=str(self._root),
            environments={"dev": self.environment},
            default_environment="dev",
            connections={},
            products={product: Product(product, product)},
            sources=sources,
            models=models,
            contracts=contracts,
        )

    def _contracted(self) -> dict[str, None]:
        timed = (source.name.name for source in self._case.sources if source.event_time)
        return dict.fromkeys((*timed, *self._contracts))

    def _contract(self, name: str) -> Contract:
        rules = self._contracts.get(name, {})
        source = next((each for each in self._case.sources if each.name.name == name), None)
        time = _event_time(rules, source.event_time if source else None)
        names = source.schema.names if source else tuple(rules.get("columns", ()))
        key = list(rules.get("key", ()))
        return Contract(
            name,
            rules.get("version", "1.0.0"),
            name,
            f"{name}.odcs.yaml",
            properties=tuple(
                Property(
                    column,
                    required=column in rules.get("required", ()),
                    primary_key_position=key.index(column) + 1 if column in key else None,
                    logical_type="integer" if column in rules.get("minimum", {}) else None,
                    options={"minimum": rules["minimum"][column]} if column in rules.get("minimum", {}) else {},
                )
                for column in names
            ),
            references=tuple(
                Reference((column,), to.rpartition(".")[0], (to.rpartition(".")[2],))
                for column, to in rules.get("references", {}).items()
            ),
            rules=(QualityRule("library", metric="rowCount", operator="mustBeLessOrEqualTo", threshold=rules["most"]),)
            if "most" in rules
            else (),
            budget=Budget(rows=rules["budget"]) if "budget" in rules else None,
            event_time=time,
        )


def _event_time(rules: Mapping[str, Any], given: GivenTime | None) -> EventTime | None:
    """The event time of a contract: as the relation has it, unless the contract says otherwise."""
    column = rules.get("time", given.column if given else None)
    if column is None:
        return None
    delay = parse_duration(rules["delay"]) if "delay" in rules else given.delay if given else timedelta()
    idle, future = (parse_duration(rules[key]) if key in rules else None for key in ("idle", "future"))
    return EventTime(column, delay, rules.get("late", "quarantine"), idle=idle, future=future)


def _json(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | list | None) else str(value)
