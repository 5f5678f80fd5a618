"""How a version of a Parquet table becomes visible: one rename, or one link.

Both are preceded by everything that can fail, so a crash leaves either the
version before or the version after, and what lies around is swept.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from headwater.formats.tables.parquet.log import MANIFEST, Log, Version
from headwater.formats.tables.parquet.rows import batches_of, parts_of
from headwater.formats.tables.schemas import Evolution
from headwater.formats.tables.storage import (
    create_folders,
    make_folder,
    remove_tree,
    rename,
    replace_link,
    sync_folders,
    write_atomically,
)
from headwater.formats.tables.swapping import conflict, fits, taken_out
from headwater.spi.table import Committable

__all__ = ["append_version", "rewrite", "start_generation", "swap"]


def append_version(log: Log, version: Version, staged: Path) -> None:
    """Move a staged folder into the linked generation: the rename is the commit."""
    write_atomically(staged / MANIFEST, version.to_bytes())
    rename(staged, log.folder_of(version))


def start_generation(log: Log, version: Version, sources: Mapping[str, Path]) -> None:
    """Build a generation of hard links beside the linked one; replacing the link is the commit.

    ``sources`` maps the paths of ``version.files`` to where these files lie now.
    """
    remove_tree(log.generation_folder(version.generation))
    folder = log.folder_of(version)
    changed = set(create_folders(folder))
    for path, source in sources.items():
        changed.update(create_folders((folder / path).parent))
        changed.add((folder / path).parent)
        os.link(source, folder / path)
    write_atomically(folder / MANIFEST, version.to_bytes())  # which makes all entries of the folder durable
    sync_folders(changed - {folder})
    replace_link(log.link, f"generations/{version.generation}")


def swap(log: Log, version: Version, sources: Mapping[str, Path], committable: Committable) -> None:
    """Commit a merge: a generation of the staged files and of those that stay, or an append where all stay."""
    versions = log.current
    if not versions:
        raise conflict(committable, "it is gone")
    newest = versions[-1]
    if not fits(newest.spec.schema, version.spec) or version.spec.partition_by != newest.spec.partition_by:
        raise conflict(committable, "it has other columns or another partitioning")
    live = {file.path: (file, log.path_of(each, file)) for each in versions for file in each.files}
    gone = {file.path for file, _ in taken_out(committable, live)}
    if not gone:
        staged = log.folder / "staging" / str(committable.payload["folder"])
        append_version(log, replace(version, operation="append", generation=newest.generation), staged)
        return
    kept = {path: known for path, known in live.items() if path not in gone}
    version = replace(version, files=(*(file for file, _ in kept.values()), *version.files))
    start_generation(log, version, {**{path: source for path, (_, source) in kept.items()}, **sources})


def rewrite(log: Log, version: Version, sources: Mapping[str, Path], evolution: Evolution) -> None:
    """Commit an append that widens, renames or partitions anew: earlier rows are written again in the new shape."""
    from headwater.formats.tables.arrowfiles import reshape, write_data

    draft = log.folder / "staging" / f"rewrite-{version.number}"
    remove_tree(draft)
    make_folder(draft)
    versions = log.current
    batches = batches_of(parts_of(log, versions), versions[-1].spec)
    reshaped = (reshape(batch, versions[-1].spec.schema, evolution) for batch in batches)
    files = [file for file, _ in write_data(reshaped, draft, version.spec.schema, version.spec.partition_by)]
    version = replace(version, operation="rewrite", files=(*files, *version.files))
    start_generation(log, version, {**{file.path: draft / file.path for file in files}, **sources})
    remove_tree(draft)
