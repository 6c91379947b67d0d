"""Frozen records that cost nothing to define.

`dataclasses` loads `inspect` and compiles several functions for every class: for a command that touches thirty small
classes that is more than Python's own start (2.5 x `python -c pass` for the import, about 2 ms a class). A record is
built by one shared `__init__` instead. Type checkers see a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")

_REQUIRED = object()


class _Field:
    """What `field` says of one field."""

    __slots__ = ("default", "factory", "shown")

    def __init__(self, default: object, factory: Callable[[], object] | None, shown: bool) -> None:
        self.default = default
        self.factory = factory
        self.shown = shown


def field(*, default: Any = _REQUIRED, default_factory: Callable[[], Any] | None = None, repr: bool = True) -> Any:  # noqa: A002 - as in dataclasses
    """A field whose default is made anew for each record, or that `repr` leaves out since it may hold a secret."""
    return _Field(default, default_factory, repr)


if TYPE_CHECKING:
    from typing_extensions import dataclass_transform

    @dataclass_transform(frozen_default=True, field_specifiers=(field,))
    def record(cls: type[T]) -> type[T]:
        """Make a class a frozen record of its annotated attributes."""

else:

    def record(cls):
        """Make a class a frozen record of its annotated attributes.

        Instances compare and hash by their type and values, and have no attribute but those.
        """
        fields = {}
        for base in reversed(cls.__mro__[1:]):
            fields.update(getattr(base, "__record_fields__", {}))
        for name in cls.__annotations__:
            given = cls.__dict__.get(name, _REQUIRED)
            fields[name] = given if isinstance(given, _Field) else _Field(given, None, True)
            if name in cls.__dict__:
                delattr(cls, name)
        cls.__record_fields__ = fields
        for name, function in _METHODS.items():
            if name not in cls.__dict__:
                setattr(cls, name, function)
        return cls


def replace(record: T, **changes: object) -> T:
    """The same record with other values for some fields."""
    return type(record)(**{**values(record), **changes})


def values(record: object) -> dict[str, Any]:
    """A record's fields and their values, in order; records in them stay records."""
    return dict(record.__dict__)


def _init(self: Any, *args: object, **kwargs: object) -> None:
    fields: Mapping[str, _Field] = self.__record_fields__
    own = self.__dict__
    if len(args) > len(fields):
        raise TypeError(f"{type(self).__name__} takes {len(fields)} values, and {len(args)} are given")
    given = dict(zip(fields, args, strict=False))
    for name, about in fields.items():
        if name in given:
            own[name] = given[name]
        elif name in kwargs:
            own[name] = kwargs.pop(name)
        elif about.factory is not None:
            own[name] = about.factory()
        elif about.default is not _REQUIRED:
            own[name] = about.default
        else:
            raise TypeError(f"{type(self).__name__} needs a value for {name!r}")
    if kwargs:
        raise TypeError(f"{type(self).__name__} has no field {next(iter(kwargs))!r}, or it is given twice")


def _repr(self: Any) -> str:
    shown = (f"{name}={value!r}" for name, value in self.__dict__.items() if self.__record_fields__[name].shown)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _eq(self: Any, other: object) -> Any:
    return self.__dict__ == other.__dict__ if type(self) is type(other) else NotImplemented


def _hash(self: Any) -> int:
    return hash((type(self), *self.__dict__.values()))


def _frozen(self: Any, name: str, value: object = None) -> None:
    raise AttributeError(f"{type(self).__name__} is frozen: {name!r} cannot be set")


_METHODS: Mapping[str, Callable[..., Any]] = {
    "__init__": _init,
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__setattr__": _frozen,
    "__delattr__": _frozen,
}
