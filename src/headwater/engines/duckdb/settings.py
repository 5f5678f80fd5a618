"""Settings of the engine: validated, then applied to a connection that is locked afterwards.

Apart from the session because they are the sandbox: what a query may reach is
decided here and cannot be changed by a statement.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import duckdb

from headwater.engines.duckdb.failures import wrapped
from headwater.errors import UsageError, did_you_mean
from headwater.types import Json, quote_text
from headwater.values import frozen

__all__ = ["EngineSettings", "connect", "prepare"]

_size = re.compile(r"\s*\d+(\.\d+)?\s*(B|[KMGT]i?B)\s*", re.IGNORECASE)

_fixed: Final[Mapping[str, str]] = {
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
    "preserve_insertion_order": "true",
}
"""Never left to the user: nothing is fetched, no variable of the process is read, order is repeatable."""


_of_states: Final[Mapping[str, str]] = {
    "enable_optimistic_write": "false",
    "checkpoint_threshold": "1GB",
    "disabled_compression_methods": "dict_fsst",
}
"""A state is rows that come and go. They are written to the log and not at once, compressed, into the file, which would
grow by all that ever came; the log is written into the file between epochs (:mod:`headwater.engines.duckdb.session`),
by cheap compressions."""

_state_database: Final = "state_file"


@frozen
class EngineSettings:
    """How much of the machine the engine may use, and which folders.

    ``memory_limit`` is a size such as ``2GB``; ``temp_directory`` is where data
    spills (default: beside the state file; in memory: nowhere); ``allowed_directories`` are the only
    folders from which files can be read. None means that the engine may open
    any file; the SQL of models is checked before it reaches the engine anyway.
    """

    memory_limit: str | None = None
    threads: int | None = None
    temp_directory: str | None = None
    allowed_directories: tuple[str, ...] | None = None

    @staticmethod
    def of(settings: Mapping[str, Json]) -> EngineSettings:
        """Read an environment's ``settings``. Raises UsageError for unknown keys and wrong values."""
        readers = {
            "memory_limit": _read_size,
            "threads": _read_threads,
            "temp_directory": _read_path,
            "allowed_directories": _read_paths,
        }
        values: dict[str, Any] = {}
        for key, value in settings.items():
            if key not in readers:
                raise UsageError(f"there is no engine setting '{key}'", hint=did_you_mean(key, readers))
            if value is not None:
                values[key] = readers[key](key, value)
        return EngineSettings(**values)


def connect(
    state: str | None, settings: EngineSettings, prepared: duckdb.DuckDBPyConnection | None = None
) -> duckdb.DuckDBPyConnection:
    """Open a database file (None: in memory), sandboxed and with UTC as its time zone.

    Beside the file there is a database in memory, ``memory``, which all connections of the process see. Names
    are looked for in the file first, where tables are made that do not say where.

    Args:
        prepared: what :func:`prepare` made with the same settings, for a file.
    """
    with wrapped("opening the state"):
        connection = prepared or _instance(settings, {} if state is None else _of_states)
        if state is not None:
            # Without a folder of its own DuckDB would spill into the current one.
            spill = settings.temp_directory or f"{state}.tmp"
            connection.execute(f"SET GLOBAL temp_directory = {quote_text(spill)}")
            # Under a name of its own: the file's, that of a product, may be one that statements give to something else.
            connection.execute(f"ATTACH {quote_text(state)} AS {_state_database}")
            connection.execute(f"SET search_path = '{_state_database}.main,memory.main'")
        if settings.allowed_directories is not None:
            folders = ", ".join(quote_text(os.path.realpath(folder)) for folder in settings.allowed_directories)
            connection.execute(f"SET allowed_directories = [{folders}]")
            connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    return connection


def prepare(settings: EngineSettings) -> duckdb.DuckDBPyConnection:
    """What takes long of opening a file, whichever it will be."""
    with wrapped("preparing the engine"):
        connection = _instance(settings, _of_states)
        connection.execute(
            "SELECT 1 FROM duckdb_tables()"
        )  # the first time DuckDB makes all views of its own catalogue
    return connection


def _instance(settings: EngineSettings, more: Mapping[str, str]) -> duckdb.DuckDBPyConnection:
    config: dict[str, str | bool | int | float | list[str]] = {**_fixed, **more}
    if settings.memory_limit is not None:
        config["memory_limit"] = settings.memory_limit
    if settings.threads is not None:
        config["threads"] = str(settings.threads)
        if settings.threads == 1:  # and no others that read ahead: a process with one thread can fork
            config["async_threads"] = "0"
    config["temp_directory"] = settings.temp_directory or ""
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    # A footer is read once, not with every query that names the file; the cache counts towards memory_limit.
    connection.execute("SET GLOBAL parquet_metadata_cache = true")
    return connection


def _read_size(key: str, value: Json) -> str:
    if isinstance(value, str) and _size.fullmatch(value):
        return value.strip()
    raise UsageError(f"the engine setting '{key}' must be a size such as 2GB, not {value!r}")


def _read_threads(key: str, value: Json) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise UsageError(f"the engine setting '{key}' must be a whole number from 1, not {value!r}")


def _read_path(key: str, value: Json) -> str:
    if isinstance(value, str) and value:
        return str(Path(value))
    raise UsageError(f"the engine setting '{key}' must be a path, not {value!r}")


def _read_paths(key: str, value: Json) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(_read_path(key, folder) for folder in value)
    raise UsageError(f"the engine setting '{key}' must be a list of paths, not {value!r}")
