"""Which models are worked out together, and by which of two processes.

Apart from building because nothing here knows what is worked out. Shares are taken in turns: two halves of the same
length would wait for whichever core is slower at the time.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from headwater.spec.declarations import Model
from headwater.types import RelationName

__all__ = ["Turns", "shares"]

Share: TypeAlias = dict[RelationName, Model]

most_shares: Final = 12
"""Each costs as much as planning all sources once more."""

_word: Final = re.compile(r"\w+")


def shares(models: Mapping[RelationName, Model]) -> list[Share]:
    """Cut models, as declared, into shares of about as much text, models of one query's words in the same.

    What a query reads is among its words; a word that means something else binds models together for nothing, and
    they are worked out all the same. So are models that no share can be planned with: whoever plans them all does it.
    """
    total = sum(len(model.query) for model in models.values())
    found: list[Share] = [{}]
    for bound in _bound(models):
        for part in _halves(bound) if _length(bound) > total / 2 else [bound]:
            if _length(found[-1]) >= total / most_shares:
                found.append({})
            found[-1].update(part)
    return found


def _length(share: Share) -> int:
    return sum(len(model.query) for model in share.values())


def _halves(share: Share) -> list[Share]:
    """The share cut where half of the text of all queries lies behind."""
    middle, length = _length(share) / 2, 0
    halves: list[Share] = [{}, {}]
    for name, model in share.items():
        halves[length >= middle][name] = model
        length += len(model.query)
    return halves


def _bound(models: Mapping[RelationName, Model]) -> list[Share]:
    """Models that name each other, directly or through others, together."""
    named: dict[str, list[RelationName]] = {}
    for name in models:
        named.setdefault(name.name.casefold(), []).append(name)
    above = {name: name for name in models}

    def root(name: RelationName) -> RelationName:
        while above[name] != name:
            above[name] = name = above[above[name]]
        return name

    for name, model in models.items():
        for word in named.keys() & _word.findall(model.query.casefold()):
            for other in named[word]:
                above[root(other)] = root(name)
    bound: dict[RelationName, Share] = {}
    for name, model in models.items():
        bound.setdefault(root(name), {})[name] = model
    return list(bound.values())


class Turns:
    """Some things, each handed out once, to whichever process asks next after a fork; at most 256.

    The system hands out bytes of a pipe one by one, however many read it.
    """

    def __init__(self, things: Sequence[Share]) -> None:
        self._things = things
        self._reading, writing = os.pipe()
        os.write(writing, bytes(range(len(things))))
        os.close(writing)

    def __iter__(self) -> Iterator[Share]:
        while number := os.read(self._reading, 1):
            yield self._things[number[0]]

    def close(self) -> None:
        """Of this process."""
        os.close(self._reading)
