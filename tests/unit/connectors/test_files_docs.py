"""The reference page lists the options as the schema has them, and every code that can be given."""

from __future__ import annotations

from pathlib import Path

from headwater.connectors.files.options import formats, only_for, options_schema

page = (Path(__file__).parents[3] / "docs" / "reference" / "connectors-files.md").read_text(encoding="utf-8")


def test_every_option_is_described_as_in_its_schema() -> None:
    properties = options_schema()["properties"]
    assert isinstance(properties, dict)
    lines = ["| option | for | meaning |", "|---|---|---|"]
    for name, option in properties.items():
        described = str(option["description"]).removeprefix("CSV: ").removeprefix("CSV and NDJSON: ")  # type: ignore[call-overload, index]
        lines.append(f"| `{name}` | {', '.join(only_for.get(name, formats))} | {described} |")
    table = page.split("describes them.\n\n")[1].split("\n\n")[0].splitlines()
    assert table == lines
