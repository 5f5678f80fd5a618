"""The quick yes never says yes where the library says no."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft201909Validator

from headwater.spec.acceptor import UnsupportedSchema, acceptor
from headwater.spec.documents import parse_document
from headwater.spec.odcs import official_schema
from headwater.spec.text import FileText

FOLDER = Path(__file__).parents[2] / "golden" / "spec" / "contracts"
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
    changed = copy.deepcopy(EXAMPLES[number])
    around: Any = changed
    for step in path[:-1]:
        around = around[step]
    match change:
        case "replace":
            around[path[-1]] = strange
        case "remove":
            del around[path[-1]]
        case "add" if isinstance(around, dict):
            around["surplus"] = strange
        case _ if isinstance(around, list):
            around.append(around[path[-1]])
    assert not ACCEPTS(changed) or VALIDATOR.is_valid(changed)


@pytest.mark.parametrize("schema", [{"minLength": 1}, {"enum": [1]}, {"additionalProperties": False}])
def test_a_keyword_that_is_not_compiled_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedSchema):
        acceptor(schema)
