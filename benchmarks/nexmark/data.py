"""The files a contender reads, made once and kept: a stream cut into epochs, and the same in two interleaved files.

Apart because data costs minutes and disk, and every part of the sitting shares it.
"""

from __future__ import annotations

import shutil
import sys
from itertools import islice
from pathlib import Path

from benchmarks.nexmark.generator import Format, Stream, generate
from benchmarks.workspaces import HERE

__all__ = ["files", "interleaved"]

ROOT = HERE / "data" / "nexmark"
BLOCK = 1000


def files(stream: Stream, *, events: int, epoch: int, format: Format) -> Path:
    """The folder with a stream's files of ``epoch`` events."""
    name = "standard" if stream.bidders is None else "wide"
    folder = ROOT / f"{name}-{stream.seed}-{events}-{epoch}-{format}"
    if not (folder / ".whole").exists():
        shutil.rmtree(folder, ignore_errors=True)
        print(f"  making {events:,} events as {format}", file=sys.stderr)
        for _ in generate(folder, stream, events=events, epoch=epoch, format=format):
            pass
        (folder / ".whole").touch()
    return folder


def interleaved(folder: Path) -> Path:
    """The events of NDJSON files in two files that advance together, by blocks of a thousand lines.

    Flink's file source gives files to its readers in no order: read from many, events would be behind its watermark
    and be dropped. Two files, one for each reader, are the widest input that it answers exactly.
    """
    out = folder.with_name(f"{folder.name}-interleaved")
    if not (out / ".whole").exists():
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        with (out / "0.ndjson").open("wb") as even, (out / "1.ndjson").open("wb") as odd:
            turn = 0
            for path in sorted(folder.glob("*.ndjson")):
                with path.open("rb") as lines:
                    while block := list(islice(lines, BLOCK)):
                        (odd if turn % 2 else even).writelines(block)
                        turn += 1
        (out / ".whole").touch()
    return out
