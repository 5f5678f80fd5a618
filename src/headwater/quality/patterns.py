"""Regular expressions of contracts (ECMA-262) as those of the engine (RE2).

Apart because the two languages differ: look-around and back references cannot
be evaluated in linear time and are refused when the contract is read, not when
it meets data. ODCS names ECMA-262 for ``pattern``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

__all__ = ["PatternError", "to_re2"]

largest_repetition: Final = 1000
"""RE2's own bound, also of repetitions inside repetitions."""
longest_pattern: Final = 10_000
unicode_space: Final = r"\t\n\v\f\r \x{a0}\x{feff}\x{2028}\x{2029}\p{Zs}"

_groups: Final = re.compile(r"\((?:\?(?P<kind><=|<!|=|!|:|P?<(?P<name>\w+)>|[ims]+[:)]))?")
_escapes: Final = re.compile(
    r"\\(?:u\{(?P<braced>[0-9a-fA-F]{1,6})\}|u(?P<four>[0-9a-fA-F]{4})|x(?P<two>[0-9a-fA-F]{2})"
    r"|c(?P<control>[A-Za-z])|(?P<property>[pP]\{\w+\})|(?P<single>.))",
    re.DOTALL,
)
_repetition: Final = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_kept_letters: Final = frozenset("dDwWbBtnrfv")


class PatternError(ValueError):
    """The pattern cannot be used; ``str(error)`` says what in it and why."""


@dataclass(slots=True)
class _Output:
    """The pattern in RE2, and in Python's language, whose compiler finds what is malformed.

    ``weights`` has for every open group how often its heaviest part is repeated,
    ``last`` the same of the latest atom; ``quantified`` is True behind a quantifier.
    """

    engine: list[str] = field(default_factory=list)
    python: list[str] = field(default_factory=list)
    weights: list[int] = field(default_factory=lambda: [1])
    last: int = 1
    quantified: bool = False

    def put(self, engine: str, python: str | None = None) -> None:
        self.engine.append(engine)
        self.python.append(engine if python is None else python)
        self.last, self.quantified = 1, False

    def open_group(self, engine: str) -> None:
        self.put(engine)
        self.weights.append(1)

    def close_group(self) -> None:
        weight = self.weights.pop() if len(self.weights) > 1 else 1
        self.put(")")
        self._weigh(weight)

    def repeat(self, text: str, most: int) -> None:
        """A quantifier behind the latest atom; RE2 does not count those without upper bound: ``most`` is 1."""
        if self.quantified and text != "?":
            raise PatternError(f"the quantifier '{text}' stands behind another one")
        weight = self.last * most
        if weight > largest_repetition:
            raise PatternError(f"'{text}' makes more than {largest_repetition} repetitions")
        self.put(text)
        self.quantified = True
        self._weigh(weight)

    def _weigh(self, weight: int) -> None:
        self.last = weight
        self.weights[-1] = max(self.weights[-1], weight)


def to_re2(pattern: str) -> str:
    r"""The pattern as RE2 reads it. Raises :class:`PatternError`.

    >>> to_re2(r"^\u0041[0-9]+$")
    '^\\x{41}[0-9]+$'
    >>> to_re2(r"(?=a)b")
    Traceback (most recent call last):
    headwater.quality.patterns.PatternError: look-around '(?=' is not supported
    """
    if len(pattern) > longest_pattern:
        raise PatternError(f"it is longer than {longest_pattern} characters")
    output = _Output()
    at = 0
    in_class = False
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            at = _escape(pattern, at, output, in_class=in_class)
        elif in_class:
            in_class = char != "]"
            output.put("\\[" if char == "[" else char)
            at += 1
        elif char == "[":
            at, in_class = _open_class(pattern, at, output)
        else:
            at = _outside(pattern, at, output)
    try:
        re.compile("".join(output.python))
    except (re.error, OverflowError) as error:
        raise PatternError(f"{error}") from None
    except RecursionError:
        raise PatternError("its groups are nested too deeply") from None
    return "".join(output.engine)


def _outside(pattern: str, at: int, output: _Output) -> int:
    """A character that is neither escaped nor in a class; returns where the next one is."""
    char = pattern[at]
    repetition = _repetition.match(pattern, at)
    if char == "(":
        return _group(pattern, at, output)
    if repetition:
        output.repeat(repetition[0], max(int(bound) for bound in repetition.groups() if bound))
        return repetition.end()
    if char == ")":
        output.close_group()
    elif char in "*+?":
        output.repeat(char, 1)
    else:
        output.put(char)
    return at + 1


def _escape(pattern: str, at: int, output: _Output, *, in_class: bool) -> int:
    found = _escapes.match(pattern, at)
    if found is None:
        raise PatternError("it ends in a backslash")
    code = found["braced"] or found["four"] or found["two"]
    single = found["single"]
    if code or found["control"]:
        point = int(code, 16) if code else ord(found["control"]) % 32
        if point > 0x10FFFF:
            raise PatternError(f"'{found[0]}' is not a character")
        output.put(f"\\x{{{point:x}}}", f"\\U{point:08x}")
    elif found["property"]:
        output.put(found[0], "\\w")
    elif single == "s" or (single == "S" and not in_class):
        caret = "^" if single == "S" else ""
        output.put(unicode_space if in_class else f"[{caret}{unicode_space}]", found[0])
    elif single == "b" and in_class:
        output.put("\\x{8}", "\\b")
    elif single == "0":
        output.put("\\x{0}", "\\0")
    elif single.isdigit() or single == "k":
        raise PatternError(f"the back reference '{found[0]}' is not supported")
    elif single.isalpha() and single not in _kept_letters and single != "S":
        raise PatternError(f"'{found[0]}' is not an escape of ECMA-262")
    else:
        output.put(found[0])
    return found.end()


def _open_class(pattern: str, at: int, output: _Output) -> tuple[int, bool]:
    if pattern.startswith("[^]", at):
        output.put("(?s:.)")
        return at + 3, False
    if pattern.startswith("[]", at):
        output.put("[^\\x{0}-\\x{10ffff}]", "[^\\x00-\\U0010ffff]")
        return at + 2, False
    negated = pattern.startswith("[^", at)
    output.put("[^" if negated else "[")
    return at + (2 if negated else 1), True


def _group(pattern: str, at: int, output: _Output) -> int:
    found = _groups.match(pattern, at)
    if found is None or (found["kind"] is None and pattern.startswith("(?", at)):
        raise PatternError(f"'{pattern[at : at + 3]}' is not a group of ECMA-262")
    if found["kind"] in ("=", "!", "<=", "<!"):
        raise PatternError(f"look-around '{found[0]}' is not supported")
    named = found["name"]
    if found[0].endswith(")"):
        output.put(found[0])
    else:
        output.open_group(f"(?P<{named}>" if named else found[0])
    return found.end()
