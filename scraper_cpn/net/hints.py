"""The annotations of the functions in a net.

Owns: reading type hints. A function without hints is trusted: mypy has checked it, and every
deposit checks its token's type.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from enum import Enum
from types import NoneType, UnionType
from typing import Any, TypeGuard, Union, get_args, get_origin, get_type_hints


def hints(fn: Callable[..., Any]) -> dict[str, Any]:
    """The resolved annotations of *fn*; empty where they can't be resolved."""
    target = fn if hasattr(fn, "__annotations__") else getattr(fn, "__call__", fn)  # noqa: B004
    try:
        return get_type_hints(target)
    except (NameError, TypeError, AttributeError):
        return {}


def has_field(colour: type[Any], name: str) -> bool:
    """Whether a colour has a field or a property."""
    declared = {field for kind in colour.__mro__ for field in getattr(kind, "__annotations__", {})}
    return name in declared or hasattr(colour, name)


def field_type(colour: type[Any], name: str) -> Any:
    """What a field or property is annotated to be; None if it does not say."""
    found = getattr(colour, name, None)
    if isinstance(found, property):
        return hints(found.fget).get("return") if found.fget else None
    return hints(colour).get(name)


def is_collection(hint: Any) -> bool:
    """Whether an annotation is a list, a dict or a set, also a frozen one."""
    return (get_origin(hint) or hint) in (list, dict, set, frozenset, bytearray)


def is_equal_to_itself(colour: type[Any], name: str) -> bool:
    """Whether all values of a field or property are, by its annotation; floats are not, for one of them is NaN."""
    return _equals_itself(field_type(colour, name))


def _equals_itself(hint: Any) -> bool:
    kinds = [getattr(each, "__supertype__", each) for each in _alternatives(hint)]
    return all(
        isinstance(each, type) and issubclass(each, int | str | bytes | NoneType | Enum)
        for each in kinds
    )


def returned_types(fn: Callable[..., Any]) -> tuple[type[Any], ...]:
    """The types that *fn* is annotated to return, unions taken apart; empty if it does not say."""
    hint = hints(fn).get("return")
    return tuple(kind for kind in _alternatives(hint) if _is_plain(kind)) if hint else ()


def tokens_returned(fn: Callable[..., Any]) -> tuple[type[Any], ...] | None:
    """The types of the tokens that an output function makes; None if they are unknown."""
    hint = fn if isinstance(fn, type) else hints(fn).get("return")
    if hint is None:
        return None
    found = [kind for each in _alternatives(hint) for kind in _alternatives(_element(each))]
    kinds = tuple(kind for kind in found if kind is not NoneType)
    return kinds if all(map(_is_plain, kinds)) else None


def returns_several(fn: Callable[..., Any], colour: type[Any]) -> bool:
    """Whether *fn* is annotated to return an iterable of tokens that is no token itself."""
    hint = None if isinstance(fn, type) else hints(fn).get("return")
    for each in _alternatives(hint):
        kind = get_origin(each) or each
        if not isinstance(kind, type) or not issubclass(kind, Iterable):
            continue
        if kind is not str and kind is not bytes and not issubclass(kind, colour):
            return True
    return False


def _element(hint: Any) -> Any:
    """The element type of an iterable's hint; any other hint itself."""
    origin = get_origin(hint)
    iterable = isinstance(origin, type) and issubclass(origin, Iterable)
    return get_args(hint)[0] if iterable else hint


def parameters(fn: Callable[..., Any]) -> list[tuple[str, type[Any] | None]] | None:
    """Names and plain types of the positional parameters of *fn*; None if they are unknown."""
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):
        return None
    known = hints(fn)
    named = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            return None
        if parameter.kind in {parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD}:
            kind = known.get(parameter.name)
            named.append((parameter.name, kind if _is_plain(kind) else None))
    return named


def fits(kind: type[Any], wanted: type[Any]) -> bool:
    """Whether *kind* is a *wanted* (an int is a float, PEP 484); a protocol that can't be asked is taken on trust."""
    try:
        return issubclass(kind, wanted) or (kind is int and wanted in {float, complex})
    except TypeError:
        return True


def accepts(fn: Callable[..., Any], count: int) -> bool:
    """Whether *fn* can be called with *count* positional arguments."""
    try:
        inspect.signature(fn).bind(*([None] * count))
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def _is_plain(hint: Any) -> TypeGuard[type[Any]]:
    """Whether a hint is a class that can be compared with another."""
    return isinstance(hint, type) and hint is not Any


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)


def is_async(fn: Callable[..., Any]) -> bool:
    """Whether calling *fn* gives an awaitable."""
    return any(map(inspect.iscoroutinefunction, _called(fn))) or any(
        map(inspect.isasyncgenfunction, _called(fn))
    )


def is_generator(fn: Callable[..., Any]) -> bool:
    """Whether calling *fn* gives a generator."""
    return any(map(inspect.isgeneratorfunction, _called(fn)))


def _called(fn: Callable[..., Any]) -> tuple[Any, Any]:
    """The function itself, and what runs if it is an object that can be called."""
    return fn, getattr(type(fn), "__call__", None)  # noqa: B004
