"""What queries may not do, on every path into the room; and what they may."""

from __future__ import annotations

import duckdb
import pytest

from headwater.errors import DeclarationError, DeclarationErrors, HeadwaterError
from headwater.sql import language as sql
from headwater.sql.functions import aggregates, order_dependent, permitted, refused, scalars, table_functions
from headwater.sql.parse import dialect, parse_query
from headwater.sql.text import QueryText
from headwater.types import RelationName

forbidden_everywhere = [
    "COPY t TO 'x.csv'",
    "SELECT * FROM read_csv('x')",
    "SELECT * FROM Read_Parquet('x')",
    "SELECT * FROM \"read_parquet\"('x')",
    "SELECT * FROM a.b, read_json_auto('x') AS r",
    "SELECT (SELECT content FROM read_text('/etc/passwd')) AS x",
    "SELECT * FROM a.b WHERE EXISTS (SELECT 1 FROM glob('/*'))",
    "WITH x AS (SELECT * FROM read_blob('x')) SELECT * FROM x",
    "SELECT * FROM a.b UNION ALL SELECT * FROM sniff_csv('x')",
    "SELECT * FROM 'x.parquet'",
    'SELECT * FROM "s3://bucket/x.parquet"',
    "SELECT * FROM a.b JOIN 'x.csv' ON TRUE",
    "SELECT 'x'.read_text() AS y",
    "SELECT * FROM a.b, LATERAL (SELECT * FROM read_csv(a)) AS l",
    "SELECT list_transform([1], x -> getenv('HOME')) AS y",
    "SELECT x FROM a.b ORDER BY getenv('HOME')",
    "SELECT x FROM a.b LIMIT (SELECT count(*) FROM glob('*'))",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM information_schema.columns",
    "SELECT * FROM pg_catalog.pg_tables",
    "SELECT * FROM sqlite_scan('f', 't')",
    "SELECT * FROM json_execute_serialized_sql('{}')",
    "SELECT 1 AS a; SELECT 2 AS b",
    "ATTACH 'x'",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "PRAGMA database_list",
    "DROP TABLE a.b",
    "CREATE VIEW x AS SELECT 1 AS a",
    "INSERT INTO a.b VALUES (1)",
    "UPDATE a.b SET x = 1",
    "WITH x AS (DELETE FROM a.b RETURNING *) SELECT * FROM x",
    "SELECT 1 AS a INTO OUTFILE 'x'",
    "EXPORT DATABASE 'x'",
    "FORCE INSTALL httpfs",
    "VACUUM",
    "SELECT " + "(" * 5000 + "1" + ")" * 5000 + " AS x",
]


@pytest.mark.parametrize("text", forbidden_everywhere)
def test_refused_everywhere(text: str) -> None:
    for entrance in (
        lambda: sql.parse(text, path="m.sql"),
        lambda: sql.prepare_query(text),
        lambda: sql.check_rule_query(text, relation=RelationName("a", "b"), path="c.yaml"),
    ):
        with pytest.raises(HeadwaterError) as caught:
            entrance()
        error = caught.value
        assert isinstance(error, DeclarationError | DeclarationErrors)
        assert all(each.where for each in getattr(error, "errors", [error]))


@pytest.mark.parametrize("text", ["SELECT now() AS at", "SELECT current_date AS d", "SELECT age(x) AS a FROM a.b"])
def test_the_clock_is_for_ad_hoc_queries(text: str) -> None:
    sql.prepare_query(text)
    with pytest.raises(DeclarationErrors):
        sql.parse(text, path="m.sql")


def test_lists_do_not_contradict_each_other() -> None:
    assert not permitted & set(refused)
    assert order_dependent <= aggregates


def test_no_permitted_function_of_the_engine_is_unrepeatable_or_reads_outside() -> None:
    with duckdb.connect() as connection:
        volatile = connection.execute(
            "SELECT DISTINCT function_name FROM duckdb_functions() "
            "WHERE stability IN ('VOLATILE', 'CONSISTENT_WITHIN_QUERY')"
        ).fetchall()
        tables = connection.execute(
            "SELECT DISTINCT function_name FROM duckdb_functions() "
            "WHERE function_type IN ('table', 'table_macro', 'pragma')"
        ).fetchall()
    permitted_by_name = {"error", "repeat", "histogram", "json", "unnest"}
    assert {name for (name,) in volatile} & permitted <= permitted_by_name
    assert {name for (name,) in tables} & permitted <= table_functions | permitted_by_name


