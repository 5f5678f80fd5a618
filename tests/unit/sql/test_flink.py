"""Flink SQL: pairs of what is written and what Flink gets."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlglot

from headwater.errors import DeclarationError, DeclarationErrors
from headwater.sql import language as sql
from headwater.sql.flink import FlinkDialect, flink_type, to_flink
from headwater.types import DataType

folder = Path(__file__).parents[2] / "golden" / "sql" / "queries"


def flink_of(query: str, world) -> str:
    """Through the analysis where the embedded engine has the construct, else from the text."""
    try:
        return to_flink(world.analyse(query).canonical)
    except DeclarationErrors:
        return to_flink(query)


def test_pairs(world, golden) -> None:
    found, translated = [], 0
    for query in (folder / "flink.sql").read_text(encoding="utf-8").split(";\n"):
        if query.strip():
            try:
                written = flink_of(query, world)
                translated += 1
            except DeclarationError as error:
                written = f"{error.message}: {error.detail}"
            found.append(f"{query.strip()}\n  {written}\n")
    golden("sql/flink.txt", "\n".join(found))
    assert translated >= 40


def test_what_is_written_is_flink_sql_again(world) -> None:
    for query in (folder / "flink.sql").read_text(encoding="utf-8").split(";\n"):
        try:
            written = flink_of(query, world) if query.strip() else None
        except DeclarationError:
            continue
        if (
            written
            and "TABLE(" not in written
            and "MATCH_RECOGNIZE" not in written
            and "[" not in written
            and "ROW<" not in written
        ):
            assert sqlglot.parse_one(written, dialect=FlinkDialect)


@pytest.mark.parametrize("text", ["UNION(a INTEGER)", "BIT", "INTERVAL"])
def test_types_without_an_equal(text: str) -> None:
    with pytest.raises(ValueError):
        flink_type(DataType(text.partition("(")[0]))


def test_nexmark_hop(world) -> None:
    analysis = world.analyse("SELECT * FROM HOP(readings, at, INTERVAL 2 SECONDS, INTERVAL 10 SECONDS)")
    assert isinstance(analysis, sql.Analysis)
    assert to_flink(analysis.canonical) == (
        "SELECT `readings`.`sensor`, `readings`.`at`, `readings`.`value`, `readings`.`quality`, "
        "`readings`.`window_start`, `readings`.`window_end`, `readings`.`window_time` "
        "FROM TABLE(HOP(TABLE `lab.readings`, DESCRIPTOR(`at`), INTERVAL '2' SECOND, INTERVAL '10' SECOND)) "
        "AS `readings`"
    )
