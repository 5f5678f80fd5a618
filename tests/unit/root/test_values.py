"""Values behave as the frozen, slotted dataclasses of the standard library, which are the oracle here."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, InitVar, asdict, dataclass, field, fields, replace
from typing import Any, ClassVar

import pytest

from headwater.values import frozen, is_frozen

standard = dataclass(frozen=True, slots=True)


class Plain:
    """Defaults, made and given, one that counts for nothing, and one that is not asked for."""

    limit: ClassVar[int] = 3

    a: int
    b: str = "b"
    c: list[int] = field(default_factory=list, hash=False)
    d: float = field(default=0.5, compare=False, repr=False)
    e: int = field(init=False, default=7)
    f: int = field(default=1, kw_only=True)

    def double(self) -> int:
        return 2 * self.a


class Named:
    """Methods of its own stay."""

    name: str

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def __eq__(self, other: object) -> bool:
        return hasattr(other, "name")

    def __hash__(self) -> int:
        return 1


class Completed:
    """A field that is worked out."""

    text: str
    length: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", len(self.text))


class Empty:
    """No field."""


class Clashing:
    """Names that a constructor might use itself."""

    self: int
    value: int = 1
    kind: list[int] = field(default_factory=list, hash=False)
    cls: int = 2


class Compared:  # noqa: PLW1641 - the decorators add the hash
    """Equality of its own, and the hash of its fields."""

    name: str
    more: int = 0

    def __eq__(self, other: object) -> bool:
        return hasattr(other, "more")


def _both(kind: type) -> tuple[Any, Any]:
    """The class made by both, from the same text: a decorated class is another one with the same name."""
    space = {key: value for key, value in vars(kind).items() if key not in ("__dict__", "__weakref__")}
    return tuple(make(type(kind.__name__, (), dict(space))) for make in (frozen, standard))


@pytest.mark.parametrize(
    ("kind", "arguments", "named"),
    [
        (Plain, (1,), {}),
        (Plain, (1, "x", [3], 0.25), {"f": 4}),
        (Named, ("n",), {}),
        (Completed, ("four",), {}),
        (Empty, (), {}),
        (Clashing, (5,), {}),
        (Compared, ("n",), {}),
    ],
)
def test_values_are_like_dataclasses(kind: type, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
    ours, theirs = (made(*arguments, **named) for made in _both(kind))

    assert repr(ours) == repr(theirs)
    assert asdict(ours) == asdict(theirs)
    assert [each.name for each in fields(ours)] == [each.name for each in fields(theirs)]
    assert type(ours).__match_args__ == type(theirs).__match_args__
    assert type(ours).__slots__ == type(theirs).__slots__
    assert list(inspect.signature(type(ours)).parameters) == list(inspect.signature(type(theirs)).parameters)
    assert copy.deepcopy(ours) == ours
    assert copy.copy(ours) == ours
    assert replace(ours) == ours
    assert _outcome(hash, ours)[0] == _outcome(hash, theirs)[0]
    assert not hasattr(ours, "__dict__")


@pytest.mark.parametrize("arguments", [(), (1, 2, [], 0.5, 6)])
def test_wrong_arguments_are_refused(arguments: tuple[Any, ...]) -> None:
    for made in _both(Plain):
        with pytest.raises(TypeError):
            made(*arguments)


def test_equality_and_hash_are_those_of_the_fields_that_count() -> None:
    ours, theirs = _both(Plain)
    for made in (ours, theirs):
        assert made(1, d=0.25) == made(1, d=0.75)
        assert made(1) != made(2)
        assert made(1, "b").double() == 2
        assert made(1).c is not made(1).c
    assert ours(1) != theirs(1)
    assert len({Point(1), Point(1), Point(2)}) == 2
    assert Point(1) != Apart(1)
    assert Apart(1) != Apart(1)
    assert len({Apart(1), Apart(1)}) == 2


def test_what_is_the_same_is_equal() -> None:
    nothing = float("nan")
    for made in (frozen, standard):
        single = made(type("Single", (), {"__annotations__": {"a": float}}))
        assert single(nothing) == single(nothing)


@pytest.mark.parametrize(
    "body",
    [
        {"__init__": lambda self: None},
        {"__setattr__": lambda self, name, value: None},
        {"__annotations__": {"a": "InitVar[int]"}},
        {"__annotations__": {"a": InitVar[int]}},
    ],
    ids=["constructor", "setter", "written InitVar", "InitVar"],
)
def test_what_would_be_lost_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="Odd cannot be frozen: it has "):
        frozen(type("Odd", (), {"__module__": __name__, **body}))


def test_a_value_does_not_change() -> None:
    value = Point(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'x'"):
        value.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'x'"):
        del value.x
    with pytest.raises(FrozenInstanceError):
        value.z = 2  # type: ignore[attr-defined]
    assert value == Point(1)


def test_values_travel() -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(Wider(1, (2,)), protocol)) == Wider(1, (2,))


def test_a_value_that_holds_itself_is_shown() -> None:
    held: list[object] = []
    held.append(Wider(1, held))  # type: ignore[arg-type]
    assert repr(held[0]) == "Wider(x=1, y=[...])"


def test_a_class_is_known_as_frozen() -> None:
    assert is_frozen(Point)
    assert not is_frozen(standard(type("Other", (), {})))


def _outcome(call: Callable[[Any], object], value: object) -> tuple[bool, object]:
    try:
        return True, call(value)
    except TypeError as error:
        return False, error


@frozen
class Point:
    x: int


@frozen(eq=False)
class Apart:
    x: int


@frozen
class Wider(Point):
    y: tuple[int, ...] = ()
