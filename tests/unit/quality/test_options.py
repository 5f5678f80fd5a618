"""Every option admits and refuses what the standard says, on the engine."""

from __future__ import annotations

import ipaddress
import json
import re
import uuid
from datetime import timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from headwater.errors import DeclarationErrors
from headwater.quality import Judgement, RowCheck, Unjudged, compile_judgement
from headwater.quality.patterns import PatternError, to_re2
from headwater.spec.contract import Contract, EventTime, Property, QualityRule, Reference
from headwater.types import RelationName, Schema

NAME = RelationName("shop", "orders")
quick = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def compiled(column: str, *properties: Property, **more: Any) -> Judgement:
    return compile_judgement(Contract("c", "1", "orders", "c.yaml", properties, **more), NAME, Schema.of({"x": column}))


@pytest.fixture(scope="module")
def engine() -> Any:
    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection


def refusals(engine: Any, column: str, property: Property, value: str) -> list[str]:
    """The codes against one value, written as SQL of the column's type; checks of many rows at once say the same."""
    checks = [check for check in compiled(column, property).checks if isinstance(check, RowCheck)]
    predicates = ", ".join(f"coalesce({check.predicate}, TRUE)" for check in checks)
    doubts = ", ".join(f"coalesce({check.doubt}, FALSE)" if check.doubt else "NULL" for check in checks)
    rows = f"(SELECT CAST({value} AS {column}) AS x)"
    admitted = engine.execute(f"SELECT {predicates} FROM {rows}").fetchall()[0]
    doubted = engine.execute(f"SELECT {doubts}, count(*) FROM {rows}").fetchall()[0][:-1]
    assert all(doubt in (None, not sound) for doubt, sound in zip(doubted, admitted, strict=True))
    return [check.code for check, sound in zip(checks, admitted, strict=True) if not sound]


cases: list[tuple[str, dict[str, Any], str, list[str], list[str]]] = [
    ("VARCHAR", {"minLength": 2, "maxLength": 3}, "string", ["'ab'", "'äöü'", "NULL"], ["'a'", "'abcd'", "''"]),
    ("VARCHAR", {"pattern": "^[A-Z]{3}$"}, "string", ["'JFK'", "NULL"], ["'jfk'", "'JFKX'", "'JFK' || chr(10)"]),
    ("VARCHAR", {"pattern": "b"}, "string", ["'abc'"], ["'ac'"]),
    ("VARCHAR", {"pattern": r"^\u00e9\d$"}, "string", ["'é1'"], ["'e1'"]),
    ("INTEGER", {"minimum": 0, "maximum": 10}, "integer", ["0", "10", "NULL"], ["-1", "11"]),
    ("INTEGER", {"exclusiveMinimum": 0, "exclusiveMaximum": 10}, "integer", ["1", "9"], ["0", "10"]),
    ("INTEGER", {"multipleOf": 5}, "integer", ["0", "-10", "NULL"], ["1", "7"]),
    ("BIGINT", {"format": "i8"}, "integer", ["-128", "127"], ["128", "-129"]),
    ("BIGINT", {"format": "u16"}, "integer", ["0", "65535"], ["-1", "65536"]),
    ("DOUBLE", {"multipleOf": 0.1}, "number", ["0.3", "-1.7"], ["0.35"]),
    ("DOUBLE", {"maximum": 1.5}, "number", ["1.5", "'-infinity'"], ["'nan'", "'infinity'"]),
    ("DECIMAL(9,2)", {"minimum": -0.05, "multipleOf": 0.05}, "number", ["0.15", "-0.05"], ["0.16", "-0.10"]),
    ("DATE", {"minimum": "2013-01-01"}, "date", ["DATE '2013-01-01'", "NULL"], ["DATE '2012-12-31'"]),
    (
        "TIMESTAMP",
        {"exclusiveMaximum": "2013-01-01T02:00:00+02:00"},
        "timestamp",
        ["'2012-12-31 23:59:59'"],
        ["'2013-01-01'"],
    ),
    (
        "TIMESTAMPTZ",
        {"minimum": "2013-01-01T00:00:00Z"},
        "timestamp",
        ["'2013-01-01 00:00+00'"],
        ["'2013-01-01 00:00+01'"],
    ),
    ("TIME", {"maximum": "18:00:00"}, "time", ["'18:00:00'"], ["'18:00:01'"]),
    ("VARCHAR", {"format": "dd/MM/yyyy"}, "date", ["'31/12/2013'", "NULL"], ["'2013-12-31'", "'31/13/2013'"]),
    ("VARCHAR[]", {"minItems": 1, "maxItems": 2}, "array", ["['a']", "['a', NULL]", "NULL"], ["[]", "['a', 'b', 'c']"]),
    ("INTEGER[]", {"uniqueItems": True}, "array", ["[1, 2, NULL]", "[]"], ["[1, 1]", "[NULL, NULL]"]),
    ("FLOAT[2]", {"dimensions": 2}, "vector", ["[1, 2]", "NULL"], []),
    ("MAP(VARCHAR, INTEGER)", {"minProperties": 1}, "map", ["MAP {'a': 1}", "NULL"], ["MAP {}"]),
    (
        "STRUCT(a INTEGER, b INTEGER)",
        {"required": ["a"], "maxProperties": 1},
        "object",
        ["{'a': 1, 'b': NULL}", "NULL"],
        ["{'a': NULL, 'b': 1}", "{'a': 1, 'b': 1}"],
    ),
    (
        "UUID",
        {"pattern": "^0"},
        "string",
        ["'00000000-0000-0000-0000-000000000001'"],
        ["uuid '10000000-0000-0000-0000-000000000001'"],
    ),
]


