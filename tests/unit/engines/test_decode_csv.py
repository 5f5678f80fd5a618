"""CSV: every record is decoded or refused, once, whatever the file looks like."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.engines.duckdb.csv_records import CsvDialect, cut_records, max_record_bytes
from headwater.errors import DataError
from headwater.spi.engine import Landed, Session
from headwater.types import Schema

from .conftest import Scan

payments = Schema.of({"id": "integer", "name": "varchar", "amount": "decimal(8,2)"})
Row = tuple[Any, ...]


def moment(*parts: int) -> datetime:
    """A time without zone, as TIMESTAMP columns hold it."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


def land(session: Session, scan: Any, schema: Schema = payments) -> tuple[Landed, list[Row], list[Row]]:
    """What was landed: counts, rows and rejects with their provenance; work relations are dropped again."""
    landed = session.land('"change.t"', scan, schema=schema, rejects='"malformed.t"')
    rows = session.fetch('SELECT * FROM "change.t" ORDER BY _hw_source, _hw_offset')
    rejects = session.fetch(
        'SELECT raw, code, _hw_source, _hw_offset FROM "malformed.t" ORDER BY _hw_source, _hw_offset'
    )
    assert landed == Landed(len(rows), len(rejects))
    session.drop('"change.t"')
    session.drop('"malformed.t"')
    return landed, rows, rejects


def only(rows: list[Row]) -> list[Row]:
    return [row[:-2] for row in rows]


def codes(rejects: list[Row]) -> list[tuple[str, str, int]]:
    return [(raw, code, offset) for raw, code, _, offset in rejects]


def test_a_sound_file(session: Session, scan: Scan) -> None:
    _, rows, rejects = land(session, scan("csv", b'id,name,amount\n1,"a,b",1.50\n\n2,,\n'))
    assert rows == [(1, "a,b", Decimal("1.50"), "data/0.csv", 1), (2, None, None, "data/0.csv", 2)]
    assert rejects == []


def test_every_fault_has_its_record_and_code(session: Session, scan: Scan) -> None:
    content = (
        b"id,name,amount\n1,ok,1\n2,short\n3,too,long,3\nx,two faults,y\n4,bad \xff text,4\n"
        b'5,"quoted" text,5\n6,"never closed,6\n7,"two\nlines",7\n8,round,8.001\n9,nul \x00,9\n'
    )
    _, rows, rejects = land(session, scan("csv", content))
    assert [row[0] for row in rows] == [1, 7, 9]
    assert codes(rejects) == [
        ("2,short", "too_few_columns", 2),
        ("3,too,long,3", "too_many_columns", 3),
        ("x,two faults,y", "type", 4),
        ("4,bad \\xff text,4", "invalid_encoding", 5),
        ('5,"quoted" text,5', "unquoted_value", 6),
        ('6,"never closed,6', "unquoted_value", 7),
        ("8,round,8.001", "type", 9),
    ]


def test_messages_name_columns_and_values(session: Session, scan: Scan) -> None:
    session.land('"t"', scan("csv", b"id,name,amount\nx,n,1.999\n"), schema=payments, rejects='"r"')
    assert session.fetch('SELECT message FROM "r"') == [
        ("column \"id\": 'x' is not an INTEGER; column \"amount\": '1.999' is not a DECIMAL(8,2)",)
    ]


def test_without_rejects_a_bad_record_is_an_error(session: Session, scan: Scan) -> None:
    with pytest.raises(DataError) as caught:
        session.land('"t"', scan("csv", b"id,name,amount\n1,a,1\n2,b\n"), schema=payments)
    assert str(caught.value) == (
        "1 record of data/0.csv cannot be decoded\n"
        "  record 2: 2 columns instead of 3: '2,b'\n"
        "  hint: mend the file, or declare the columns as the file has them"
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n", b"id,name,amount", b"id,name,amount\n", b"id,name,amount\r\n\r\n", b"\xef\xbb\xbfid,name,amount\n"],
)
def test_files_without_records(session: Session, scan: Scan, content: bytes) -> None:
    assert land(session, scan("csv", content))[0] == Landed(0, 0)
    assert land(session, scan("csv", content, b"id,name,amount\n1,a,1\n"))[0] == Landed(1, 0)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_marks(session: Session, scan: Scan, end: bytes, mark: bytes) -> None:
    content = mark + end.join([b"id,name,amount", b"1,a,1", b"", b"2,b,2"])
    for tail in (b"", end):
        _, rows, _ = land(session, scan("csv", content + tail))
        assert only(rows) == [(1, "a", Decimal(1)), (2, "b", Decimal(2))]


