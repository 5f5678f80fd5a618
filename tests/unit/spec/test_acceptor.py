"""The quick yes never says yes where the library says no."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft201909Validator

from headwater.spec import shapes
from headwater.spec.acceptor import UnsupportedSchema, acceptor
from headwater.spec.documents import parse_document
from headwater.spec.odcs import official_schema
from headwater.spec.published import MODELS
from headwater.spec.shapes import Shape
from headwater.spec.text import FileText

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "tests/golden/spec/contracts"
PRODUCTS = ROOT / "tests/golden/spec/products"
EXAMPLES = [
    parse_document(FileText(path.name, path.read_text(encoding="utf-8"))).data for path in sorted(FOLDER.iterdir())
]
ACCEPTS = acceptor(official_schema())
VALIDATOR = Draft201909Validator(official_schema())


def test_every_example_is_accepted_at_once() -> None:
    assert all(ACCEPTS(example) for example in EXAMPLES)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


PLACES = [(number, path) for number, example in enumerate(EXAMPLES) for path in places(example) if path]
STRANGE = st.sampled_from(
    [None, True, 0, -1, 1.5, "", "x", "library", "map", [], [1], [1, 1], ["a.b", "c"], {}, {"x": 1}]
)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(PLACES), STRANGE, st.sampled_from(["replace", "remove", "add", "repeat"]))
def test_a_changed_example_is_accepted_only_when_it_is_valid(
    place: tuple[int, tuple[Any, ...]], strange: Any, change: str
) -> None:
    number, path = place
    changed = altered(EXAMPLES[number], path, strange, change)
    assert not ACCEPTS(changed) or VALIDATOR.is_valid(changed)


@pytest.mark.parametrize(
    "schema", [{"format": "x", "minimum": 1, "maxLength": 1}, {"enum": [1]}, {"patternProperties": {"a": {}, "b": {}}}]
)
def test_a_keyword_that_is_not_compiled_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedSchema):
        acceptor(schema)


OURS: list[tuple[Shape, Any]] = [
    (
        "headwater",
        {
            "name": "shop",
            "environments": {"dev": {"engine": "duckdb", "lake": {"path": "x", "format": "delta"}, "metadata": None}},
            "connections": {"warehouse": {"kind": "postgres", "port": 1}},
            "sources": {"a.b": {"path": "x", "columns": {"id": "bigint"}, "bounded": True}},
        },
    ),
    ("sources", {"sources": {"b": {"kind": "files", "connection": None, "contract": "c"}}}),
    ("product", parse_document(FileText("x", (PRODUCTS / "everything.odps.yaml").read_text(encoding="utf-8"))).data),
    ("event-time", {"column": "at", "watermark": "PT10M", "late": "drop", "idle": "P1DT1S", "future": None}),
    ("budget", {"rows": 1, "percent": 0.5}),
    ("reference", {"columns": ["a"], "to": "b", "toColumns": ["c"]}),
]
OUR_PLACES = [(number, path) for number, (_, example) in enumerate(OURS) for path in places(example) if path]
TEXTS = st.sampled_from(["shop\n", "my-shop", "P", "PT", "P1M", "PT1M\n", "P1W2DT3H4M5.5S", "P9999999W", "delta"])


def test_our_examples_are_accepted_at_once() -> None:
    assert all(shapes._accepts(shape)(example) for shape, example in OURS)


@given(st.sampled_from(OUR_PLACES), STRANGE | TEXTS, st.sampled_from(["replace", "remove", "add", "repeat", "rename"]))
def test_a_changed_file_of_ours_is_accepted_only_when_its_model_accepts_it(
    place: tuple[int, tuple[Any, ...]], strange: Any, change: str
) -> None:
    number, path = place
    shape, example = OURS[number]
    changed = altered(example, path, strange, change)
    if shapes._accepts(shape)(changed):
        MODELS[shape].model_validate(changed)


def altered(example: Any, path: tuple[Any, ...], strange: Any, change: str) -> Any:
    changed = copy.deepcopy(example)
    around: Any = changed
    for step in path[:-1]:
        around = around[step]
    match change:
        case "replace":
            around[path[-1]] = strange
        case "remove":
            del around[path[-1]]
        case "rename" if isinstance(around, dict) and isinstance(strange, str):
            around[strange] = around.pop(path[-1])
        case "add" if isinstance(around, dict):
            around["surplus"] = strange
        case _ if isinstance(around, list):
            around.append(around[path[-1]])
    return changed


def test_sound_files_are_read_without_the_libraries_that_explain() -> None:
    program = (
        "import sys; from pathlib import Path; from headwater.spec import read_workspace; "
        "read_workspace(Path('examples/airline')); "
        "print(sorted({'pydantic', 'jsonschema', 'duckdb', 'sqlglot'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
