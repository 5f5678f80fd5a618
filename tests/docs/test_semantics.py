"""The rules on the semantics page and the conformance cases name each other."""

from __future__ import annotations

import re
from pathlib import Path

from headwater.testing.cases import conformance_cases

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "semantics.md"
CASES = conformance_cases()


def rules() -> dict[str, str]:
    """Each rule of the page, and what it says it is held by."""
    rows = re.findall(r"^\| ([A-Z]\d+) \| .* \| (.*) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(rows) == len({name for name, _ in rows}), "a rule stands twice"
    return dict(rows)


def test_every_rule_names_its_cases_and_every_case_its_rules() -> None:
    named = {rule: set(re.findall(r"`([^`]+)`", held)) for rule, held in rules().items()}
    known: dict[str, set[str]] = {rule: set() for rule in named}
    for case in CASES:
        assert case.rules, f"{case.name} holds no rule"
        for rule in case.rules:
            assert rule in known, f"{case.name} names {rule}, which is no rule"
            known[rule].add(case.name)
    assert named == known


def test_every_rule_is_held() -> None:
    for rule, held in rules().items():
        tests = re.findall(r"\]\(([^)]+)\)", held)
        assert "`" in held or tests, f"nothing holds {rule}"
        for test in tests:
            assert (PAGE.parent / test).exists(), f"{rule} names {test}, which is not there"


def test_cases_are_many_and_told_apart() -> None:
    assert len(CASES) >= 100
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(case.title for case in CASES)
