"""The JSON Schemas of headwater's own files, for editors, other validators and :mod:`headwater.spec.shapes`.

Apart from the models they are generated from, because a published schema says
more than a model does: which draft it speaks, and where its entries may stand.
An editor finds one by a first line such as
``# yaml-language-server: $schema=../schemas/headwater.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from headwater.spec.extensions import BudgetExtension, EventTimeExtension, ReferenceExtension
from headwater.spec.odps import DataProductFile
from headwater.spec.promises import EXTENSIONS, VENDOR
from headwater.spec.settings import SourcesFile, WorkspaceFile
from headwater.spec.shapes import Shape

__all__ = ["MODELS", "packaged_schemas", "published_schemas"]

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"

MODELS: Final[Mapping[Shape, type[BaseModel]]] = {
    "headwater": WorkspaceFile,
    "sources": SourcesFile,
    "product": DataProductFile,
    "event-time": EventTimeExtension,
    "budget": BudgetExtension,
    "reference": ReferenceExtension,
}


def packaged_schemas() -> Mapping[str, str]:
    """File name to JSON text of the schemas that the package itself reads."""
    return {f"{shape}.json": _text(_schema(model)) for shape, model in MODELS.items()}


def published_schemas() -> Mapping[str, str]:
    """File name to JSON text of the schemas for editors: ``headwater``, ``sources``, ``custom-properties``."""
    return {
        "headwater.json": _text(_schema(WorkspaceFile)),
        "sources.json": _text(_schema(SourcesFile)),
        "custom-properties.json": _text(_custom_properties()),
    }


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(by_alias=True)


def _custom_properties() -> dict[str, Any]:
    """One entry of a contract's ``customProperties`` with ``vendor: headwater``."""
    references = {"type": "array", "items": _schema(ReferenceExtension), "title": "References"}
    values = (_schema(EventTimeExtension), _schema(BudgetExtension), references)
    return {
        "title": "headwater's custom properties in ODCS contracts",
        "description": "Entries with vendor headwater, at a schema object or, for all of them, at the contract.",
        "oneOf": [
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["property", "vendor", "value"],
                "properties": {
                    "id": {"type": "string"},
                    "property": {"const": name},
                    "vendor": {"const": VENDOR},
                    "description": {"type": "string"},
                    "value": value,
                },
            }
            for name, value in zip(EXTENSIONS, values, strict=True)
        ],
    }


def _text(schema: Mapping[str, Any]) -> str:
    return json.dumps({"$schema": DRAFT, **schema}, indent=2, ensure_ascii=False) + "\n"
