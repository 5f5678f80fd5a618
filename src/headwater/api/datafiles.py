"""From a folder of data files to declarations: which files are one table, what its columns are.

Apart from scaffolding because it decides and describes, and writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from headwater.errors import UsageError
from headwater.quality import infer_contract
from headwater.spec.declarations import Source
from headwater.spi import discovery
from headwater.spi.codec import FileScan
from headwater.spi.source import SourceContext
from headwater.types import Json, RelationName, Schema, quote_identifier, quote_text
from headwater.values import frozen

__all__ = ["DataTable", "describe_folder", "workspace_texts"]

_suffixes: Final = (".csv", ".tsv", ".ndjson", ".jsonl", ".parquet")
_compressed: Final = (".gz", ".zst", ".zip")
_nulls: Final = ("NA", "NULL", "\\N", "-", "n/a")
_most: Final = 500
_plain: Final = re.compile(r"[a-z_][a-z0-9_]*")
_reserved_words: Final = """
    all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create
    default deferrable desc describe distinct do else end except false fetch for foreign from grant group having in
    initially intersect into lambda lateral leading limit not null offset on only or order pivot placing primary
    qualify references returning select show some summarize symmetric table then to trailing true union unique
    unpivot using variadic when where window with
"""
_reserved: Final = frozenset(_reserved_words.split())


@frozen
class DataTable:
    """Files that are one table.

    ``pattern`` finds them, relative to the folder they were found in; ``null`` is
    a text that means NULL in them.
    """

    name: str
    pattern: str
    files: tuple[str, ...]
    schema: Schema
    null: str | None


def describe_folder(path: Path, *, engine: str) -> tuple[DataTable, ...]:
    """The tables below a folder (or in one file), by name.

    Raises:
        UsageError: no file is of a known format, or there are too many.
        DataError: a file cannot be read as what its name says.
    """
    base = path if path.is_dir() else path.parent
    paths = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    names = [file.relative_to(base).as_posix() for file in paths if _is_data(file.name)]
    names = [name for name in names if not any(part.startswith(".") for part in name.split("/"))]
    if not names:
        raise UsageError(f"there is no data file in {path}", hint=f"known are {', '.join(_suffixes)}, also compressed")
    if len(names) > _most:
        raise UsageError(f"{path} holds {len(names)} data files, at most {_most} are taken", hint="name a sub-folder")
    taken: set[str] = set()
    tables: list[DataTable] = []
    for pattern, members in _grouped(names):
        found = _tables(base, pattern, members, engine)
        tables.extend(replace(table, name=_free(table.name, taken)) for table in found)
    return tuple(tables)


def workspace_texts(name: str, tables: Sequence[DataTable], prefix: str) -> dict[str, str]:
    """The files of a workspace over tables whose data lies below ``prefix``: sources, a model each, its contract."""
    from headwater.spec.writing import to_yaml

    texts = {"headwater.yaml": to_yaml({"name": name}), ".gitignore": ".headwater/\n"}
    sources: dict[str, Json] = {}
    for table in tables:
        null: dict[str, Json] = {"null": table.null} if table.null else {}
        sources[f"{table.name}_file"] = {
            "kind": "files",
            "path": prefix + table.pattern,
            **null,
            "columns": table.schema.to_mapping(),
        }
        texts[f"{name}/{table.name}.sql"] = _model_text(table)
        contract = infer_contract(
            table.schema, id=f"{name}.{table.name}", relation=RelationName(name, table.name), description=_said(table)
        )
        texts[f"{name}/{table.name}.odcs.yaml"] = to_yaml(contract)
    texts[f"{name}/sources.yaml"] = to_yaml({"sources": sources})
    return texts


def _grouped(names: Sequence[str]) -> Iterable[tuple[str, list[str]]]:
    """Files whose names differ in digits only stand together, under a pattern that finds them."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(re.sub(r"\d+", "*", _escaped(name)), []).append(name)
    for pattern, members in sorted(groups.items()):
        yield re.sub(r"\*[*_-]*\*", "*", pattern), members


def _tables(base: Path, pattern: str, members: Sequence[str], engine: str) -> Iterator[DataTable]:
    """One table when all members have the same columns, else one for each."""
    described = [_describe(base, member, engine) for member in members]
    if len(members) > 1 and len(set(described)) == 1:
        schema, null = described[0]
        yield DataTable(_identifier(pattern), pattern, tuple(members), schema, null)
        return
    for member, (schema, null) in zip(members, described, strict=True):
        yield DataTable(_identifier(member), _escaped(member), (member,), schema, null)


def _escaped(name: str) -> str:
    """The pattern that finds just this name."""
    return re.sub(r"([*?\[])", r"[\1]", name)


def _describe(base: Path, name: str, engine: str) -> tuple[Schema, str | None]:
    """The columns of a file, and the text that means NULL when taking it so gives better types."""
    schema = _schema(base, {"path": _escaped(name)}, engine)
    if _texts(schema) and re.search(r"\.[ct]sv(\.|$)", name.lower()):
        for null in _nulls:
            read_so = _schema(base, {"path": _escaped(name), "null": null}, engine)
            if _texts(read_so) < _texts(schema):
                return read_so, null
    return schema, None


def _schema(base: Path, options: Mapping[str, Json], engine: str) -> Schema:
    source = Source(RelationName("init", "file"), "files", options)
    with TemporaryDirectory() as spool:
        sample = discovery.source("files").open(source, SourceContext(root=str(base), spool=spool)).sample()
        return discovery.engine(engine).describe(sample) if isinstance(sample, FileScan) else sample


def _texts(schema: Schema) -> int:
    return sum(column.type.name == "VARCHAR" for column in schema)


def _is_data(name: str) -> bool:
    lowered = name.lower()
    for ending in _compressed:
        lowered = lowered.removesuffix(ending)
    return lowered.endswith(_suffixes)


def _identifier(pattern: str) -> str:
    """A relation's name from a path: its last folder for a pattern without letters, else the file's stem."""
    stem = pattern.rsplit("/", 1)[-1].split(".", 1)[0]
    if not re.search(r"[A-Za-z]", stem) and "/" in pattern:
        stem = pattern.rsplit("/", 2)[-2]
    made = re.sub(r"\W+", "_", stem, flags=re.ASCII).strip("_").lower()
    made = re.sub(r"_+", "_", made) or "data"
    return f"t_{made}" if made[0].isdigit() or made in _reserved else made


def _free(name: str, taken: set[str]) -> str:
    candidate, count = name, 1
    while candidate in taken:
        count += 1
        candidate = f"{name}_{count}"
    taken.add(candidate)
    return candidate


def _model_text(table: DataTable) -> str:
    columns = ",\n".join(f"  {_column(name)}" for name in table.schema.names)
    said = quote_text(_said(table))
    return f"MODEL (name {table.name}, description {said});\nSELECT\n{columns}\nFROM {table.name}_file\n"


def _said(table: DataTable) -> str:
    return f"Every row of {table.pattern}"


def _column(name: str) -> str:
    return name if _plain.fullmatch(name) and name not in _reserved else quote_identifier(name)
