"""`scrape export`: writes the items of a state to a file.

Owns: the check of the files to write, and the report of what was written.
Must not know: formats, how a state is read, what is in it.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
from rich.console import Console

from scraper_cpn.cli.files import check_writable
from scraper_cpn.cli.words import DONE, Words, print_json
from scraper_cpn.scrape.items.outputs import STANDARD_OUTPUT
from scraper_cpn.scrape.settings import UsageError


def export(words: Words) -> int:
    """Write the items and the failed log. Raises `UsageError`, `OutputError` or `StoreError`."""
    from scraper_cpn.scrape.state.export import Export, export_failures
    from scraper_cpn.scrape.state.rows import failures
    from scraper_cpn.scrape.state.run import last_opening
    from scraper_cpn.show.work import progress
    from scraper_cpn.store.states import look

    output, failed = words.options.get("output", "-"), words.options.get("failed")
    place = words.state
    check_outputs(words, {place.resolve(): "the state"} if isinstance(place, Path) else {})
    console = Console(stderr=True, highlight=False)
    account: dict[str, Any] = {"output": output}
    with look(words.state) as state, ExitStack() as stack:
        reader = state.run(words.run)
        of, settings = reader.head().items, last_opening(reader.metadata()).settings
        work = Export(
            reader,
            output,
            overwrite="overwrite" in words.options,
            fields=settings.fields,
            format=words.options.get("format"),
            csv_excel="csv_excel" in words.options,
            bodies=settings.save_bodies is not None,
        )
        if failed is not None:
            log = stack.enter_context(Path(failed).open("w", encoding="utf-8"))
            account |= {"failed": failed, "failed_rows": export_failures(failures(reader), log)}
        shown = stack.enter_context(progress(console))
        account["items"] = anyio.run(work.write, lambda done: shown("items", done, of))
    return reported(words, console, account)


def reported(words: Words, console: Console, account: dict[str, Any]) -> int:
    """Report what was written; returns the exit code."""
    from scraper_cpn.show.accounts import export_lines

    if words.json:
        print_json(account)
    else:
        for line in export_lines(account):
            console.print(line, soft_wrap=True)
    return DONE


def check_outputs(words: Words, used: dict[Path, str]) -> None:
    """Refuse to overwrite an existing file, and refuse one file for two purposes; *used* are those that serve another."""
    output, failed = words.options.get("output", "-"), words.options.get("failed")
    used = dict(used)
    if words.json and output in STANDARD_OUTPUT:
        raise UsageError("--json: standard output has the items; give -o FILE with it")
    for option, path in (("output", output), ("failed", failed)):
        if path is None or (option == "output" and path in STANDARD_OUTPUT):
            continue
        place = Path(path).resolve()
        if place in used:
            raise UsageError(f"--{option}: {path} is the file of {used[place]} too; name another")
        used[place] = f"--{option}"
    if failed is not None:
        check_writable("--failed", failed)
        if Path(failed).exists() and "overwrite" not in words.options:
            raise UsageError(f"--failed: {failed} exists; replace it with -O/--overwrite")
