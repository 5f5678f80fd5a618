"""From a folder of data files to declarations: which files are one table, what its columns are.

Apart from scaffolding because it decides and describes, and writes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from headwater.errors import UsageError
from headwater.spec.declarations import Source
from headwater.spi import discovery
from headwater.spi.codec import FileScan
from headwater.spi.source import SourceContext
from headwater.types import RelationName, Schema, quote_identifier

__all__ = ["DataTable", "describe_folder", "workspace_texts"]

_suffixes: Final = {
    ".csv": "csv",
    ".tsv": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
}
_compressed: Final = (".gz", ".zst", ".zip")
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


@dataclass(frozen=True, slots=True)
class DataTable:
    """Files that are one table: ``pattern`` finds them, relative to the folder they were found in."""

    name: str
    pattern: str
    format: str
    files: tuple[str, ...]
    schema: Schema


def describe_folder(path: Path, *, engine: str) -> tuple[DataTable, ...]:
    """The tables below a folder (or in one file), by name.

    Raises:
        UsageError: no file is of a known format, or there are too many.
        DataError: a file cannot be read as what its name says.
    """
    base = path if path.is_dir() else path.parent
    found = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    names = [file.relative_to(base).as_posix() for file in found if _format(file.name)]
    names = [name for name in names if not any(part.startswith(".") for part in name.split("/"))]
    if not names:
        raise UsageError(f"there is no data file in {path}", hint=f"known are {', '.join(_suffixes)}, also compressed")
    if len(names) > _most:
        raise UsageError(f"{path} holds {len(names)} data files, at most {_most} are taken", hint="name a sub-folder")
    taken: set[str] = set()
    tables = []
    for pattern, members, schema in _grouped(base, names, engine):
        name = _free(_identifier(pattern), taken)
        tables.append(DataTable(name, pattern, _format(members[0]) or "csv", tuple(members), schema))
    return tuple(tables)


def workspace_texts(name: str, tables: Sequence[DataTable], prefix: str) -> dict[str, str]:
    """The files of a workspace over tables whose data lies below ``prefix``."""
    texts = {"headwater.yaml": f"name: {name}\n", ".gitignore": ".headwater/\n"}
    lines = ["sources:"]
    for table in tables:
        options = ["kind: files", f"path: {json.dumps(prefix + table.pattern, ensure_ascii=False)}"]
        options.append(f"format: {table.format}")
        if table.files[0].split(".", 1)[-1].startswith("tsv"):
            options.append('delimiter: "\\t"')
        lines += [f"  {table.name}_file:", *(f"    {option}" for option in options)]
        texts[f"{name}/{table.name}.sql"] = _model_text(table)
    texts[f"{name}/sources.yaml"] = "\n".join(lines) + "\n"
    return texts


def _grouped(base: Path, names: Sequence[str], engine: str) -> Iterable[tuple[str, list[str], Schema]]:
    """Files whose names differ in digits only, and whose columns are equal, together; each other file alone."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(re.sub(r"\d+", "*", name), []).append(name)
    for pattern, members in sorted(groups.items()):
        schemas = [_schema(base, member, engine) for member in members]
        if len(members) > 1 and len(set(schemas)) == 1:
            yield re.sub(r"\*[*_-]*\*", "*", pattern), members, schemas[0]
        else:
            yield from ((member, [member], schema) for member, schema in zip(members, schemas, strict=True))


def _schema(base: Path, name: str, engine: str) -> Schema:
    source = Source(RelationName("init", "file"), "files", {"path": name, "format": _format(name)})
    with TemporaryDirectory() as spool:
        sample = discovery.source("files").open(source, SourceContext(root=str(base), spool=spool)).sample()
        return discovery.engine(engine).describe(sample) if isinstance(sample, FileScan) else sample


def _format(name: str) -> str | None:
    lowered = name.lower()
    for ending in _compressed:
        lowered = lowered.removesuffix(ending)
    return next((form for suffix, form in _suffixes.items() if lowered.endswith(suffix)), None)


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
    header = f"MODEL (name {table.name}, description {_text('Every row of ' + table.pattern)});"
    return f"{header}\nSELECT\n{columns}\nFROM {table.name}_file\n"


def _column(name: str) -> str:
    return name if _plain.fullmatch(name) and name not in _reserved else quote_identifier(name)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
