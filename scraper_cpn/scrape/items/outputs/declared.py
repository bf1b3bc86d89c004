"""The outputs that a program names: one for all items, or one for each type of them.

Owns: which of them a state knows, and the checks across them.
Must not know: formats, pages, the net, states.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from scraper_cpn.scrape.items.outputs import CheckedOutput, is_stream, open_output, place_of
from scraper_cpn.scrape.items.outputs.by_type import OutputsByType
from scraper_cpn.scrape.settings import UsageError

Output = str | Path | Mapping[type[Any], str | Path] | None
"""An output of a program: a file, `-` for standard output, a file for each type of items; None: no output."""

OutputNames = str | tuple[str, ...] | None
"""The names in an output: of one, or one for each type of items."""


def names_of(output: Output) -> OutputNames:
    """The names in an output, for a state."""
    if isinstance(output, Mapping):
        return tuple(map(str, output.values()))
    return None if output is None else str(output)


def output_again(names: OutputNames, declared: Output) -> Output:
    """The output of a crawl that goes on where its items went; of several outputs, the program's has the types.

    Raises `UsageError` if the types are not known.
    """
    if isinstance(names, tuple) and not isinstance(declared, Mapping):
        raise UsageError(
            f"output: the crawl writes each type of items to a file of its own ({', '.join(names)}); "
            "give output={Type: file, ...} again"
        )
    return declared if isinstance(names, tuple) else names


def open_declared(
    output: Output,
    item: Any,
    form: Mapping[str, Any],
    *,
    state: object = None,
    kept: Mapping[str, int | None] | None = None,
    **how: Any,
) -> CheckedOutput | None:
    """Return a checked output, which is not open yet; None for no output.

    Args:
        output: of a program.
        item: the type of all items, for one output; see `open_output`.
        form: of the output, as `open_output` takes it.
        state: where the crawl is kept, if it is a file.
        kept: the outputs that the state has, by `place_of`, each with its valid length.
        how: what becomes of existing files, as `open_output` takes it.

    Raises:
        UsageError: an output can't be written, or one file has two purposes.
    """

    def checked(where: str | Path, item: Any, **form: Any) -> CheckedOutput:
        known = (kept or {}).get(place_of(where), _UNKNOWN)
        more = how if known is _UNKNOWN else {"keep": known}
        return open_output(str(where), item=item, **form, **more)

    if output is None:
        return None
    if not isinstance(output, Mapping):
        _check_apart([output], state)
        return checked(output, item, **form)
    if not output:
        raise UsageError("output: name a file for a type of items, or leave it out")
    _check_types(output)
    _check_apart(output.values(), state)
    form = {name: value for name, value in form.items() if name != "fields"}
    return OutputsByType(
        {
            kind: checked(where, dict if kind is object else kind, **form)
            for kind, where in output.items()
        }
    )


_UNKNOWN = object()


def _check_types(kinds: Iterable[object]) -> None:
    for kind in kinds:
        if not isinstance(kind, type):
            raise UsageError(f"output: {kind!r:.80} is no type of items; give a class, or object")


def _check_apart(outputs: Iterable[str | Path], state: object) -> None:
    """Refuse one file for two types, under whatever names, or for items and the state."""
    used = {state.resolve(): "of the state"} if isinstance(state, Path) else {}
    for where in outputs:
        place = Path(place_of(where)).resolve()
        if place in used and not is_stream(place):
            raise UsageError(f"output: {where} is the file {used[place]} too; name another")
        used[place] = "of another type of items"
