"""`scrape resume`: making a job from a state, to continue its crawl.

Owns: which options may be given again, and taking the others from the state.
Must not know: how a crawl runs, what is in a state's file.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from scraper_cpn.cli.arguments import Arguments, given_options, parse
from scraper_cpn.cli.job import CrawlJob, program_of, with_outputs
from scraper_cpn.scrape.items.outputs import place_of
from scraper_cpn.scrape.items.outputs.declared import output_again
from scraper_cpn.scrape.options.read import GivenValue, crawl_options, own_options, settings_from
from scraper_cpn.scrape.options.table import BY_KEY, OPTIONS
from scraper_cpn.scrape.settings import Settings, UsageError
from scraper_cpn.scrape.state.files import SCOPE, Keeping, Past, changed, past
from scraper_cpn.store.states import location_of

FIXED = {option.key for option in OPTIONS if option.field in SCOPE} | {"input", "state"}
"""Options that are fixed when a crawl begins."""

HELP = """\
usage: scrape resume STATE [OPTION...]      continue a crawl that is kept in STATE

STATE is a file, or an address on PostgreSQL: postgres://USER@HOST/DATABASE?name=NAME.

Continues where the crawl stopped, whatever stopped it: Ctrl-C, a crash, a reboot. Requests
that were in flight are made again; a URL whose request was lost in this way three times
has failed. Every pause is kept.

You may change limits, pace, proxies, headers and output. You can't change what decides which
pages are fetched and kept (scope, links, fields, --sitemaps, --revisit and the like), nor what
`scrape --help` calls fixed. A state holds no passwords and no secret headers or cookies: give
them again.

      --run NAME             which crawl, where STATE has several
  -o, --output FILE          write items to FILE from now on; by default to the file that
                             the crawl wrote to, which is first cut to its last saved item

examples:
  scrape resume crawl.db
  scrape resume crawl.db --delay 5s --max-pages 5000
  scrape resume crawl.db --proxies proxies.txt -H 'Authorization: Bearer ...'

exit codes: as for a new crawl; if nothing was left to do, that of the crawl's end
"""


def resume_job(argv: Sequence[str]) -> CrawlJob | None:
    """Return the job of `scrape resume ...`; None after printing its help.

    Raises:
        UsageError: an option can't be changed, or must be given again.
        StoreError: the state can't be read.
    """
    arguments = parse(argv)
    if "help" in arguments.options:
        return None
    if len(arguments.words) != 1:
        raise UsageError("resume: give a state: scrape resume STATE [OPTION...]")
    given = given_options(arguments)
    _refuse_fixed(given)
    own = own_options(given)
    path = location_of(arguments.words[0])
    before = past(path, own.pop("run", None))
    if before.kept.handled:
        more = ", output={...}" if isinstance(before.output, tuple) else ""
        raise UsageError(
            f"resume: the page handlers of this crawl are in a Python program; resume it there: "
            f"crawl.resume({str(path)!r}{more})"
        )
    settings = _settings(before, crawl_options(given))
    program = program_of(("run", before.kept.program))[1] if before.kept.program else None
    kept = _continued(own, before)
    several = isinstance(before.output, tuple) and "output" not in own
    declared = None if program is None else program.output
    if _other(own.get("output"), before):
        settings = replace(settings, **_form(given))
    keeping = Keeping(path=path, run=before.run, past=before, program=before.kept.program)
    return with_outputs(
        own,
        program,
        declared=output_again(before.output, declared) if several else None,
        kept=kept,
        arguments=Arguments((), arguments.options),
        settings=settings,
        seeds=before.kept.seeds,
        keeping=keeping,
    )


def _refuse_fixed(given: Mapping[str, GivenValue]) -> None:
    for key in given:
        if key in FIXED:
            raise UsageError(
                f"{given[key].where}: this can't change after a crawl has begun; leave it out, or begin "
                "another crawl: scrape URL... --state FILE --run NAME"
            )


def _settings(before: Past, given: Mapping[str, GivenValue]) -> Settings:
    new = settings_from(given)
    return changed(before, {BY_KEY[key].field: True for key in given}, new)


def _form(given: Mapping[str, GivenValue]) -> dict[str, Any]:
    """The form of another output than before: what is given now, and nothing else."""
    form = settings_from({key: given[key] for key in ("format", "csv_excel") if key in given})
    return {"format": form.format, "csv_excel": form.csv_excel}


def _other(given: str | None, before: Past) -> bool:
    """Whether the given output differs from the crawl's previous one."""
    return given is not None and place_of(given) not in before.lengths


def _continued(own: dict[str, Any], before: Past) -> Mapping[str, int | None]:
    """The valid lengths of the crawl's previous outputs if they are continued; the name of a single one is put in *own*."""
    if not before.lengths or _other(own.get("output"), before):
        return {}
    if "overwrite" in own or "append" in own:
        where = ", ".join(before.lengths)
        raise UsageError(
            f"resume: items are added to {where} anyway; leave out --overwrite and --append"
        )
    if isinstance(before.output, str):
        own["output"] = before.output
    return before.lengths
