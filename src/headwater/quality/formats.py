"""What the ``format`` of a string or of a number demands, as regular expressions and ranges.

Apart from the options because each format is a standard of its own (RFC 5321,
9562, 3986, 1123, 4291, 3339; ISO 8601; JDK DateTimeFormatter).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from headwater.quality.literals import text_literal

__all__ = ["DESCRIPTIVE", "integer_ranges", "string_format", "to_strptime"]

_label: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_octet: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_ipv4: Final = rf"{_octet}(?:\.{_octet}){{3}}"
_hextet: Final = r"[0-9A-Fa-f]{1,4}"
_clock: Final = (
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_span: Final = r"(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+(?:\.[0-9]+)?S)?"
_day: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"


def _ipv6() -> str:
    tail = rf"(?:{_hextet}:{_hextet}|{_ipv4})"
    full = rf"(?:{_hextet}:){{6}}{tail}"
    compressed = [
        rf"(?:{_hextet}(?::{_hextet}){{0,{left - 1}}})?::(?:{_hextet}:){{{5 - left}}}{tail}" for left in range(1, 6)
    ]
    ends = [
        rf"::(?:{_hextet}:){{5}}{tail}",
        rf"(?:{_hextet}(?::{_hextet}){{0,5}})?::{_hextet}",
        rf"(?:{_hextet}(?::{_hextet}){{0,6}})?::",
    ]
    return "|".join([full, *compressed, *ends])


_formats: Final[Mapping[str, str]] = {
    "email": rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_label}(?:\.{_label})+",
    "uuid": r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}",
    "uri": r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#@!$&'()*+,;=\[\]-]|%[0-9A-Fa-f]{2})+",
    "hostname": rf"{_label}(?:\.{_label})*",
    "ipv4": _ipv4,
    "ipv6": _ipv6(),
    "byte": r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
    "date": _day,
    "time": _clock,
    "date-time": rf"{_day}[Tt]{_clock}",
    "duration": rf"P(?:[0-9]+W|(?:[0-9]+Y)?(?:[0-9]+M)?(?:[0-9]+D)?(?:T{_span})?)",
}
_calendar: Final = frozenset({"date", "date-time"})

DESCRIPTIVE: Final = frozenset({"password", "binary", "f32", "f64"})
"""Formats that describe and demand nothing of a value."""

integer_ranges: Final[Mapping[str, tuple[int, int]]] = {
    f"{sign}{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if sign == "i" else (0, 2**bits - 1)
    for sign in "iu"
    for bits in (8, 16, 32, 64, 128)
}


def string_format(name: str, text: str) -> str | None:
    r"""The predicate that the SQL text value ``text`` has a format; None when the format is not known.

    >>> string_format("uuid", '"id"')
    'regexp_full_match("id", \'[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\')'
    """
    pattern = _formats.get(name)
    if pattern is None:
        return None
    predicate = f"regexp_full_match({text}, {text_literal(pattern)})"
    if name in _calendar:
        predicate += f" AND ({text} IS NULL OR TRY_CAST(left({text}, 10) AS DATE) IS NOT NULL)"
    if name == "hostname":
        predicate += f" AND length({text}) <= 253"
    if name == "email":
        predicate += f" AND length({text}) <= 254"
    if name == "duration":
        predicate += f" AND {text} NOT IN ('P', 'PT') AND NOT suffix({text}, 'T')"
    return predicate


_jdk_letters: Final = re.compile(r"'(?P<quoted>(?:[^']|'')*)'|(?P<letters>([A-Za-z])\3*)|(?P<other>[^A-Za-z'])")
_strptime: Final[Mapping[str, str]] = {
    "yyyy": "%Y",
    "uuuu": "%Y",
    "yy": "%y",
    "MM": "%m",
    "M": "%-m",
    "MMM": "%b",
    "MMMM": "%B",
    "dd": "%d",
    "d": "%-d",
    "DDD": "%j",
    "HH": "%H",
    "H": "%-H",
    "hh": "%I",
    "h": "%-I",
    "mm": "%M",
    "ss": "%S",
    "SSS": "%g",
    "SSSSSS": "%f",
    "a": "%p",
    "EEE": "%a",
    "EEEE": "%A",
    "XXX": "%z",
    "xxx": "%z",
    "Z": "%z",
}


def to_strptime(pattern: str) -> str | None:
    """A JDK DateTimeFormatter pattern as a strptime format; None when it has letters without counterpart.

    >>> to_strptime("yyyy-MM-dd'T'HH:mm:ss")
    '%Y-%m-%dT%H:%M:%S'
    >>> to_strptime("Q yyyy") is None
    True
    """
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        found = _jdk_letters.match(pattern, at)
        if found is None:
            return None
        if found["letters"]:
            counterpart = _strptime.get(found["letters"])
            if counterpart is None:
                return None
            parts.append(counterpart)
        else:
            plain = found["other"] or found["quoted"].replace("''", "'") or "'"
            parts.append(plain.replace("%", "%%"))
        at = found.end()
    return "".join(parts)
