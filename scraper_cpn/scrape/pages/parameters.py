"""The parameters of a page handler behind the page: what the data of a link has to have.

Owns: the check of a link's data against a handler's signature, and the arguments that are made of it.
Must not know: the net, how handlers run, where data is kept.

`def product(page, category: str, rank: int = 0)` takes a link with `data={"category": ...}`. A handler without
such parameters takes any data, and finds it in `page.data`.
"""

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from scraper_cpn.scrape.settings import UsageError

NO_DATA = b"\x80"
"""An empty map in msgpack."""
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class HandlerParameters:
    """The parameters of a handler behind the page. Raises `UsageError` for a type that can't be kept.

    Attributes:
        required: the names of those without a default.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._name = name_of(function)
        found = _signature(function)
        behind = [each for each in found[1:] if each.kind in _BY_NAME]
        self._takes_all = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in found)
        self._names = tuple(each.name for each in behind)
        self.required = tuple(
            each.name for each in behind if each.default is inspect.Parameter.empty
        )
        self._type = self._struct(behind)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._names) or self._takes_all

    def given(self, data: bytes) -> dict[str, Any]:
        """Return the arguments for *data*. Raises `ValueError` where they don't fit; the message says what is wanted."""
        if not self:
            return {}
        try:
            typed = msgspec.msgpack.decode(data or NO_DATA, type=self._type, strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(
                f"{self._name} takes {self}, and the data does not fit: {error}"
            ) from None
        given: dict[str, Any] = msgspec.msgpack.decode(data or NO_DATA)
        others = [name for name in given if name not in self._names]
        if others and not self._takes_all:
            raise ValueError(f"{self._name} takes {self}, but the data has {', '.join(others)}")
        named = {name: getattr(typed, name) for name in self._names}
        return {name: value for name, value in named.items() if value is not msgspec.UNSET} | {
            name: given[name] for name in others
        }

    def lacks(self, others: "HandlerParameters") -> str:
        """Return a name that data for *others* may not have, and that is required here; empty for none."""
        return next((name for name in self.required if name not in others.required), "")

    def __str__(self) -> str:
        return ", ".join((*self._names, *(["anything else"] if self._takes_all else [])))

    def _struct(self, parameters: list[inspect.Parameter]) -> type[Any]:
        """The type that data is read as; a parameter with a default may be missing, and is not passed on then."""
        required = [each for each in parameters if each.default is inspect.Parameter.empty]
        optional = [each for each in parameters if each.default is not inspect.Parameter.empty]
        fields = [(each.name, _type_of(each)) for each in required]
        more = [
            (each.name, _type_of(each) | msgspec.UnsetType, msgspec.UNSET)
            if _type_of(each) is not Any
            else (each.name, Any, msgspec.UNSET)
            for each in optional
        ]
        try:
            kind = msgspec.defstruct("data", [*fields, *more], kw_only=True)
            msgspec.msgpack.Decoder(kind)
        except TypeError as error:
            raise UsageError(
                f"{self._name}: a parameter has a type that can't travel with a link: {error}"
            ) from None
        return kind


def parameters_of(function: Callable[..., Any]) -> HandlerParameters:
    """Return the parameters of a handler; remembered for plain functions."""
    try:
        return _remembered(function)
    except TypeError:  # what can't be hashed
        return HandlerParameters(function)


_remembered = lru_cache(1_024)(HandlerParameters)


def name_of(function: Any) -> str:
    """Return the name of a function, bound method or partial, or of the class of another object that can be called."""
    while not hasattr(function, "__name__") and hasattr(function, "func"):
        function = function.func
    name = getattr(function, "__name__", type(function).__name__ if callable(function) else "")
    return name if isinstance(name, str) else ""


def _signature(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function, eval_str=True).parameters.values())
    except NameError:  # an annotation names what only a type checker knows
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []


def _type_of(parameter: inspect.Parameter) -> Any:
    annotation = parameter.annotation
    return (
        Any if annotation is inspect.Parameter.empty or isinstance(annotation, str) else annotation
    )
