"""Date formats: strftime's letters as Java's, which Flink's DATE_FORMAT and TO_TIMESTAMP read.

Apart from the functions because both directions of time share the table.
"""

from __future__ import annotations

from typing import Final

__all__ = ["date_format"]

_letters: Final = {
    "Y": "yyyy",
    "y": "yy",
    "m": "MM",
    "d": "dd",
    "H": "HH",
    "I": "hh",
    "M": "mm",
    "S": "ss",
    "g": "SSS",
    "f": "SSSSSS",
    "p": "a",
    "j": "DDD",
    "b": "MMM",
    "B": "MMMM",
    "a": "EEE",
    "A": "EEEE",
    "z": "xx",
    "F": "yyyy-MM-dd",
    "T": "HH:mm:ss",
    "%": "%",
}


def date_format(strftime: str) -> str:
    """A strftime format in Java's letters; raises ValueError for a letter Java has not.

    >>> date_format("%Y-%m-%dT%H:%M:%S")
    "yyyy-MM-dd'T'HH:mm:ss"
    """
    written: list[str] = []
    literal = ""
    at = 0
    while at < len(strftime):
        if strftime[at] == "%" and at + 1 < len(strftime):
            letter = strftime[at + 1]
            if letter not in _letters:
                raise ValueError(f"the format letter %{letter} has no equal in Flink")
            written += [_quoted(literal), _letters[letter]]
            literal = ""
            at += 2
        else:
            literal += strftime[at]
            at += 1
    return "".join([*written, _quoted(literal)])


def _quoted(literal: str) -> str:
    return f"'{literal}'" if any(letter.isalpha() for letter in literal) else literal
