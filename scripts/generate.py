"""Write the generated files, or with ``--check`` say which of them are out of date.

Apart from what generates them: a generator is a function that gives the paths
(relative to the repository) and texts of its files. Exit code 1 and one line a
file when something would change.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from headwater.cli.reference import cli_reference
from headwater.spec.published import packaged_schemas, published_schemas

Generator = Callable[[], Mapping[str, str]]

ROOT = Path(__file__).resolve().parent.parent


def schemas() -> Mapping[str, str]:
    """The JSON Schemas of headwater's own files: for editors, and those the package reads itself."""
    published = {f"schemas/{name}": text for name, text in published_schemas().items()}
    packaged = {f"src/headwater/spec/schemas/{name}": text for name, text in packaged_schemas().items()}
    return {**published, **packaged}


def reference() -> Mapping[str, str]:
    """The reference page of the command line."""
    return {"docs/reference/cli.md": cli_reference()}


GENERATORS: tuple[Generator, ...] = (schemas, reference)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is out of date")
    check = parser.parse_args().check
    stale = 0
    for generator in GENERATORS:
        for name, text in generator().items():
            path = ROOT / name
            if path.exists() and path.read_text(encoding="utf-8") == text:
                continue
            stale += 1
            if check:
                print(f"{name} is out of date: run make generate")
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