@pytest.mark.parametrize(
    ("column", "options", "logical", "admitted", "refused"), cases, ids=lambda part: str(part)[:40]
)
def test_an_option(
    engine: Any, column: str, options: Any, logical: str, admitted: list[str], refused: list[str]
) -> None:
    promised = Property("x", logical_type=logical, options=options)
    assert {value: refusals(engine, column, promised, value) for value in admitted} == {value: [] for value in admitted}
    assert [value for value in refused if not refusals(engine, column, promised, value)] == []


enums: list[tuple[str, tuple[Any, ...], list[str], list[str]]] = [
    ("VARCHAR", ("a", "it's", 1, None), ["'a'", "'it''s'", "'1'", "NULL"], ["'b'", "''"]),
    ("INTEGER", (1, "2", -3), ["1", "2", "-3"], ["0"]),
    ("BIGINT", (2, 0, 1, None), ["0", "2", "NULL"], ["-1", "3"]),
    ("UTINYINT", (1, 3), ["1", "3"], ["0", "2", "4"]),
    ("DATE", ("2013-01-01",), ["DATE '2013-01-01'"], ["DATE '2013-01-02'"]),
    ("BOOLEAN", (True,), ["TRUE", "NULL"], ["FALSE"]),
    ("DECIMAL(5,2)", (0.1,), ["0.10"], ["0.11"]),
]


@pytest.mark.parametrize(("column", "values", "admitted", "refused"), enums, ids=lambda part: str(part)[:20])
def test_an_enum(engine: Any, column: str, values: Any, admitted: list[str], refused: list[str]) -> None:
    promised = Property("x", enum=values)
    assert {value: refusals(engine, column, promised, value) for value in admitted} == {value: [] for value in admitted}
    assert [value for value in refused if not refusals(engine, column, promised, value)] == []


