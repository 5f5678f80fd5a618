"""Write the generated files, or with ``--check`` say which of them are out of date.

Apart from what generates them: a generator is a function that gives the paths
(relative to the repository) and texts of its files. Exit code 1 and one line a
file when something would change.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from headwater.cli.reference import cli_reference
from headwater.spec.header import KEYS
from headwater.spec.published import packaged_schemas, published_schemas

Generator = Callable[[], Mapping[str, str]]

ROOT = Path(__file__).resolve().parent.parent


def schemas() -> Mapping[str, str]:
    """The JSON Schemas of headwater's own files: for editors, and those the package reads itself."""
    published = {f"schemas/{name}": text for name, text in published_schemas().items()}
    packaged = {f"src/headwater/spec/schemas/{name}": text for name, text in packaged_schemas().items()}
    return {**published, **packaged}


def reference() -> Mapping[str, str]:
    """The reference page of the command line."""
    return {"docs/reference/cli.md": cli_reference()}


DECLARATIONS = """\
# Declarations

This page is generated from the schemas that check the files. Editors complete and validate a file that begins with
`# yaml-language-server: $schema=PATH`, where the path leads to one of the JSON Schemas under `schemas/`.

- `headwater.yaml` describes the workspace; `<product>/sources.yaml` may declare the sources of one product.
- `<product>/*.odps.yaml` is a product descriptor (Bitol ODPS 1.1), `*.odcs.yaml` a contract (ODCS 3.2.0).
- `*.sql` is a model: a header and one query. Relations are named `product.relation`.
- A product is a folder with a descriptor and all that lies below it, else a top folder with models, sources or
  contracts. Folders that are hidden, linked, named `tests`, or have a `headwater.yaml` of their own are not entered.
- Secrets stand as `${env:NAME}` or `${file:path}`; a secret in clear is refused.
"""

EXTENSIONS = """\
Entries of `customProperties` with `vendor: headwater`, at a schema object or at the head of the contract. There they
speak of every object of the file; an `eventTime` or `budget` of the object itself comes first. With several objects,
`references` stand at the object they are about."""


def declarations() -> Mapping[str, str]:
    """The reference page of our own files."""
    schemas = {name: json.loads(text) for name, text in published_schemas().items()}
    lines = [DECLARATIONS, "## headwater.yaml", "", *_tables(schemas["headwater.json"]), "## sources.yaml", ""]
    lines += ["The key `sources` holds sources by name, as in `headwater.yaml`.", "", "## MODEL header", ""]
    lines += ["| key | meaning |", "|---|---|", *(f"| `{key}` | {meaning} |" for key, meaning in KEYS.items()), ""]
    lines += ["## Contract extensions", "", EXTENSIONS, ""]
    for entry in schemas["custom-properties.json"]["oneOf"]:
        value = entry["properties"]["value"]
        name = entry["properties"]["property"]["const"]
        described = value.get("items", value)
        lines += [f"### {name}", "", described["description"], "", *_table(described)]
    return {"docs/reference/declarations.md": "\n".join(lines).rstrip() + "\n"}


def _tables(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from _table(schema)
    for name, definition in schema["$defs"].items():
        yield from (f"### {name.removesuffix('File').lower()}", "", definition["description"], "", *_table(definition))


def _table(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from ("| key | type | default | meaning |", "|---|---|---|---|")
    for name, field in schema["properties"].items():
        required = "required" if name in schema.get("required", ()) else ""
        default = field.get("default")
        shown = f"`{json.dumps(default)}`" if default is not None else required
        yield f"| `{name}` | {_type(field)} | {shown} | {field['description']} |"
    yield ""


def _type(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    kinds = [option["type"] for option in field.get("anyOf", [field]) if option.get("type", "null") != "null"]
    return kinds[0] if kinds else "object"


GENERATORS: tuple[Generator, ...] = (schemas, declarations, reference)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is out of date")
    check = parser.parse_args().check
    stale = 0
    for generator in GENERATORS:
        for name, text in generator().items():
            path = ROOT / name
            if path.exists() and path.read_text(encoding="utf-8") == text:
                continue
            stale += 1
            if check:
                print(f"{name} is out of date: run make generate")
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