def test_mixed_line_ends(session: Session, scan: Scan) -> None:
    _, rows, rejects = land(session, scan("csv", b'id,name,amount\r\n1,a,1\n2,"b\r\nc",2\r\n3,d\re,3\n'))
    assert only(rows) == [(1, "a", Decimal(1)), (2, "b\r\nc", Decimal(2))]
    assert codes(rejects) == [("3,d\re,3", "line_end", 3)]


def test_columns_are_matched_by_name(session: Session, scan: Scan) -> None:
    files = scan("csv", b"Amount,more,ID\n1,x,2\n", b"id,name,amount\n3,n,4\n", b" id , name \n5,m\n")
    _, rows, _ = land(session, files)
    assert rows == [
        (2, None, Decimal(1), "data/0.csv", 1),
        (3, "n", Decimal(4), "data/1.csv", 1),
        (5, "m", None, "data/2.csv", 1),
    ]


def test_a_required_column_must_be_there(session: Session, scan: Scan) -> None:
    schema = Schema(tuple(type(c)(c.name, c.type, nullable=c.name != "name") for c in payments))
    with pytest.raises(DataError) as caught:
        land(session, scan("csv", b"id,amount\n1,2\n"), schema)
    assert caught.value.message == "data/0.csv lacks the required column 'name'"


def test_a_header_of_other_columns_is_an_error(session: Session, scan: Scan) -> None:
    with pytest.raises(DataError) as caught:
        land(session, scan("csv", b"id;name;amount\n1;a;1\n"))
    assert caught.value.message == "data/0.csv has none of the declared columns"
    with pytest.raises(DataError) as caught:
        land(session, scan("csv", b"id,name,id\n1,a,1\n"))
    assert caught.value.message == "data/0.csv has the column 'id' twice"


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"a\rb\n1\n", "new-line character seen in unquoted field"),
        (b"x" * 200_000 + b"\n1\n", "field larger than field limit (131072)"),
    ],
)
def test_a_header_that_is_none_is_an_error(session: Session, scan: Scan, content: bytes, detail: str) -> None:
    with pytest.raises(DataError) as caught:
        land(session, scan("csv", content))
    assert caught.value.message.startswith("the header of ")
    assert caught.value.detail == detail


def test_dialects(session: Session, scan: Scan) -> None:
    content = "id|name|amount\n1|'it\\'s'|NA\n2|naïve|-\n".encode("latin-1")
    options = {"delimiter": "|", "quote": "'", "escape": "\\", "null": ["NA", "-"], "encoding": "latin-1"}
    assert only(land(session, scan("csv", content, **options))[1]) == [(1, "it's", None), (2, "naïve", None)]
    headless = scan("csv", b"1\ta\t2\n", delimiter="\t", header=False)
    assert only(land(session, headless)[1]) == [(1, "a", Decimal(2))]
    unquoted = scan("csv", b'id,name,amount\n1,"a,2\n', quote="")
    assert only(land(session, unquoted)[1]) == [(1, '"a', Decimal(2))]
    wide = scan("csv", "id,name,amount\n1,é,2\n".encode("utf-16"), encoding="utf-16")
    assert only(land(session, wide)[1]) == [(1, "é", Decimal(2))]
    with pytest.raises(DataError):
        land(session, scan("csv", "id,name,amount\n1,é,2\n".encode("utf-16")[:-1], encoding="utf-16"))
    undefined = scan("csv", b"id,name,amount\n1,\x81,2\n2,\x80,2\n", encoding="cp1252")
    _, rows, rejects = land(session, undefined)
    assert (only(rows), codes(rejects)) == ([(2, "€", Decimal(2))], [("1,\\x81,2", "invalid_encoding", 1)])