formats: dict[str, tuple[list[str], list[str]]] = {
    "email": (
        ["a@b.org", "first.last+tag@sub.example.com"],
        ["a@b", "@b.org", "a b@c.org", "a@-b.org", "a@b..org", "a@b.org\n"],
    ),
    "uuid": ([str(uuid.UUID(int=7)), "0A000000-0000-0000-0000-00000000000f"], ["7", str(uuid.UUID(int=7)) + "0"]),
    "uri": (["https://a.org/b?c#d", "urn:isbn:1", "mailto:a@b.org"], ["a.org", "http://a b", "1a:b", "http://%zz"]),
    "hostname": (["a", "a-b.example.com"], ["-a", "a_b", "a..b", "a" * 64, ".".join(["a" * 63] * 5)]),
    "ipv4": (["0.0.0.0", "255.255.255.255"], ["256.0.0.1", "1.2.3", "01.2.3.4"]),
    "date": (["2012-02-29"], ["2013-02-29", "2013-2-1", "13-02-01"]),
    "time": (["23:59:60Z", "00:00:00.123+02:00"], ["10:00:00", "24:00:00Z", "1:00:00"]),
    "date-time": (["2013-01-01T00:00:00Z", "2013-01-01t00:00:00.5+01:00"], ["2013-01-01", "2013-02-30T00:00:00Z"]),
    "duration": (["P1D", "PT1.5S", "P1Y2M3DT4H", "P2W"], ["P", "PT", "P1DT", "1D"]),
    "byte": (["", "aGk=", "aGlo"], ["a", "aGk", "aG k"]),
}


@pytest.mark.parametrize("name", formats)
def test_a_format(engine: Any, name: str) -> None:
    good, bad = formats[name]
    promised = Property("x", logical_type="string", options={"format": name})
    quoted = {value: "'" + value.replace("'", "''") + "'" for value in (*good, *bad)}
    assert [value for value in good if refusals(engine, "VARCHAR", promised, quoted[value])] == []
    assert [value for value in bad if not refusals(engine, "VARCHAR", promised, quoted[value])] == []


@quick
@given(
    st.one_of(
        st.ip_addresses(v=6).map(str),
        st.ip_addresses(v=6).map(lambda a: a.exploded),
        st.text("0123456789abcdef:.", max_size=20),
    )
)
@example("::ffff:1.2.3.4")
@example("1::2::3")
@example("1:2:3:4:5:6:7::")
def test_ipv6_agrees_with_the_standard_library(engine: Any, text: str) -> None:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        expected = ["format:x"]
    else:
        expected = []
    promised = Property("x", logical_type="string", options={"format": "ipv6"})
    assert refusals(engine, "VARCHAR", promised, f"'{text}'") == expected


pieces = st.sampled_from(
    [
        "a",
        "[a-c]",
        "[^b]",
        r"\d",
        r"\s",
        ".",
        "(?:ab|c)",
        "x*",
        "b+?",
        "(?<n>a)",
        r"\x61",
        "[[a]",
        "^",
        "$",
        r"\.",
        "a{1,2}",
    ]
)


@quick
@given(st.lists(pieces, min_size=1, max_size=5).map("".join), st.text("abcx1 .\n[", max_size=6))
def test_patterns_mean_what_they_mean_elsewhere(engine: Any, pattern: str, text: str) -> None:
    python = pattern.replace("(?<n>", "(?P<n>").replace("$", r"\Z").replace("[[a]", r"[\[a]")
    if pattern.count("(?<n>") > 1:
        return
    expected = [] if re.search(python, text) else ["pattern:x"]
    quoted = "'" + text.replace("'", "''") + "'"
    found = refusals(engine, "VARCHAR", Property("x", options={"pattern": pattern}), quoted)
    assert found == expected


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)",
        "(?<!a)b",
        r"(a)\1",
        r"\k<n>",
        "(",
        "a{3,2}",
        "a{1,1001}",
        "[z-a]",
        "*a",
        "\\",
        r"\A",
        "(?P=n)",
        "a++",
        "a{2}{3}",
        "((a{100}){100}){100}",
        "(" * 5000 + ")" * 5000,
        "a" * 20_000,
        r"\u{110000}",
    ],
)
def test_patterns_the_engine_cannot_run_are_refused_when_read(pattern: str) -> None:
    with pytest.raises(PatternError):
        to_re2(pattern)


