"""Values and documents back to YAML text.

Apart from the readers because nothing that is read needs it: an unmodified
document is written as the very text it was read from, and what was built from
values in a form that reads back to the same values. Only a byte order mark is
not kept.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from headwater.spec.contract import Contract, EventTime, Property, QualityRule, Reference
from headwater.spec.documents import Document, is_plain
from headwater.spec.durations import to_duration
from headwater.spec.logical_types import logical_type_of
from headwater.spec.odcs import API_VERSION
from headwater.spec.promises import VENDOR
from headwater.types import Json

__all__ = ["to_contract_document", "to_yaml", "write_contract", "write_document"]

WIDTH: Final = 120


def write_document(document: Document, data: Json = None) -> str:
    """The text of a document; the text it was read from unless ``data`` says something else."""
    return document.file.text if data is None or data == document.data else to_yaml(data)


def write_contract(contract: Contract) -> str:
    """A contract as ODCS text: the whole file it was read from, or what its values say."""
    return to_yaml(contract.document or to_contract_document(contract))


def to_yaml(data: Json) -> str:
    """Plain values as YAML, keys in the order given, strings quoted only where they must be.

    >>> print(to_yaml({"version": "1.0", "tags": ["a", "yes"]}), end="")
    version: "1.0"
    tags:
      - a
      - "yes"
    """
    return str(
        yaml.dump(
            data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=False, indent=2
        )
    )


def to_contract_document(contract: Contract) -> dict[str, Json]:
    """A contract's values as an ODCS document of one schema object."""
    schema: dict[str, Json] = {
        "name": contract.relation,
        **_given(
            properties=[_property(column) for column in contract.properties],
            quality=[_rule(rule) for rule in contract.rules],
            customProperties=_custom_properties(contract),
        ),
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": contract.id,
        "version": contract.version,
        **_given(status=contract.status),
        "schema": [schema],
    }


def _property(column: Property) -> dict[str, Json]:
    return {"name": column.name, **_element(column)}


def _element(column: Property) -> dict[str, Json]:
    element = _given(
        logicalType=column.logical_type or (logical_type_of(column.type) if column.type else "string"),
        physicalType=str(column.type) if column.type else None,
        description=column.description,
        required=column.required,
        unique=column.unique,
        primaryKey=column.primary_key_position is not None,
        primaryKeyPosition=column.primary_key_position,
        classification=column.classification,
        logicalTypeOptions=dict(column.options) or None,
        enum=[{"value": value} for value in column.enum],
        quality=[_rule(rule) for rule in column.rules],
        properties=[_property(member) for member in column.properties],
    )
    if column.items and column.map_key:
        element["map"] = {"key": _element(column.map_key), "value": _element(column.items)}
    elif column.items:
        element["items"] = _element(column.items)
    return element


def _rule(rule: QualityRule) -> dict[str, Json]:
    written = _given(
        name=rule.name,
        type=rule.type,
        metric=rule.metric,
        query=rule.query,
        description=rule.description,
        arguments=dict(rule.arguments) or None,
        unit="percent" if rule.unit == "percent" else None,
        severity=rule.severity if rule.severity != "error" else None,
    )
    if rule.operator:
        written[rule.operator] = rule.threshold
    return written


def _custom_properties(contract: Contract) -> list[Json]:
    entries: dict[str, Json] = _given(
        eventTime=_event_time(contract.event_time) if contract.event_time else None,
        budget=_given(rows=contract.budget.rows, percent=contract.budget.percent) if contract.budget else None,
        references=[_reference(reference) for reference in contract.references],
    )
    return [{"property": name, "vendor": VENDOR, "value": value} for name, value in entries.items()]


def _event_time(event_time: EventTime) -> dict[str, Json]:
    return _given(
        column=event_time.column,
        watermark=to_duration(event_time.watermark),
        late=event_time.late if event_time.late != "quarantine" else None,
        idle=to_duration(event_time.idle) if event_time.idle else None,
        future=to_duration(event_time.future) if event_time.future else None,
    )


def _reference(reference: Reference) -> dict[str, Json]:
    return {"columns": list(reference.columns), "to": reference.to, "toColumns": list(reference.to_columns)}


def _given(**entries: Any) -> dict[str, Json]:
    """The entries that say something: not None, false or empty. Zero says something."""
    return {name: value for name, value in entries.items() if value is not None and value is not False and value != []}


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]  # the library has no types
    """Lists are indented below their key, as people write them; no anchors."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _string(dumper: yaml.SafeDumper, text: str) -> Any:
    if "\n" in text and all(line == line.rstrip() for line in text.split("\n")):
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")
    style = None if is_plain(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _string)
