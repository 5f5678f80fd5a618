"""What is asked of a source: fields that models need, through views too, and that contracts look at; and how often."""

from __future__ import annotations

import pytest

from headwater.types import FieldPath

from .conftest import Planner

SOURCES = """\
sources:
  raw:
    kind: files
    path: data/raw.ndjson
    format: ndjson
    columns:
      id: bigint
      at: timestamp
      who: struct(name varchar, age integer, city varchar)
      note: varchar
      more: varchar
"""
CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: raw
version: 1.0.0
status: active
customProperties:
  - {property: eventTime, vendor: headwater, value: {column: at, watermark: PT1M}}
schema:
  - name: raw
    logicalType: object
    properties:
      - {name: id, logicalType: integer, unique: true}
      - {name: at, logicalType: timestamp}
      - name: who
        logicalType: object
        properties:
          - {name: age, logicalType: integer, required: true}
      - {name: note, logicalType: string}
      - {name: more, logicalType: string}
"""
VIEW = (
    "MODEL (name people, output view); "
    "SELECT id, who.name AS name, who.city AS city, note FROM raw WHERE at IS NOT NULL"
)
REFERRING = """\
apiVersion: v3.2.0
kind: DataContract
id: a
version: 1.0.0
status: active
schema:
  - name: a
    logicalType: object
    properties:
      - {name: name, logicalType: string, relationships: [{type: foreignKey, to: raw.note}]}
"""


@pytest.mark.parametrize(
    ("files", "needed"),
    [
        ({"sales/a.sql": "SELECT id FROM raw"}, [("id",)]),
        ({"sales/a.sql": "SELECT id FROM raw", "sales/b.sql": "SELECT who.name FROM raw"}, [("id",), ("who", "name")]),
        ({"sales/a.sql": "SELECT * FROM raw"}, [("at",), ("id",), ("more",), ("note",), ("who",)]),
        ({"sales/a.sql": "SELECT raw FROM raw"}, None),
        ({}, []),
        ({"sales/people.sql": VIEW}, [("at",)]),
        ({"sales/people.sql": VIEW, "sales/a.sql": "SELECT city FROM people"}, [("at",), ("who", "city")]),
        (
            {"sales/people.sql": VIEW, "sales/a.sql": "SELECT count(*) AS n FROM (SELECT * FROM people) AS p"},
            [("at",)],
        ),
        (
            {"sales/people.sql": VIEW, "sales/b.sql": "MODEL (name b, output view); SELECT name FROM people",
             "sales/a.sql": "SELECT name FROM b"},
            [("at",), ("who", "name")],
        ),
        ({"sales/raw.odcs.yaml": CONTRACT}, [("at",), ("id",), ("who", "age")]),
        ({"sales/a.sql": "SELECT who.name FROM raw", "sales/a.odcs.yaml": REFERRING}, [("note",), ("who", "name")]),
        (
            {"sales/a.sql": "SELECT who.name FROM raw", "sales/raw.odcs.yaml": CONTRACT},
            [("at",), ("id",), ("who", "age"), ("who", "name")],
        ),
    ],
)  # fmt: skip
def test_needed(plan_files: Planner, files: dict[str, str], needed: list[FieldPath] | None) -> None:
    workspace = {"headwater.yaml": "name: shop\n", "sales/sources.yaml": SOURCES, **files}
    (product,) = plan_files(workspace).products
    (source,) = product.sources
    assert source.needed == (None if needed is None else tuple(needed))


BY_NAME = "MODEL (name b, output view); SELECT name FROM people"


@pytest.mark.parametrize(
    ("files", "readers"),
    [
        ({}, 0),
        ({"sales/a.sql": "SELECT id FROM raw", "sales/b.sql": "SELECT at FROM raw"}, 2),
        ({"sales/people.sql": VIEW}, 0),
        ({"sales/people.sql": VIEW, "sales/b.sql": BY_NAME, "sales/a.sql": "SELECT name FROM b"}, 1),
        (
            {
                "sales/people.sql": VIEW,
                "sales/b.sql": BY_NAME,
                "sales/a.sql": "SELECT name FROM b",
                "sales/c.sql": "SELECT p.name FROM people AS p JOIN raw AS r ON p.id = r.id",
            },
            3,
        ),
    ],
)
def test_readers(plan_files: Planner, files: dict[str, str], readers: int) -> None:
    workspace = {"headwater.yaml": "name: shop\n", "sales/sources.yaml": SOURCES, **files}
    (product,) = plan_files(workspace).products
    (source,) = product.sources
    assert source.readers == readers