def test_other_writing_systems_may_be_named(engine: Any) -> None:
    promised = Property("x", options={"pattern": r"^\p{L}+(?:-\p{L}{1,20})*?$"})
    assert [refusals(engine, "VARCHAR", promised, value) for value in ("'Ærø-Straße'", "'a1'")] == [[], ["pattern:x"]]


def test_members_of_objects_and_lists_are_judged(engine: Any) -> None:
    column = "STRUCT(city VARCHAR, tags VARCHAR[], stops STRUCT(minute INTEGER)[], named MAP(VARCHAR, INTEGER))"
    promised = Property(
        "x",
        logical_type="object",
        properties=(
            Property("city", required=True, options={"minLength": 2}),
            Property("tags", items=Property("", enum=("a", "b"), required=True)),
            Property(
                "stops", items=Property("", properties=(Property("minute", required=True, options={"minimum": 0}),))
            ),
            Property(
                "named", map_key=Property("", options={"maxLength": 1}), items=Property("", options={"minimum": 0})
            ),
            Property("absent", required=True),
        ),
    )
    rows = {
        "{'city': 'Rome', 'tags': ['a'], 'stops': [{'minute': 1}], 'named': MAP {'k': 1}}": [],
        "NULL": [],
        "{'city': NULL, 'tags': NULL, 'stops': NULL, 'named': NULL}": ["required:x.city"],
        "{'city': 'R', 'tags': ['c', NULL], 'stops': [NULL, {'minute': -1}], 'named': MAP {'kk': -1}}": [
            "minLength:x.city",
            "required:x.tags[]",
            "enum:x.tags[]",
            "minimum:x.stops[].minute",
            "maxLength:x.named.key",
            "minimum:x.named.value",
        ],
    }
    assert {row: refusals(engine, column, promised, row) for row in rows} == rows


def test_what_is_not_judged_is_told() -> None:
    inner = Property("a", unique=True, rules=(QualityRule("library", metric="nullValues"),))
    judgement = compiled(
        "STRUCT(a INTEGER)",
        Property("x", properties=(inner,)),
        rules=(
            QualityRule("text", description="true"),
            QualityRule("custom", name="soda", arguments={"engine": "soda"}),
        ),
    )
    assert judgement.checks == ()
    own = compiled("VARCHAR", Property("x", logical_type="string", options={"format": "isbn"}))
    assert own.unjudged == (Unjudged("format:x", "headwater does not know the format 'isbn'"),)
    assert judgement.unjudged == (
        Unjudged("unique:x.a", "uniqueness is judged on columns, not inside objects or arrays"),
        Unjudged("nullValues:x.a", "metrics are judged on columns"),
        Unjudged("text:1", "text rules are read by people"),
        Unjudged("rule:soda", "the rule is written for soda"),
    )


def test_the_event_time_is_required() -> None:
    event_time = EventTime("x", timedelta(minutes=1))
    judgement = compiled("TIMESTAMP", Property("x", required=True), event_time=event_time)
    assert [check.code for check in judgement.checks] == ["required:x", "calendar:x"]


def test_a_key_that_contains_a_key_promises_nothing_more() -> None:
    contract = Contract(
        "c",
        "1",
        "o",
        "c.yaml",
        (Property("x", unique=True, primary_key_position=1), Property("y", primary_key_position=2)),
    )
    judgement = compile_judgement(contract, NAME, Schema.of({"x": "integer", "y": "integer"}))
    assert [check.code for check in judgement.checks] == ["required:x", "required:y", "unique:x"]


def test_codes_are_unique() -> None:
    rule = QualityRule("library", metric="nullValues", operator="mustBeLessThan", threshold=5)
    other = QualityRule("library", metric="nullValues", operator="mustBeLessThan", threshold=1, unit="percent")
    judgement = compiled("INTEGER", Property("x", rules=(rule, other, rule)))
    assert [check.code for check in judgement.checks] == ["nullValues:x", "nullValues:x#2"]