values = Schema.of(
    {"k": "int", "i": "tinyint", "d": "decimal(5,2)", "f": "double", "b": "boolean", "day": "date", "ts": "timestamp"}
    | {"tz": "timestamptz", "l": "int[]", "n": "bigint", "key": "int"}
)


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("i", "127", 127),
        ("i", " 7 ", 7),
        ("i", "7.0", 7),
        ("i", "128", ...),
        ("i", "1.5", ...),
        ("i", "ten", ...),
        ("i", "1e1", 10),
        ("i", "1e-1", ...),
        ("i", "0x1F", ...),
        ("k", "9007199254740993", ...),
        ("n", "9007199254740993", 9007199254740993),
        ("n", "-9223372036854775808", -9223372036854775808),
        ("n", "9223372036854775808", ...),
        ("d", "1.20", Decimal("1.20")),
        ("d", "1.2000", Decimal("1.20")),
        ("d", "1.239", ...),
        ("d", "1.5e-7", ...),
        ("d", "1000", ...),
        ("d", '"1,5"', ...),
        ("f", "1e3", 1000.0),
        ("f", "1,5", ...),
        ("b", "true", True),
        ("b", "maybe", ...),
        ("day", "2013-02-28", date(2013, 2, 28)),
        ("day", "2013-02-30", ...),
        ("day", "2013-02-28T00:00:00Z", date(2013, 2, 28)),
        ("day", "2013-02-28 10:00", ...),
        ("day", "28.02.2013", ...),
        ("ts", "2013-01-01 10:00:00.5", moment(2013, 1, 1, 10, 0, 0, 500000)),
        ("ts", "2013-01-01T10:00:00+02:00", moment(2013, 1, 1, 8)),
        ("ts", "2013-01-01T10:00:00Z", moment(2013, 1, 1, 10)),
        ("ts", "2013-01-01 10:00 Europe/Berlin", moment(2013, 1, 1, 9)),
        ("ts", "2013-01-01 10:00:00 +02:00", ...),
        ("ts", "2013-01-01", moment(2013, 1, 1)),
        ("ts", "2013-01-01 25:00", ...),
        ("tz", "2013-01-01T10:00:00+02:00", datetime(2013, 1, 1, 8, tzinfo=UTC)),
        ("tz", "2013-01-01 10:00", datetime(2013, 1, 1, 10, tzinfo=UTC)),
        ("l", '"[1, 2]"', [1, 2]),
        ("l", '"[1, x]"', ...),
    ],
)
def test_a_text_is_taken_only_for_what_it_says(
    session: Session, scan: Scan, column: str, text: str, value: object
) -> None:
    """``...`` stands for a refusal. Nothing is rounded, wrapped or moved to another zone."""
    quoted = text if text.startswith('"') or "," not in text else f'"{text}"'
    _, rows, rejects = land(session, scan("csv", f"key,{column}\n1,{quoted}\n".encode()), values)
    if value is ...:
        assert (rows, codes(rejects)) == ([], [(f"1,{quoted}", "type", 1)])
    else:
        assert (rows[0][values.names.index(column)], rejects) == (value, [])


