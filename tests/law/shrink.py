"""Makes a failing case small: fewer models, epochs and rows, then a simpler query."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.law.choices import Choices
from tests.law.generate import queries, relations

from headwater.testing.cases import Case, CaseEpoch

Fails = Callable[[Case], bool]


def shrink(case: Case, record: list[int], fails: Fails, *, attempts: int = 400) -> Case:
    """The smallest case found that still fails.

    Args:
        record: the decisions that made its relations and queries.
    """
    left = [attempts]

    def still(candidate: Case) -> bool:
        left[0] -= 1
        return left[0] >= 0 and fails(candidate)

    case = _descend(case, _without_models, still)
    case = _descend(case, _with_fewer_epochs, still)
    case = _simpler_query(case, record, still)
    case = _descend(case, _without_models, still)
    case = _without_unused(case)
    case = _descend(case, _with_fewer_rows, still)
    return _descend(case, _with_fewer_epochs, still)


def _descend(case: Case, steps: Callable[[Case], Iterator[Case]], still: Fails) -> Case:
    """Take the first step that fails, again and again."""
    found: Case | None = case
    while found is not None:
        case = found
        found = next((candidate for candidate in steps(case) if still(candidate)), None)
    return case


def _without_models(case: Case) -> Iterator[Case]:
    """The last model alone, or all but the last."""
    names = list(case.models)
    for kept in (names[-1:], names[:-1], names[1:]):
        if kept and len(kept) < len(names):
            yield replace(case, models={name: case.models[name] for name in kept})


def _without_unused(case: Case) -> Case:
    """No relations that no query names."""
    words = set(re.findall(r"\w+", " ".join(case.models.values())))
    sources = tuple(source for source in case.sources if source.name.name in words)
    names = {source.name.name for source in sources}
    epochs = tuple(
        CaseEpoch(
            {name: rows for name, rows in epoch.rows.items() if name in names},
            tuple(name for name in epoch.end if name in names),
        )
        for epoch in case.epochs
    )
    return replace(case, sources=sources, epochs=epochs)


def _with_fewer_epochs(case: Case) -> Iterator[Case]:
    """Two epochs become one."""
    for at in range(len(case.epochs) - 1):
        one, other = case.epochs[at : at + 2]
        names = dict.fromkeys((*one.rows, *other.rows))
        rows = {name: [*one.rows.get(name, ()), *other.rows.get(name, ())] for name in names}
        yield replace(case, epochs=(*case.epochs[:at], CaseEpoch(rows, other.end), *case.epochs[at + 2 :]))


def _with_fewer_rows(case: Case) -> Iterator[Case]:
    """Rows of one relation in one epoch left out: all, half of them, one."""
    for size in (1_000, 8, 4, 2, 1):
        for at, epoch in enumerate(case.epochs):
            for name, rows in epoch.rows.items():
                if size > 1 and len(rows) <= size // 2:
                    continue
                for start in range(0, len(rows), size):
                    fewer = {**epoch.rows, name: [*rows[:start], *rows[start + size :]]}
                    epochs = (*case.epochs[:at], CaseEpoch(fewer, epoch.end), *case.epochs[at + 1 :])
                    yield replace(case, epochs=epochs)


def _simpler_query(case: Case, record: list[int], still: Fails) -> Case:
    """Other queries of fewer or simpler decisions, over the same rows."""
    improved = True
    while improved:
        improved = False
        for candidate in _simpler(record):
            choose = Choices(candidate)
            sources = relations(choose)
            if sources != case.sources:
                continue
            other = replace(case, models=queries(choose, sources))
            if len(str(other.models)) < len(str(case.models)) and still(other):
                case, record, improved = other, candidate, True
                break
    return case


def _simpler(record: list[int]) -> Iterator[list[int]]:
    for size in (32, 16, 8, 4, 2, 1):
        for start in range(0, len(record), size):
            yield record[:start] + record[start + size :]
    for at, number in enumerate(record):
        for less in {0, number // 2}:
            if less < number:
                yield [*record[:at], less, *record[at + 1 :]]
