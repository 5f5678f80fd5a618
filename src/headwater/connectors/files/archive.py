"""Zip archives: their members are spooled as files of their own.

Apart because an archive is hostile input: nothing of a member's name becomes a
path, and no member may unpack to much more than it weighs.
"""

from __future__ import annotations

import errno
import hashlib
import lzma
import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from headwater.connectors.files.finding import FoundFile
from headwater.connectors.files.naming import record_format_of
from headwater.errors import DataError
from headwater.spi.codec import ScanFile

__all__ = ["spool_folder", "unpack"]

free_bytes: Final = 64 * 1024 * 1024
"""Up to this size a member may be packed as tightly as it likes."""
ratio_limit: Final = 200
"""Beyond it, how many times its packed size a member may have. Text packs 5 to 40 times."""
archive_limit: Final = 256 * 1024**3
member_limit: Final = 10_000

_damage: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    ValueError,
)
"""What Python's readers raise about archives that are not what they say."""


def spool_folder(spool: str, file: FoundFile) -> Path:
    """Where an archive's members are kept: a folder of its own for every content."""
    content = f"{file.name}\0{file.size}\0{file.mtime}".encode()
    return Path(spool) / f"zip-{hashlib.sha256(content).hexdigest()[:24]}"


def unpack(file: FoundFile, spool: str, format: str) -> list[ScanFile]:
    """The members of an archive that hold records, unpacked, in the order of their names.

    Raises:
        DataError: the archive is damaged, encrypted, unsafe, or holds no file of the format.
    """
    folder = spool_folder(spool, file)
    try:
        with zipfile.ZipFile(file.path) as archive:
            members = _members(file, archive.infolist(), format)
            return [_spooled(file, archive, member, folder, place) for place, member in enumerate(members)]
    except _damage as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise  # the disk's fault, not the archive's: only a place before its beginning is an invalid argument
        raise DataError(
            f"{file.name} cannot be unpacked",
            detail=str(error),
            hint="the archive is incomplete, damaged or packed in a way that is not supported: write it again",
        ) from error


def _members(file: FoundFile, entries: Sequence[zipfile.ZipInfo], format: str) -> list[zipfile.ZipInfo]:
    for entry in entries:
        _check(file, entry)
    shown = [entry for entry in entries if not entry.is_dir() and not _is_hidden(entry.filename)]
    if len(shown) > member_limit or sum(entry.file_size for entry in shown) > archive_limit:
        raise DataError(
            f"{file.name} holds more than {member_limit} files or {archive_limit} bytes",
            hint="split the archive",
        )
    total = sum(entry.file_size for entry in shown)
    if total > max(free_bytes, ratio_limit * file.size):
        raise DataError(
            f"{file.name} would unpack to {total} bytes from {file.size}",
            detail=f"more than {ratio_limit} times its size",
            hint="when the files in it are sound, unpack it yourself",
        )
    fitting = [entry for entry in shown if (record_format_of(entry.filename) or "").replace("tsv", "csv") == format]
    members = fitting or (shown if len(shown) == 1 else [])
    if not members:
        names = ", ".join(entry.filename for entry in shown[:10]) or "nothing"
        raise DataError(f"{file.name} holds no {format} file", detail=f"it holds: {names}")
    return sorted(members, key=lambda entry: entry.filename)


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) and part not in {".", ".."} for part in PurePosixPath(name).parts)


def _check(file: FoundFile, entry: zipfile.ZipInfo) -> None:
    path = PurePosixPath(entry.filename)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\\" in entry.filename or ":" in path.parts[0]:
        raise DataError(
            f"{file.name} holds the unsafe name {entry.filename!r}", hint="pack the archive again with relative names"
        )
    if entry.flag_bits & 0x1:
        raise DataError(f"{file.name}!{entry.filename} is encrypted", hint="pack the archive again without a password")
    if entry.file_size > free_bytes and entry.file_size > ratio_limit * max(entry.compress_size, 1):
        raise DataError(
            f"{file.name}!{entry.filename} would unpack to {entry.file_size} bytes from {entry.compress_size}",
            detail=f"more than {ratio_limit} times its size",
            hint="when the file is sound, unpack it yourself",
        )


def _spooled(file: FoundFile, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, place: int) -> ScanFile:
    """Unpack one member, unless it already is; a half-written one never bears the final name."""
    suffixes = "".join(PurePosixPath(entry.filename).suffixes[-2:])
    suffix = suffixes if suffixes.replace(".", "").isalnum() else ""
    target = folder / f"{place:05d}{suffix.lower()}"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.{os.getpid()}.part")
        with archive.open(entry) as packed, partial.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, 1 << 20)
        partial.replace(target)
    return ScanFile(str(target), f"{file.name}!{entry.filename}", entry.file_size)
