"""What a plugin implements: the only module, with ``headwater.testing``, that a third party imports.

Plugins are found by entry point (:mod:`headwater.spi.discovery`), built-ins included.
"""

from headwater.spi.codec import FileScan, Rows, ScanFile
from headwater.spi.engine import Engine, Landed, Session
from headwater.spi.source import Chunk, Position, SourceContext, SourcePlugin, SourceReader
from headwater.spi.table import (
    Appended,
    AtTime,
    AtVersion,
    CommitId,
    Committable,
    MaintenancePolicy,
    MaintenanceReport,
    PublishMode,
    Replaced,
    Table,
    TableFormat,
    TableLocation,
    TableSpec,
    TableVersion,
)

__all__ = [
    "Appended",
    "AtTime",
    "AtVersion",
    "Chunk",
    "CommitId",
    "Committable",
    "Engine",
    "FileScan",
    "Landed",
    "MaintenancePolicy",
    "MaintenanceReport",
    "Position",
    "PublishMode",
    "Replaced",
    "Rows",
    "ScanFile",
    "Session",
    "SourceContext",
    "SourcePlugin",
    "SourceReader",
    "Table",
    "TableFormat",
    "TableLocation",
    "TableSpec",
    "TableVersion",
]
