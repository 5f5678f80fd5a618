"""Whether a number meets its threshold, and whether refusals stay within the budget.

Apart from the checks because the numbers come from an engine: the runtime asks
here what they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from math import isnan
from typing import Final

from headwater.quality.checks import DatasetCheck
from headwater.spec.contract import Budget
from headwater.types import Counts, Json
from headwater.values import frozen

__all__ = ["Verdict", "operators", "overspent", "threshold_error", "verdict"]


@frozen
class Verdict:
    """What a dataset check found. ``message`` says it in a sentence."""

    check: DatasetCheck
    value: Json
    passed: bool
    message: str

    @property
    def blocks(self) -> bool:
        """Publication is refused."""
        return not self.passed and self.check.severity == "error"


def verdict(check: DatasetCheck, value: object) -> Verdict:
    """Compare the value that an engine found with the check's threshold.

    NULL meets no threshold: a rule that yields it says with ``coalesce`` what no value means.
    """
    found = _plain(value)
    passed = found is not None and operators[check.operator](found, check.threshold)
    shown = "NULL" if found is None else found
    return Verdict(check, found, passed, f"{check.description}: {shown}, {_words[check.operator]} {check.threshold}")


def overspent(budget: Budget, counts: Counts) -> str | None:
    """Why the rows refused exceed the budget, or None when they do not.

    >>> overspent(Budget(percent=1.0), Counts(read=200, accepted=197, quarantined=3))
    '3 of 200 rows (1.5 %) were refused, the budget is 1 %'
    """
    refused = counts.quarantined
    if budget.rows is not None and refused > budget.rows:
        return f"{refused} of {counts.read} rows were refused, the budget is {budget.rows} rows"
    if budget.percent is not None and refused * 100 > Decimal(str(budget.percent)) * counts.read:
        share = f"{100 * refused / counts.read:.4g}"
        return f"{refused} of {counts.read} rows ({share} %) were refused, the budget is {budget.percent:g} %"
    return None


def threshold_error(operator: str, threshold: Json) -> str | None:
    """What is wrong with an operator's threshold, or None."""
    if operator in ("mustBeBetween", "mustNotBeBetween"):
        if not (isinstance(threshold, list) and len(threshold) == 2 and all(map(_is_number, threshold))):
            return f"{operator} needs two numbers"
        return None if _number(threshold[0]) <= _number(threshold[1]) else f"{operator} needs the smaller number first"
    if operator not in ("mustBe", "mustNotBe") and not _is_number(threshold):
        return f"{operator} needs a number"
    if threshold is None or isinstance(threshold, (list, dict)):
        return f"{operator} needs a value"
    return None


def _plain(value: object) -> Json:
    match value:
        case None | bool() | int() | str():
            return value
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case float():
            return None if isnan(value) else value
        case _:
            return str(value)


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: Json) -> Decimal:
    return Decimal(str(value))


def _equal(value: Json, threshold: Json) -> bool:
    if _is_number(value) and _is_number(threshold):
        return _number(value) == _number(threshold)
    if isinstance(value, bool) or isinstance(threshold, bool):
        return value is threshold
    return str(value) == str(threshold)


def _ordered(test: Callable[[Decimal, Decimal], bool]) -> Callable[[Json, Json], bool]:
    return lambda value, threshold: _is_number(value) and test(_number(value), _number(threshold))


def _between(value: Json, threshold: Json) -> bool:
    if not isinstance(threshold, list) or not _is_number(value):
        return False
    return _number(threshold[0]) <= _number(value) <= _number(threshold[1])


operators: Final[Mapping[str, Callable[[Json, Json], bool]]] = {
    "mustBe": _equal,
    "mustNotBe": lambda value, threshold: not _equal(value, threshold),
    "mustBeGreaterThan": _ordered(lambda value, threshold: value > threshold),
    "mustBeGreaterOrEqualTo": _ordered(lambda value, threshold: value >= threshold),
    "mustBeLessThan": _ordered(lambda value, threshold: value < threshold),
    "mustBeLessOrEqualTo": _ordered(lambda value, threshold: value <= threshold),
    "mustBeBetween": _between,
    "mustNotBeBetween": lambda value, threshold: _is_number(value) and not _between(value, threshold),
}
"""The comparisons of ODCS, by name; both ends of a range belong to it."""

_words: Final[Mapping[str, str]] = {
    "mustBe": "must be",
    "mustNotBe": "must not be",
    "mustBeGreaterThan": "must be greater than",
    "mustBeGreaterOrEqualTo": "must be at least",
    "mustBeLessThan": "must be less than",
    "mustBeLessOrEqualTo": "must be at most",
    "mustBeBetween": "must be between",
    "mustNotBeBetween": "must not be between",
}
