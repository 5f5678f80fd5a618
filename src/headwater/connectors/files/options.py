"""What a source of kind ``files`` may declare, as a JSON Schema and as a value.

Apart from the reader so that one table of options feeds validation, the schema
that editors use, and the reference page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from headwater.connectors.files.naming import record_format_of
from headwater.errors import DeclarationError, did_you_mean
from headwater.spec.declarations import Source
from headwater.spi.codec import RecordFormat
from headwater.types import Json
from headwater.values import frozen

__all__ = ["FilesOptions", "options_schema"]

formats: Final = ("csv", "ndjson", "parquet", "arrow")
compressions: Final = ("none", "gzip", "zstd", "zip")

_one_or_more: Final[Mapping[str, Json]] = {"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1}

properties: Final[Mapping[str, Mapping[str, Json]]] = {
    "path": {
        **_one_or_more,
        "description": "Which files, relative to the workspace: paths with *, ?, [abc], and ** for any folders.",
    },
    "format": {
        "type": "string",
        "enum": list(formats),
        "description": "How the files are written. Default: by their names (.csv, .ndjson, .parquet, .arrow ...).",
    },
    "compression": {
        "type": "string",
        "enum": list(compressions),
        "description": "How the files are compressed. Default: by their names (.gz, .zst, .zip).",
    },
    "delimiter": {
        "type": "string",
        "minLength": 1,
        "maxLength": 4,
        "description": "CSV: what stands between fields. Default: a comma; a tab in .tsv files.",
    },
    "quote": {
        "type": "string",
        "maxLength": 1,
        "description": "CSV: what stands around fields that hold delimiters or line ends; '' for nothing. Default: \".",
    },
    "escape": {
        "type": "string",
        "minLength": 1,
        "maxLength": 1,
        "description": "CSV: what stands before a quote inside a quoted field. Default: the quote itself.",
    },
    "header": {
        "type": "boolean",
        "description": "CSV: whether the first record names the columns; else they count from the left. Default: true.",
    },
    "null": {
        **_one_or_more,
        "description": "CSV: texts that mean NULL, besides the empty field.",
    },
    "encoding": {
        "type": "string",
        "description": "CSV and NDJSON: the character encoding, such as latin-1 or utf-16. Default: utf-8.",
    },
    "timestamp_format": {
        "type": "string",
        "description": "CSV and NDJSON: how timestamps are written, such as '%d.%m.%Y %H:%M'. Default: ISO 8601.",
    },
    "date_format": {
        "type": "string",
        "description": "CSV and NDJSON: how dates are written, such as '%d.%m.%Y'. Default: ISO 8601.",
    },
}

only_for: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("delimiter", "quote", "escape", "header", "null"), ("csv",)),
    **dict.fromkeys(("encoding", "timestamp_format", "date_format"), ("csv", "ndjson")),
}


def options_schema() -> Mapping[str, Json]:
    """The JSON Schema of the options."""
    described: dict[str, Json] = {name: dict(option) for name, option in properties.items()}
    return {"type": "object", "required": ["path"], "additionalProperties": False, "properties": described}


@frozen
class FilesOptions:
    """The options of one source, checked. ``scan`` are those the engine's decoder needs."""

    patterns: tuple[str, ...]
    format: RecordFormat
    compression: str | None
    scan: Mapping[str, Json]

    @staticmethod
    def of(source: Source) -> FilesOptions:
        """Read a source's options. Raises DeclarationError, located at the source, when they are wrong."""
        options = source.options
        for key, value in options.items():
            problem = _problem(key, value)
            if problem is not None:
                raise DeclarationError(problem[0], hint=problem[1], where=source.place_of(key))
        if "path" not in options:
            raise DeclarationError(
                "a source of kind 'files' needs 'path'", hint="for example path: data/*.csv", where=source.where
            )
        patterns = _texts(options["path"])
        return _checked(source, patterns, _format(source, patterns))


def _checked(source: Source, patterns: tuple[str, ...], format: RecordFormat) -> FilesOptions:
    options = source.options
    for key in options:
        if format not in only_for.get(key, formats):
            raise DeclarationError(
                f"'{key}' has no meaning for {format} files",
                hint=f"remove it, or set 'format' to {' or '.join(only_for[key])}",
                where=source.place_of(key),
            )
    compression = cast("str | None", options.get("compression"))
    scan = {key: value for key, value in options.items() if key not in {"path", "format", "compression"}}
    if format == "csv" and any(record_format_of(pattern) == "tsv" for pattern in patterns):
        scan.setdefault("delimiter", "\t")
    if compression is not None and compression != "zip":
        scan["compression"] = compression
    return FilesOptions(patterns, format, compression, scan)


def _format(source: Source, patterns: tuple[str, ...]) -> RecordFormat:
    declared = source.options.get("format")
    if declared is not None:
        return cast("RecordFormat", declared)
    found = {"csv" if form == "tsv" else form for form in map(record_format_of, patterns)}
    if len(found) == 1 and None not in found:
        return cast("RecordFormat", found.pop())
    raise DeclarationError(
        "the files' format cannot be told from 'path'",
        detail=f"path: {', '.join(patterns)}",
        hint=f"set 'format' to one of {', '.join(formats)}",
        where=source.place_of("path"),
    )


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(cast("list[str]", value)) if isinstance(value, list) else (cast("str", value),)


def _problem(key: str, value: Json) -> tuple[str, str | None] | None:
    """What is wrong with one option, and how to mend it; None when nothing is."""
    option = properties.get(key)
    if option is None:
        return f"a source of kind 'files' has no option '{key}'", did_you_mean(key, properties)
    if option["type"] == "boolean":
        return None if isinstance(value, bool) else (f"'{key}' must be true or false, not {value!r}", None)
    listed = isinstance(value, list) and option["type"] != "string"
    texts = [text for text in (value if listed and isinstance(value, list) else [value]) if isinstance(text, str)]
    if not texts or (isinstance(value, list) and len(texts) < len(value)):
        return f"'{key}' must be text{'' if option['type'] == 'string' else ' or a list of texts'}, not {value!r}", None
    return next((problem for text in texts if (problem := _text_problem(key, text, option))), None)


def _text_problem(key: str, text: str, option: Mapping[str, Json]) -> tuple[str, str | None] | None:
    allowed = cast("list[str] | None", option.get("enum"))
    if allowed is not None and text not in allowed:
        return f"'{key}' cannot be '{text}'", did_you_mean(text, allowed)
    shortest, longest = cast("int", option.get("minLength", 0)), cast("int", option.get("maxLength", 4096))
    if not shortest <= len(text) <= longest:
        return f"'{key}' must have {shortest} to {longest} characters, not {text!r}", None
    if key == "encoding" and not _known_encoding(text):
        return f"there is no encoding '{text}'", "for example utf-8, latin-1, cp1252, utf-16"
    return None


def _known_encoding(name: str) -> bool:
    try:
        b"  ".decode(name, "replace")
    except (LookupError, UnicodeError):
        return False
    return True
