"""Sources verified, and the columns of those that declare none inferred from their data once.

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
from headwater.errors import DeclarationError, DeclarationErrors, HeadwaterError, did_you_mean
from headwater.spec.declarations import Source
from headwater.spi import discovery
from headwater.spi.codec import FileScan
from headwater.spi.source import SourceContext, SourceReader
from headwater.types import RelationName, Schema

__all__ = ["open_source", "source_schemas"]


def source_schemas(project: Project, cache: FileCache) -> Mapping[RelationName, Schema]:
    """The schema of every source: as declared, else as inferred from its data; every source's options are verified.

    Raises:
        DeclarationErrors: of some sources the kind or the options are wrong, or there is no data to infer columns from.
    """
    schemas: dict[RelationName, Schema] = {}
    errors: list[DeclarationError] = []
    for source in project.workspace.sources.values():
        try:
            reader = open_source(project, source)
            schemas[source.relation] = source.schema or _inferred(project, source, reader, cache)
        except DeclarationErrors as found:
            errors.extend(found.errors)
        except DeclarationError as error:
            errors.append(error)
    if errors:
        raise DeclarationErrors(errors)
    return schemas


def open_source(project: Project, source: Source) -> SourceReader:
    """A source's reader. Raises DeclarationError, with its place, for an unknown kind and wrong options."""
    known = discovery.kinds("source")
    if source.kind not in known:
        raise DeclarationError(
            f"there is no kind of source '{source.kind}'", hint=did_you_mean(source.kind, known), where=source.where
        )
    context = SourceContext(root=str(project.root), spool=str(project.spool))
    return discovery.source(source.kind).open(source, context)


def _inferred(project: Project, source: Source, reader: SourceReader, cache: FileCache) -> Schema:
    try:
        sample = reader.sample()
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