def test_written_times(session: Session, scan: Scan) -> None:
    files = scan(
        "csv", b"day,ts\n28.02.2013,28/2/13 7h\n2013-02-28,x\n", date_format="%d.%m.%Y", timestamp_format="%d/%m/%y %Hh"
    )
    _, rows, rejects = land(session, files, Schema.of({"day": "date", "ts": "timestamp"}))
    assert only(rows) == [(date(2013, 2, 28), moment(2013, 2, 28, 7))]
    assert codes(rejects) == [("2013-02-28,x", "type", 2)]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_compressed_files(session: Session, scan: Scan, suffix: str) -> None:
    content = b"id,name,amount\n" + b"".join(b"%d,n,1\n" % number for number in range(50_000))
    packed = gzip.compress(content) if suffix == ".gz" else pa.compress(content, "zstd", asbytes=True)
    assert land(session, scan("csv", packed, suffix=suffix))[0] == Landed(50_000, 0)
    faulty = content + b"short\n"
    packed = gzip.compress(faulty) if suffix == ".gz" else pa.compress(faulty, "zstd", asbytes=True)
    assert land(session, scan("csv", packed, suffix=suffix))[0] == Landed(50_000, 1)
    with pytest.raises(DataError) as caught:
        land(session, scan("csv", packed[: len(packed) // 2], suffix=suffix))
    assert caught.value.message == f"data/0.csv{suffix} cannot be read to its end"


def test_a_file_of_another_kind(session: Session, scan: Scan) -> None:
    with pytest.raises(DataError):
        land(session, scan("csv", bz2.compress(b"id,name,amount\n1,2,3\n")))


def test_a_file_that_is_gone(session: Session, scan: Scan) -> None:
    files = scan("csv", b"id,name,amount\n")
    Path(files.files[0].path).unlink()
    with pytest.raises(DataError) as caught:
        land(session, files)
    assert caught.value.message == "data/0.csv cannot be read to its end"


def test_huge_fields(session: Session, scan: Scan) -> None:
    large, too_large = b"x" * 5_000_000, b"y" * (max_record_bytes + 1)
    files = scan("csv", b"id,name,amount\n1," + large + b",1\n2," + too_large + b",2\n3,z,3\n")
    _, rows, rejects = land(session, files)
    assert [(row[0], len(row[1])) for row in rows] == [(1, 5_000_000), (3, 1)]
    assert [(len(raw), code) for raw, code, _ in codes(rejects)] == [(len(too_large) + 4, "record_too_long")]


def test_quotes_that_span_the_readers_pieces(session: Session, scan: Scan) -> None:
    """Text that looks like records, inside quotes, across the places where a parallel reader cuts a large file."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(payments.names)
    texts = [('1,a,1\n"' * (number % 4000)) if number % 97 == 0 else "plain" for number in range(30_000)]
    writer.writerows([number, text, 1] for number, text in enumerate(texts))
    _, rows, _ = land(session, scan("csv", buffer.getvalue().encode()))
    assert [row[1] or "" for row in rows] == texts
    assert [row[-1] for row in rows] == list(range(1, 30_001))


def test_inside_a_transaction_nothing_is_lost(session: Session, scan: Scan) -> None:
    session.begin()
    session.execute("CREATE TABLE kept (x INTEGER)")
    assert land(session, scan("csv", b"id,name,amount\n1,a,1\n"))[0] == Landed(1, 0)
    _, rows, rejects = land(session, scan("csv", b"id,name,amount\n1,a,1\nshort\nx,b,2\n", b"id,name,amount\n1,a,1\n"))
    assert [(row[-2], row[-1]) for row in rows] == [("data/0.csv", 1), ("data/1.csv", 1)]
    assert [offset for _, _, offset in codes(rejects)] == [2, 3]
    session.execute("INSERT INTO kept VALUES (1)")
    session.commit()
    assert session.fetch("SELECT x FROM kept") == [(1,)]


def test_many_small_files(session: Session, scan: Scan) -> None:
    files = scan("csv", *(b"id,name,amount\n%d,n,1\n%d,n,1\n" % (n, n) for n in range(300)))
    _, rows, _ = land(session, files)
    assert {(int(row[-2][5:-4]), row[-1]) for row in rows} == {(n, k) for n in range(300) for k in (1, 2)}
    assert all(row[0] == int(row[-2][5:-4]) for row in rows)


fields = st.text(st.sampled_from('ab1 ,"\n\r\té☃'), max_size=6)


@given(st.lists(st.lists(fields, min_size=3, max_size=3), max_size=8), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_pythons_csv_writes_is_read_back(session: Session, scan: Scan, table: list[list[str]], end: str) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "b", "c"], *table])
    _, rows, rejects = land(session, scan("csv", buffer.getvalue().encode()), Schema.of(dict.fromkeys("abc", "text")))
    assert [[value or "" for value in row] for row in only(rows)] == table
    assert rejects == []


pieces = st.sampled_from(
    [b"a", b",", b",", b'"', b'""', b"\n", b"\n", b"\r\n", b" ", b"1", b"\xff", b"\r", "é".encode(), b"x,1,y\n"]
)
sound = st.sampled_from(
    [b"a", b"", b"1", b'"x"', b'""', b' "y" ', b'"p""q"', b'x"y"', b'"m\nn"', b'"m\r\nn"', b"NA", b'"1"', b"1.5"]
)
lines = st.lists(sound, min_size=3, max_size=3).map(b",".join)
bodies = st.one_of(
    st.lists(pieces, max_size=14).map(b"".join),
    st.tuples(st.lists(lines, max_size=5), st.sampled_from([b"\n", b"\r\n"])).map(
        lambda drawn: drawn[1].join(drawn[0])
    ),
)


@given(bodies, st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_ways_of_reading_agree(session: Session, scan: Scan, body: bytes, nulls: bool) -> None:
    """A file is read alone by DuckDB where that is possible, and record by record beside a file with a fault."""
    schema = Schema.of({"a": "text", "b": "int", "c": "text"})
    content = b"a,b,c\n" + body
    options = {"null": "NA"} if nulls else {}
    _, alone, refused = land(session, scan("csv", content, **options), schema)
    beside = scan("csv", content, b"a,b,c\nshort\n", **options)
    _, both, refused_both = land(session, beside, schema)
    assert alone == both
    assert [*refused, ("short", "too_few_columns", "data/1.csv", 1)] == refused_both


@given(bodies)
def test_no_byte_is_lost(body: bytes) -> None:
    """The records, faulty or not, are all of the file but line ends and blank lines."""
    records = [each.raw for each in cut_records(iter(body.splitlines(keepends=True)), CsvDialect(), 3)]
    squeezed = bytes.maketrans(b"", b"")
    assert b"".join(records).translate(squeezed, b"\r\n") == body.translate(squeezed, b"\r\n")
