"""How the promises about a column's values change: options, enum, rules.

Apart from compatibility because every option has its own notion of tighter:
a tighter promise gives readers fewer values, a looser one may surprise them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    """The same of a ``quality`` list: a changed rule is one removed and one added."""
    before, after = ({_identity(rule): rule for rule in rules} for rules in (old, new))
    for key in before:
        if key not in after:
            yield "breaking", f"rule removed: {_words(key)}", "it is no longer guaranteed"
    for key in after:
        if key not in before:
            yield "additive", f"rule added: {_words(key)}", "more is guaranteed"


def _identity(rule: QualityRule) -> tuple[str, ...]:
    arguments: Mapping[str, Json] = rule.arguments
    told = [rule.name, rule.metric, rule.query, rule.operator, rule.threshold, rule.severity, arguments or None]
    return tuple("" if part is None else str(part) for part in told)


def _words(identity: tuple[str, ...]) -> str:
    return " ".join(part for part in identity if part)
