"""Generated queries over every kind, nested and chained, each with one answer whatever the order of its rows."""

from __future__ import annotations

from collections.abc import Sequence

from tests.law import operators, temporal
from tests.law.choices import Choices
from tests.law.expressions import Query, Rows, Writer

kinds = {
    operators.projection: 8,
    operators.grouping: 14,
    operators.whole: 4,
    operators.distinct: 5,
    temporal.window: 16,
    temporal.session: 7,
    operators.join: 14,
    operators.semi: 6,
    operators.subquery: 9,
    operators.set_operation: 8,
    operators.analytic: 8,
    operators.top: 4,
    operators.distinct_on: 4,
    operators.unnest: 4,
    temporal.window_top: 4,
    temporal.window_join: 7,
    temporal.interval_join: 8,
    temporal.as_of: 6,
    operators.twice: 5,
    operators.cross: 3,
}


def model(choices: Choices, tables: Sequence[Rows], depth: int) -> Query:
    """The query of a model over tables, CTEs included."""
    writer = Writer(choices, tables, _query)
    body = writer.query(depth)
    if writer.ctes:
        return Query(f"WITH {', '.join(writer.ctes)} {body.text}", body.cols)
    return body


def _query(writer: Writer, depth: int) -> Query:
    return writer.choose.weighted(kinds)(writer, depth)
