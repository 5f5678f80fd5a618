"""The columns of sources that declare none, inferred from their data once.

Apart from planning because this is its only step that reads data. What was
inferred is kept with the files it was inferred from: it holds until they change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from headwater.api.cache import FileCache
from headwater.api.project import Project
from headwater.errors import DeclarationError, HeadwaterError
from headwater.spec.declarations import Source
from headwater.spi import discovery
from headwater.spi.codec import FileScan
from headwater.spi.source import SourceContext
from headwater.types import RelationName, Schema

__all__ = ["source_schemas"]


def source_schemas(project: Project) -> Mapping[RelationName, Schema]:
    """The schema of every source: as declared, else as inferred from its data.

    Raises:
        DeclarationError: a source's options are wrong, or its data cannot be read to infer columns from.
    """
    cache = FileCache(project.root, "schemas")
    sources = project.workspace.sources.values()
    schemas = {source.relation: source.schema or _inferred(project, source, cache) for source in sources}
    cache.save()
    return schemas


def _inferred(project: Project, source: Source, cache: FileCache) -> Schema:
    context = SourceContext(root=str(project.root), spool=str(project.layout.spool))
    try:
        sample = discovery.source(source.kind).open(source, context).sample()
        if not isinstance(sample, FileScan):
            return sample
        key = _key(sample)
        known = cache.get(key)
        if known is not None:
            return Schema.of(json.loads(known))
        schema = discovery.engine(project.environment.engine).describe(sample)
    except DeclarationError:
        raise
    except HeadwaterError as error:
        raise DeclarationError(
            f"the columns of {source.relation} cannot be inferred: {error.message}",
            detail=error.detail,
            hint=error.hint or "declare the source's columns",
            where=error.where or source.where,
        ) from error
    cache.put(key, json.dumps(schema.to_mapping()))
    return schema


def _key(sample: FileScan) -> str:
    """What the inferred columns depend on: format, options and the files as they are now."""
    files = [(file.name, file.size, Path(file.path).stat().st_mtime_ns) for file in sample.files]
    described = json.dumps([sample.format, files, dict(sample.options)], sort_keys=True, default=str)
    return hashlib.sha256(described.encode()).hexdigest()
