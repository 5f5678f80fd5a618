"""Options of files sources: checked, located, with the way out."""

from __future__ import annotations

import pytest

from headwater.connectors.files import FilesSource
from headwater.connectors.files.naming import record_format_of
from headwater.connectors.files.options import FilesOptions
from headwater.errors import DeclarationError, Location
from headwater.spec.declarations import Source
from headwater.spi.source import SourceContext
from headwater.types import Json, RelationName

where = Location("headwater.yaml", 7, 3, "  flights:")


def source(options: dict[str, Json]) -> Source:
    return Source(RelationName("ops", "flights"), "files", options, where=where)


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({}, "a source of kind 'files' needs 'path'", "for example path: data/*.csv"),
        ({"path": []}, "'path' must be text or a list of texts, not []", None),
        ({"path": ["a.csv", 1]}, "'path' must be text or a list of texts, not ['a.csv', 1]", None),
        (
            {"path": "a.csv", "delimter": ";"},
            "a source of kind 'files' has no option 'delimter'",
            "did you mean 'delimiter'?",
        ),
        ({"path": "a.csv", "format": "xml"}, "'format' cannot be 'xml'", "valid values: arrow, csv, ndjson, parquet"),
        ({"path": "a.csv", "format": ["csv"]}, "'format' must be text, not ['csv']", None),
        ({"path": "a.csv", "header": "yes"}, "'header' must be true or false, not 'yes'", None),
        ({"path": "a.csv", "quote": '""'}, "'quote' must have 0 to 1 characters, not '\"\"'", None),
        (
            {"path": "a.csv", "encoding": "klingon"},
            "there is no encoding 'klingon'",
            "for example utf-8, latin-1, cp1252, utf-16",
        ),
        (
            {"path": "data/*"},
            "the files' format cannot be told from 'path'",
            "set 'format' to one of csv, ndjson, parquet, arrow",
        ),
        (
            {"path": ["a.csv", "b.parquet"]},
            "the files' format cannot be told from 'path'",
            "set 'format' to one of csv, ndjson, parquet, arrow",
        ),
        (
            {"path": "a.parquet", "delimiter": ";"},
            "'delimiter' has no meaning for parquet files",
            "remove it, or set 'format' to csv",
        ),
        (
            {"path": "a.parquet", "encoding": "utf-8"},
            "'encoding' has no meaning for parquet files",
            "remove it, or set 'format' to csv or ndjson",
        ),
    ],
)
def test_wrong_options(options: dict[str, Json], message: str, hint: str | None) -> None:
    with pytest.raises(DeclarationError) as caught:
        FilesOptions.of(source(options))
    assert (caught.value.message, caught.value.hint, caught.value.where) == (message, hint, where)


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.csv", "data/../../x.csv", "~/x.csv", "data\\x.csv", ""])
def test_paths_stay_in_the_workspace(path: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        FilesSource().open(source({"path": path, "format": "csv"}), SourceContext("/workspace", "/workspace/spool"))
    assert (caught.value.message, caught.value.where) == (f"the path '{path}' cannot be used", where)


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.csv", "csv"),
        ("a.CSV.GZ", "csv"),
        ("a.tsv.zst", "tsv"),
        ("*.jsonl", "ndjson"),
        ("d/*.json.zip", "ndjson"),
        ("a.parquet", "parquet"),
        ("a.gz", None),
        ("data.csv/*", None),
        ("csv", None),
    ],
)
def test_formats_by_name(name: str, format: str | None) -> None:
    assert record_format_of(name) == format


def test_the_engine_gets_what_it_needs() -> None:
    options = FilesOptions.of(source({"path": ["a/*.tsv", "b/*.tsv.gz"], "null": ["NA", "-"], "header": False}))
    assert options.patterns == ("a/*.tsv", "b/*.tsv.gz")
    assert (options.format, options.compression) == ("csv", None)
    assert options.scan == {"null": ["NA", "-"], "header": False, "delimiter": "\t"}
    assert FilesOptions.of(source({"path": "x.csv", "compression": "gzip"})).scan == {"compression": "gzip"}
    assert FilesOptions.of(source({"path": "x.csv", "compression": "zip"})).scan == {}
