"""The conformance suite for source connectors: subclass it, say how data appears, and pytest runs it.

A source is its recovery rule, so that is what the suite tests: every row once,
from any position, in one order, and the same rows again on replay.

    class TestMySource(SourceSuite):
        @pytest.fixture
        def feed(self, tmp_path): return MyFeed(tmp_path)

The engine that decodes what the source yields is headwater's own (``duckdb``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from headwater.capabilities import SourceCapability
from headwater.errors import DeclarationError
from headwater.spec.declarations import Source
from headwater.spi import discovery
from headwater.spi.source import Chunk, Position, SourceContext, SourcePlugin, SourceReader
from headwater.types import Json, RelationName, Schema

__all__ = ["Feed", "SourceSuite"]

columns = Schema.of({"id": "BIGINT", "name": "VARCHAR"})
everything = 1 << 40


class Feed(Protocol):
    """The outside system of a test, empty at first."""

    def options(self) -> Mapping[str, Json]:
        """The source's options that lead to this feed."""
        ...

    def append(self, rows: Sequence[tuple[int, str]]) -> None:
        """Make more rows of (id, name) appear behind those there are."""
        ...


class SourceSuite:
    """What every source connector promises; see :mod:`headwater.spi.source`.

    Override :attr:`kind` and :meth:`feed`; set :attr:`wrong_options` to options that must be refused.
    """

    kind: str
    wrong_options: Sequence[Mapping[str, Json]] = ()

    @pytest.fixture
    def feed(self, tmp_path: Path) -> Feed:
        raise NotImplementedError("the suite needs a feed")

    @pytest.fixture
    def context(self, tmp_path: Path) -> SourceContext:
        """Where the connector may work: override it together with :meth:`feed`."""
        (tmp_path / "spool").mkdir()
        return SourceContext(root=str(tmp_path), spool=str(tmp_path / "spool"))

    @pytest.fixture
    def plugin(self) -> SourcePlugin:
        return discovery.source(self.kind)

    def open(self, plugin: SourcePlugin, feed: Feed, context: SourceContext) -> SourceReader:
        return plugin.open(Source(RelationName("kit", "rows"), self.kind, feed.options(), schema=columns), context)

    def test_it_is_found_by_its_kind(self, plugin: SourcePlugin) -> None:
        assert plugin.kind == self.kind

    def test_its_options_have_a_schema(self, plugin: SourcePlugin, feed: Feed) -> None:
        import jsonschema

        schema = plugin.options_schema()
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(dict(feed.options()), schema)

    def test_wrong_options_are_refused(self, plugin: SourcePlugin, feed: Feed, context: SourceContext) -> None:
        for options in self.wrong_options:
            with pytest.raises(DeclarationError):
                plugin.open(Source(RelationName("kit", "rows"), self.kind, options), context)

    def test_every_row_comes_once(self, plugin: SourcePlugin, feed: Feed, context: SourceContext) -> None:
        feed.append(_rows(0, 50))
        chunks = list(self.open(plugin, feed, context).chunks(None, max_bytes=everything))
        assert _decoded(chunks) == _rows(0, 50)
        assert all(chunk.size_bytes > 0 for chunk in chunks)

    def test_nothing_new_is_no_chunk(self, plugin: SourcePlugin, feed: Feed, context: SourceContext) -> None:
        feed.append(_rows(0, 5))
        position = _read(self.open(plugin, feed, context), None)[1]
        assert list(self.open(plugin, feed, context).chunks(position, max_bytes=everything)) == []

    def test_reading_goes_on_where_it_ended(self, plugin: SourcePlugin, feed: Feed, context: SourceContext) -> None:
        position: Position | None = None
        for start in (0, 10, 20):
            feed.append(_rows(start, start + 10))
            rows, position = _read(self.open(plugin, feed, context), position)
            assert rows == _rows(start, start + 10)

    def test_any_position_is_a_place_to_go_on(self, plugin: SourcePlugin, feed: Feed, context: SourceContext) -> None:
        for start in range(0, 40, 10):
            feed.append(_rows(start, start + 10))
        chunks = list(self.open(plugin, feed, context).chunks(None, max_bytes=1))
        for number, chunk in enumerate(chunks):
            rest, _ = _read(self.open(plugin, feed, context), _stored(chunk.position))
            assert _decoded(chunks[: number + 1]) + rest == _rows(0, 40)

    def test_small_chunks_hold_the_same_rows(self, plugin: SourcePlugin, feed: Feed, context: SourceContext) -> None:
        for start in range(0, 40, 10):
            feed.append(_rows(start, start + 10))
        reader = self.open(plugin, feed, context)
        small, large = (list(reader.chunks(None, max_bytes=size)) for size in (1, everything))
        assert _decoded(small) == _decoded(large) == _rows(0, 40)
        assert len(small) >= len(large)

    def test_a_replay_is_what_was_read(self, plugin: SourcePlugin, feed: Feed, context: SourceContext) -> None:
        feed.append(_rows(0, 10))
        reader = self.open(plugin, feed, context)
        if SourceCapability.REPLAY not in reader.capabilities:
            pytest.skip("the source cannot be replayed, and does not say that it can")
        first, position = _read(reader, None)
        feed.append(_rows(10, 20))
        assert position is not None
        for _ in range(2):
            rows = self.open(plugin, feed, context).replay(_stored(position))
            assert rows is not None
            assert _decoded([Chunk(rows, position, 1)]) == first

    def test_acknowledging_changes_nothing_to_come(
        self, plugin: SourcePlugin, feed: Feed, context: SourceContext
    ) -> None:
        feed.append(_rows(0, 10))
        reader = self.open(plugin, feed, context)
        _, position = _read(reader, None)
        assert position is not None
        for _ in range(2):
            reader.acknowledge(_stored(position))
        feed.append(_rows(10, 20))
        assert _read(self.open(plugin, feed, context), _stored(position))[0] == _rows(10, 20)


def _rows(start: int, end: int) -> list[tuple[int, str]]:
    return [(number, f"name {number}") for number in range(start, end)]


def _stored(position: Position) -> Position:
    """A position as it comes back from storage."""
    stored: Position = json.loads(json.dumps(position, sort_keys=True))
    return stored


def _read(reader: SourceReader, after: Position | None) -> tuple[list[tuple[int, str]], Position | None]:
    chunks = list(reader.chunks(after, max_bytes=everything))
    return _decoded(chunks), _stored(chunks[-1].position) if chunks else after


def _decoded(chunks: Sequence[Chunk]) -> list[tuple[int, str]]:
    return [row for chunk in chunks for row in _landed(chunk)]


def _landed(chunk: Chunk) -> Iterator[Any]:
    with discovery.engine("duckdb").query({}) as session:
        session.land('"kit"', chunk.rows, schema=columns, provenance="kit")
        yield from session.fetch('SELECT id, name FROM "kit" ORDER BY _hw_source, _hw_offset')
