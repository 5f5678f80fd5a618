"""How the promises about a column's values change: options, enum, rules.

Apart from compatibility because every option has its own notion of tighter:
a tighter promise gives readers fewer values, a looser one may surprise them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

from headwater.spec.contract import Property, QualityRule
from headwater.types import Json

__all__ = ["column_promises", "rule_promises"]

Promise = tuple[Literal["breaking", "additive", "cosmetic"], str, str]

_grows: Final = frozenset(
    {"minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties", "multipleOf", "dimensions"}
)
_shrinks: Final = frozenset({"maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties"})
_looser: Final = "values appear that were promised not to"
_tighter: Final = "readers see fewer values, rows beyond it are refused"


def column_promises(old: Property, new: Property) -> Iterator[Promise]:
    """Severity, what changed and why it is classed so, of the options, enum and rules of a column."""
    yield from _enum(old.enum, new.enum)
    for name in dict.fromkeys((*old.options, *new.options)):
        before, after = old.options.get(name), new.options.get(name)
        if before != after:
            yield _option(name, before, after)
    yield from rule_promises(old.rules, new.rules)


def _enum(old: tuple[Json, ...], new: tuple[Json, ...]) -> Iterator[Promise]:
    before, after = [value for value in old if value is not None], [value for value in new if value is not None]
    if before and not after:
        yield "breaking", "enum removed", _looser
    elif after and not before:
        yield "additive", f"enum added: {_listing(after)}", _tighter
    else:
        if added := [value for value in after if value not in before]:
            yield "breaking", f"enum extended by {_listing(added)}", "readers may not know the new values"
        if gone := [value for value in before if value not in after]:
            yield "additive", f"enum narrowed by {_listing(gone)}", _tighter


def _listing(values: Sequence[Json]) -> str:
    return ", ".join(str(value) for value in values)


def _option(name: str, before: Json, after: Json) -> Promise:
    if before is None:
        return "additive", f"{name} {after} added", _tighter
    if after is None:
        return "breaking", f"{name} {before} removed", _looser
    said = f"{name} changed from {before} to {after}"
    if name in _grows or name in _shrinks:
        tighter = _is_tighter(name, before, after)
        if tighter is not None:
            return ("additive", said, _tighter) if tighter else ("breaking", said, _looser)
    return "breaking", said, "values of another form may appear"


def _is_tighter(name: str, before: Json, after: Json) -> bool | None:
    """None when the two cannot be ordered."""
    old, new = _number(before), _number(after)
    if old is None or new is None:
        if not isinstance(before, str) or not isinstance(after, str):
            return None
        return after > before if name in _grows else after < before
    if name == "multipleOf":
        return old != 0 and new % old == 0
    if name == "dimensions":
        return False
    return new > old if name in _grows else new < old


def _number(value: Json) -> Decimal | None:
    try:
        return None if isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        return None


def rule_promises(old: tuple[QualityRule, ...], new: tuple[QualityRule, ...]) -> Iterator[Promise]:
    """The same of a ``quality`` list; rules that measure the same thing are compared by what they allow."""
    before, after = ({_measured(rule): rule for rule in rules} for rules in (old, new))
    for key, rule in before.items():
        if key not in after:
            yield "breaking", f"rule removed: {_words(rule)}", "it is no longer guaranteed"
        else:
            yield from _rule(rule, after[key])
    for key, rule in after.items():
        if key not in before:
            yield "additive", f"rule added: {_words(rule)}", "more is guaranteed"


def _rule(old: QualityRule, new: QualityRule) -> Iterator[Promise]:
    if (old.threshold, old.severity) == (new.threshold, new.severity):
        return
    said = f"rule changed from '{_words(old)}' to '{_words(new)}'"
    allowed_before, allowed_after = _range(old), _range(new)
    within = allowed_before is not None and allowed_after is not None and _contains(allowed_before, allowed_after)
    if (old.threshold == new.threshold or within) and _severities[new.severity] >= _severities[old.severity]:
        yield "additive", said, "it allows less"
    else:
        yield "breaking", said, "it allows what was ruled out before"


_severities: Final = {"info": 0, "warning": 1, "error": 2}


def _range(rule: QualityRule) -> tuple[Decimal, Decimal] | None:
    """The numbers that a rule allows, when they are a range; rules compared have one operator, so ends are alike."""
    threshold = rule.threshold
    if rule.operator == "mustBeBetween" and isinstance(threshold, list):
        return Decimal(str(threshold[0])), Decimal(str(threshold[1]))
    number = _number(threshold)
    match rule.operator:
        case "mustBeLessThan" | "mustBeLessOrEqualTo" if number is not None:
            return Decimal("-Infinity"), number
        case "mustBeGreaterThan" | "mustBeGreaterOrEqualTo" if number is not None:
            return number, Decimal("Infinity")
        case _:
            return None


def _contains(outer: tuple[Decimal, Decimal], inner: tuple[Decimal, Decimal]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _measured(rule: QualityRule) -> tuple[str, ...]:
    told = (rule.name, rule.type, rule.metric, rule.query, rule.operator, rule.unit, rule.arguments or None)
    return tuple("" if part is None else str(part) for part in told)


def _words(rule: QualityRule) -> str:
    told = (rule.name, rule.metric or (rule.query or rule.type).strip(), rule.operator, rule.threshold)
    words = " ".join(str(part) for part in told if part is not None)
    percent = " percent" if rule.unit == "percent" else ""
    return words + percent + ("" if rule.severity == "error" else f" ({rule.severity})")