@pytest.mark.parametrize("name", sorted(permitted - {"age", "case", "columns", "grouping_id"}))
def test_permitted_functions_pass_the_guard(name: str) -> None:
    for call in (f"{name}(a)", f"{name}(a, b)", f"{name}(a, b, c)", f"{name}(a) OVER ()", f"{name}(a AS integer)"):
        try:
            parse_query(QueryText(f"SELECT {call} AS x", "q"))
        except DeclarationError:
            continue
        sql.parse(f"SELECT {call} AS x", path="q")
        return
    sql.parse(f"SELECT {name}(year FROM a) AS x", path="q")


same_function = {
    "argmax": "arg_max", "argmin": "arg_min", "max_by": "arg_max", "min_by": "arg_min", "group_concat": "listagg",
    "string_agg": "listagg", "percentile_cont": "quantile_cont", "percentile_disc": "quantile_disc",
}  # fmt: skip
written_otherwise = {
    "case",
    "cast",
    "columns",
    "extract",
    "if",
    "list_value",
    "overlay",
    "position",
    "struct_pack",
    "try_cast",
}


@pytest.mark.parametrize("name", sorted((scalars | aggregates) - written_otherwise))
def test_calls_keep_their_function_and_arguments(name: str) -> None:
    for arguments in ("a",) if name in {"floor", "ceil", "count_if", "countif"} else ("a", "a, b"):
        try:
            tree = parse_query(QueryText(f"SELECT {name}({arguments}) AS x", "q"))
        except DeclarationError:
            continue
        written = tree.selects[0].this.sql(dialect, comments=False).lower()
        called, _, rest = written.partition("(")
        assert called == same_function.get(name, name)
        assert rest.startswith(("a", "cast(a as boolean", "0, a"))


def test_prepared_queries_name_their_reads(golden) -> None:
    texts = [
        "SELECT delays.d.x, now() AS at FROM delays.d FOR VERSION AS OF 3",
        "SELECT * FROM delays.d FOR TIMESTAMP AS OF '2026-01-01 10:00' AS a JOIN delays.d AS b USING (x)",
        "SELECT * FROM delays.d FOR SYSTEM_TIME AS OF TIMESTAMP '2026-01-01 10:00:00+02:00'",
        "SELECT * FROM delays.d AT (VERSION => 2)",
        "WITH d AS (SELECT x FROM a.b) SELECT * FROM d, TUMBLE(c.e, ts, INTERVAL 1 HOUR) AS w",
        "FROM a.b WHERE EXISTS (FROM c.d__quarantine)",
        "SELECT * FROM d",
        "SELECT * FROM a.b FOR VERSION AS OF x",
        "SELECT * FROM a.b FOR TIMESTAMP AS OF 'yesterday'",
        "SELECT * FROM TUMBLE(c.e, ts, INTERVAL 1 HOUR, 1, 2)",
    ]
    found = []
    for text in texts:
        try:
            prepared = sql.prepare_query(text)
        except HeadwaterError as error:
            found.append(f"{text}\n{error}\n")
            continue
        reads = [
            f"  {r.identifier} is {r.relation} at {r.at_version or r.at_time or 'present'}" for r in prepared.reads
        ]
        found.append("\n".join([text, f"  {prepared.engine_sql}", *reads]) + "\n")
    golden("sql/prepared.txt", "\n".join(found))


def test_rules(golden) -> None:
    departures = RelationName("delays", "departures")
    found = []
    for text in [
        "SELECT count(*) FROM ${table} WHERE ${property} IS NULL",
        "SELECT count(*) FROM {object} o LEFT JOIN Departures p ON o.tail = p.tail WHERE p.tail IS NULL",
        "SELECT count(*) FROM delays.departures WHERE {column} NOT IN (SELECT x FROM {table})",
        r"SELECT count(*) FROM departures WHERE NOT regexp_full_match(tail, '\p{Lu}[0-9]{3}')",
        "SELECT count(*) FROM {object} o LEFT JOIN fleet.planes p ON o.tail = p.tail WHERE p.tail IS NULL",
        "WITH planes AS (SELECT 1) SELECT count(*) FROM planes, fleet.planes",
        "SELECT count(*) FROM 'planes.csv'",
        "SELECT count(*) FROM (SUMMARIZE departures)",
        "SELECT count(*) FROM ${tabel}",
        "DELETE FROM ${table}",
    ]:
        try:
            rule = sql.check_rule_query(
                text, relation=departures, path="contract.yaml", first_line=7, column="dep time"
            )
            found.append(f"{text}\n  {rule}\n")
        except HeadwaterError as error:
            found.append(f"{text}\n{error}\n")
    golden("sql/rules.txt", "\n".join(found))
