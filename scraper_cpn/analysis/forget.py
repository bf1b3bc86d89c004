"""Values that a proof does not tell apart, and the check that they decide nothing.

Owns: `Forgetting`, which puts one value in the place of all, and calls functions again with the others.
Must not know: nets.

Forgetting is unsound unless it is checked: what two tokens have in common must decide everything. Each
function that was called with one token is therefore called again with up to `VARIANTS` tokens that
differ from it in forgotten fields; if what comes out differs in more than what is forgotten, the
question is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import product
from typing import Any

from scraper_cpn.analysis.instance import AnalysisError

VARIANTS = 4
Call = tuple[Callable[..., Any], tuple[Any, ...], Any]


class Forgetting:
    """Tokens without their forgotten fields.

    Args:
        net: its name, for errors.
        fields: for a colour, the fields whose values are ignored.
    """

    def __init__(self, net: str, fields: Mapping[type[Any], str | tuple[str, ...]]) -> None:
        self._net = net
        self._fields = {
            colour: (names,) if isinstance(names, str) else tuple(names)
            for colour, names in fields.items()
        }
        self._first: dict[Hashable, Any] = {}
        self._variants: dict[Any, list[Any]] = {}
        self._calls: dict[Any, list[Call]] = {}
        self.checked = 0
        """Calls that were made again with forgotten values."""

    def token(self, token: Any) -> Any:
        """The one token that stands for all that differ from *token* only in forgotten fields."""
        names = self._fields.get(type(token))
        if names is None:
            return token
        rest = (type(token), *((n, v) for n, v in _values(token) if n not in names))
        try:
            first = self._first.setdefault(rest, token)
        except TypeError:  # can't be hashed; making an atom of it reports that
            return token
        variants = self._variants.setdefault(first, [])
        if token != first and token not in variants and len(variants) < VARIANTS:
            variants.append(token)
            for call in list(self._calls.get(first, ())):
                self._check(call, first, [token])
        return first

    def whole(self, result: Any) -> Any:
        """What a function returned, each token in it without what is forgotten."""
        if isinstance(result, tuple | list | Iterator):
            return tuple(self.token(token) for token in result)
        return self.token(result)

    def call(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """What a function makes of tokens; the same for all that they stand for, or it is refused."""
        result = self.whole(fn(*args))
        call = (fn, args, result)
        each = [arg for given in args for arg in (given if isinstance(given, tuple) else (given,))]
        for arg in {arg for arg in each if type(arg) in self._fields}:
            self._calls.setdefault(arg, []).append(call)
            self._check(call, arg, self._variants.get(arg, []))
        return result

    def _check(self, call: Call, arg: Any, variants: list[Any]) -> None:
        fn, args, result = call
        for variant in list(variants):
            choices = [_choices(each, arg, variant) for each in args]
            for others in list(product(*choices))[:-1]:
                self.checked += 1
                found = self.whole(fn(*others))
                if not _alike(found, result):
                    name = getattr(fn, "__qualname__", repr(fn))
                    raise AnalysisError(
                        f"net {self._net}, instance: forget[{type(arg).__name__}]: {name} decides by what is "
                        f"forgotten: {arg!r} gives {result!r}, but {variant!r} gives {found!r}; forget less"
                    )


def _choices(given: Any, arg: Any, variant: Any) -> list[Any]:
    """What a function may be given in the place of what it was given, which comes last."""
    if not isinstance(given, tuple):
        return [variant, given] if given == arg else [given]
    return list(product(*(_choices(each, arg, variant) for each in given)))


def _alike(found: Any, result: Any) -> bool:
    """Whether two results are equal, ignoring times."""
    return type(found) is type(result) and (found == result or type(found) is int)


def _values(token: Any) -> Iterator[tuple[str, Any]]:
    names = getattr(token, "__struct_fields__", None) or token.__dataclass_fields__
    for name in names:
        yield name, getattr(token, name)
