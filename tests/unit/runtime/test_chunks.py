"""Chunks are looked at one ahead; those that can be scanned where they lie are taken together."""

from __future__ import annotations

from headwater.runtime.chunks import ChunkStream
from headwater.spi.codec import FileScan, RecordFormat, ScanFile
from headwater.spi.source import Chunk


def chunk(name: str, format: RecordFormat) -> Chunk:
    return Chunk(FileScan(format, (ScanFile(f"/{name}", name, 1),)), {"at": name}, 1)


def stream(*chunks: Chunk) -> ChunkStream:
    return ChunkStream(iter(chunks))


def names(taken: Chunk) -> list[str]:
    assert isinstance(taken.rows, FileScan)
    return [file.name for file in taken.rows.files]


def test_knows_what_follows() -> None:
    found = stream(*(chunk(name, "csv") for name in "abc"))
    seen = []
    while found.ahead:
        seen.append((found.ahead, names(found.take())))
    assert seen == [(2, ["a"]), (2, ["b"]), (1, ["c"])]
    assert stream().ahead == 0


def test_parquet_is_taken_together() -> None:
    found = stream(*(chunk(name, "parquet") for name in "abc"))
    taken = found.take_all()
    assert (names(taken), taken.position, taken.size_bytes) == (["a", "b", "c"], {"at": "c"}, 3)
    assert found.ahead == 0


def test_what_has_to_be_decoded_is_taken_piece_by_piece() -> None:
    found = stream(chunk("a", "csv"), chunk("b", "csv"))
    assert names(found.take_all()) == ["a"]
    mixed = stream(chunk("a", "parquet"), chunk("b", "csv"))
    assert names(mixed.take_all()) == ["a"]
    assert names(mixed.take_all()) == ["b"]