wrong: dict[str, tuple[str, Any]] = {
    "pattern with look-around": ("VARCHAR", Property("x", options={"pattern": "(?=a)"})),
    "minimum that is no date": ("DATE", Property("x", options={"minimum": "first of May"})),
    "minimum that is no number": ("INTEGER", Property("x", options={"minimum": "low"})),
    "infinite maximum": ("DOUBLE", Property("x", options={"maximum": float("inf")})),
    "huge exponent": ("DOUBLE", Property("x", options={"maximum": "1e999999999"})),
    "multiple of nothing": ("INTEGER", Property("x", options={"multipleOf": 0})),
    "items of a text": ("VARCHAR", Property("x", options={"minItems": 1})),
    "unknown option": ("VARCHAR", Property("x", options={"longest": 1})),
    "enum of another type": ("INTEGER", Property("x", enum=("one",))),
    "enum that is no UUID": ("UUID", Property("x", enum=("7",))),
    "enum of lists": ("INTEGER[]", Property("x", enum=("[1]",))),
    "time before all times": ("TIMESTAMP", Property("x", options={"minimum": "0001-01-01T00:00:00+14:00"})),
    "NUL character": ("VARCHAR", Property("x", enum=("a\x00b",))),
    "metric without operator": ("INTEGER", Property("x", rules=(QualityRule("library", metric="nullValues"),))),
    "unknown operator": (
        "INTEGER",
        Property("x", rules=(QualityRule("library", metric="nullValues", operator="mustBeLes", threshold=1),)),
    ),
    "range upside down": (
        "INTEGER",
        Property("x", rules=(QualityRule("library", metric="nullValues", operator="mustBeBetween", threshold=[2, 1]),)),
    ),
    "unknown metric": (
        "INTEGER",
        Property("x", rules=(QualityRule("library", metric="nulValues", operator="mustBe", threshold=1),)),
    ),
    "invalid without valid": (
        "INTEGER",
        Property("x", rules=(QualityRule("library", metric="invalidValues", operator="mustBe", threshold=0),)),
    ),
}


def test_rules_that_cannot_be_evaluated_teach(golden: Any) -> None:
    messages = []
    for case, (column, promised) in wrong.items():
        with pytest.raises(DeclarationErrors) as caught:
            compiled(column, promised)
        messages.append(f"# {case}\n{caught.value}\n")
    golden("quality/rule_errors.txt", "\n".join(messages))


def test_all_errors_of_a_contract_come_at_once(golden: Any) -> None:
    with pytest.raises(DeclarationErrors) as caught:
        compiled(
            "INTEGER",
            Property("x", options={"minItems": 1, "pattern": 5}),
            references=(Reference(("y",), "geo.countries", ("code",)), Reference(("x",), "geo.countries", ("a", "b"))),
            rules=(
                QualityRule("library", metric="nullValues", operator="mustBe", threshold=0),
                QualityRule("library", metric="duplicateValues", operator="mustBe", threshold=0),
                QualityRule(
                    "library", metric="duplicateValues", operator="mustBe", threshold=0, arguments={"properties": ["z"]}
                ),
                QualityRule("library", metric="rowCount", operator="mustBe", threshold=0, unit="percent"),
                QualityRule("sql", query="SELECT count({property}) FROM {object}", operator="mustBe", threshold=0),
                QualityRule("sql", operator="mustBe", threshold=0),
            ),
        )
    golden("quality/all_errors.txt", str(caught.value) + "\n")


def test_descriptions_read_as_sentences(golden: Any) -> None:
    promised = [
        Property(
            "x",
            logical_type="string",
            required=True,
            unique=True,
            enum=("a", "b"),
            options={"minLength": 1, "pattern": "^a", "format": "email"},
        ),
    ]
    rules = tuple(
        QualityRule("library", metric=metric, operator="mustBeLessThan", threshold=1, unit=unit)
        for metric in ("nullValues", "missingValues", "duplicateValues")
        for unit in ("rows", "percent")
    )
    checks = compiled("VARCHAR", *promised, Property("x", rules=rules)).checks
    golden(
        "quality/checks.json",
        json.dumps([{"code": c.code, "description": c.description} for c in checks], indent=1) + "\n",
    )
