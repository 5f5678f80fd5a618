"""Refused rows: counted, shown and judged again.

Apart from queries because a quarantine has one fixed shape for all relations
(:data:`headwater.quality.QUARANTINE_SCHEMA`), and replaying it is a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from headwater.api.planning import explain
from headwater.api.project import Project, relation_named
from headwater.api.reading import QueryResult, QueryStream
from headwater.api.records import is_run, released_rows
from headwater.api.shelf import Shelf
from headwater.errors import UsageError, did_you_mean
from headwater.quality import FUTURE, LATE, QUARANTINE_SCHEMA
from headwater.spi import discovery
from headwater.types import RelationName, quote_identifier
from headwater.values import frozen

__all__ = ["ReasonCount", "count_reasons", "quarantine_list", "quarantine_show"]

_decoding: Final = (
    "type too_few_columns too_many_columns unquoted_value unclosed_quote line_end invalid_encoding record_too_long "
    "invalid_json not_an_object duplicate_key"
)
_general: Final = frozenset({*_decoding.split(), LATE, FUTURE})
"""Reasons that no rule of a contract names."""


@frozen
class ReasonCount:
    """How many rows of a relation were refused for a reason; a row with two reasons counts for both.

    ``rows`` are refused still, ``released`` ones were admitted by a replay since.
    """

    relation: RelationName
    code: str
    rows: int
    released: int = 0


def quarantine_list(project: Project, relation: str | None = None) -> tuple[ReasonCount, ...]:
    """All refused rows by relation and reason, most frequent first."""
    workspace = project.workspace
    relations = [relation_named(project, relation)] if relation else sorted({*workspace.models, *workspace.sources})
    return count_reasons(project, relations)


def quarantine_show(
    project: Project, relation: str, *, code: str | None = None, run: str | None = None, limit: int | None = 20
) -> QueryResult:
    """Refused rows of a relation, the latest first; empty when none was ever refused.

    Columns: quarantine_id, run, epoch, relation, codes, contract_version, source,
    offset, raw, row, message, quarantined_at, released.

    Raises:
        UsageError: there is no such relation; no rule refuses rows for such a reason; there was no such run.
    """
    name = quote_identifier("quarantine")
    found = relation_named(project, relation)
    marked, parameters = _marked(project, name, found)
    conditions = ["true"]
    if code is not None:
        conditions.append("list_contains(codes, ?)")
        parameters.append(code)
    if run is not None:
        conditions.append("run = ?")
        parameters.append(run)
    with discovery.engine(project.environment.engine).query(project.layout.engine_settings) as session:
        shelf = Shelf(project, session)
        shelf.provide(name, found.quarantine)
        text = f"""
            SELECT {", ".join(map(quote_identifier, QUARANTINE_SCHEMA.names))}, released
            FROM ({marked}) WHERE {" AND ".join(conditions)} ORDER BY epoch DESC, source, "offset", quarantine_id
        """
        result = QueryStream(session.reader(text, parameters)).take(limit)
        if not result.rows:
            seen = session.fetch(f"SELECT DISTINCT unnest(codes) FROM {name}") if code else []
            _check_known(project, relation, code, [str(row[0]) for row in seen], run)
        return result


def _check_known(project: Project, relation: str, code: str | None, seen: Sequence[str], run: str | None) -> None:
    """Raise UsageError when nothing was found because nothing of that name exists."""
    if run is not None and not is_run(project, run):
        raise UsageError(f"there is no run '{run}'", hint="'headwater history' lists them")
    if code is None or code in seen:
        return
    codes = {*seen, *(check.code for check in explain(project, relation).checks)}
    if code not in codes | _general:
        known = codes or _general
        raise UsageError(f"no row of {relation} can be refused for '{code}'", hint=did_you_mean(code, known))


def count_reasons(
    project: Project, relations: Iterable[RelationName], *, run: str | None = None
) -> tuple[ReasonCount, ...]:
    """Refused rows by relation and reason, most frequent first; of one run when it is given."""
    found: list[ReasonCount] = []
    with discovery.engine(project.environment.engine).query(project.layout.engine_settings) as session:
        shelf = Shelf(project, session)
        for relation in relations:
            if not shelf.is_stored(relation.quarantine):
                continue
            name = quote_identifier(str(relation.quarantine))
            shelf.provide(name, relation.quarantine)
            marked, parameters = _marked(project, name, relation)
            condition, more = _of_run(run)
            rows = session.fetch(
                "SELECT code, count(*) FILTER (NOT released), count(*) FILTER (released) "
                f"FROM (SELECT unnest(codes) AS code, released FROM ({marked}) WHERE {condition}) GROUP BY 1",
                [*parameters, *more],
            )
            found += [ReasonCount(relation, str(code), int(count), int(gone)) for code, count, gone in rows]
    return tuple(sorted(found, key=lambda reason: (-reason.rows, reason.relation, reason.code)))


def _marked(project: Project, name: str, relation: RelationName) -> tuple[str, list[Any]]:
    """A query, with its parameters, of the quarantine ``name`` that says of each row whether it was released.

    A release counts when it is later than the refusal: a relation that is rebuilt is judged anew.
    """
    released = released_rows(project, relation.product)
    listed = "SELECT unnest(CAST(? AS VARCHAR[])) AS id, unnest(CAST(? AS BIGINT[])) AS at"
    query = (
        f"SELECT q.*, EXISTS (SELECT 1 FROM ({listed}) AS r WHERE r.id = q.quarantine_id AND r.at > q.epoch) "
        f"AS released FROM {name} AS q"
    )
    return query, [list(released), list(released.values())]


def _of_run(run: str | None) -> tuple[str, Sequence[Any]]:
    return ("true", ()) if run is None else ("run = ?", (run,))
