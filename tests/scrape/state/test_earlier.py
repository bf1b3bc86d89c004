"""A crawl that is given the state of an earlier one: what it asks for, and what it tells."""

from __future__ import annotations

from hashlib import blake2b
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from scraper_cpn import Crawl
from scraper_cpn.cli.simulate import simulate
from scraper_cpn.scrape.account.report import Changes, Summary
from scraper_cpn.scrape.settings import Settings, UsageError
from scraper_cpn.scrape.state.earlier import check_earlier
from scraper_cpn.scrape.state.explain import explain
from scraper_cpn.scrape.state.status import state_status
from tests.servers import Asked, Server, page

DAY_1: dict[str, list[str] | str] = {
    "/": ["a", "b", "gone", "moved", "broken", "plain"],
    "/a": ["shared"],
    "/b": ["shared", "deep"],
    "/gone": [],
    "/moved": [],
    "/plain": [],
    "/shared": [],
    "/deep": [],
}
DAY_2: dict[str, list[str] | str] = {
    "/": DAY_1["/"],
    "/a": ["new"],  # it no longer leads to /shared, but /b does, and has not changed
    "/b": DAY_1["/b"],
    "/moved": "/elsewhere",
    "/plain": [],
    "/shared": [],
    "/deep": ["deeper"],
    "/new": [],
    "/deeper": [],
    "/elsewhere": [],
    "/broken": [],
}


class Site:
    """A site that is another one each day; all its pages but /plain have an ETag."""

    def __init__(self) -> None:
        self.day: dict[str, list[str] | str] = dict(DAY_1)
        self.conditions: dict[str, str] = {}

    def __call__(self, asked: Asked) -> bytes:
        links, path = self.day.get(asked.target), asked.target
        condition = asked.headers.get("if-none-match", "")
        self.conditions[path] = condition
        if links is None:
            return page(status="404 Not Found")
        if isinstance(links, str):
            return page(b"", f"Location: {links}", status="301 Moved Permanently")
        body = path.encode() + b"".join(b'<a href="/%s">' % each.encode() for each in links)
        tag = f'"{blake2b(body, digest_size=4).hexdigest()}"'
        if path == "/plain":
            return page(body, "Content-Type: text/html")
        if condition == tag:
            return (
                f"HTTP/1.1 {HTTPStatus.NOT_MODIFIED} Not Modified\r\nETag: {tag}\r\n\r\n".encode()
            )
        return page(body, "Content-Type: text/html", f"ETag: {tag}")


async def crawled(server: Server, state: Path | str, site: Site, **options: Any) -> Summary:
    site.conditions.clear()
    made = Crawl(delay=0, **options)
    return await made.crawl(server.url, state=state)


@pytest.mark.anyio
async def test_what_was_known_is_asked_for_under_conditions_and_compared(tmp_path: Path) -> None:
    """Pages that are new or changed are stored; unchanged ones (304, the same content) and those that are gone are told.

    What an unchanged page leads to is asked for, too. The crawl after that goes on from the second one.
    """
    site, first, second = Site(), tmp_path / "1.db", tmp_path / "2.db"
    async with Server(site) as server:
        await crawled(server, first, site)
        site.day = dict(DAY_2)
        summary = await crawled(server, second, site, since=first)
        stored = [row["url"].rpartition("/")[2] for row in _items(second)]
        assert sorted(stored) == ["a", "broken", "deep", "deeper", "elsewhere", "new"]
        assert summary.changes == Changes(new=4, changed=2, unchanged=4, gone=2)
        assert (summary.left, summary.seeds_failed) == (0, ())
        assert state_status(second).runs[0].changes == summary.changes
        asked = {path for path, condition in site.conditions.items() if condition}
        assert asked == {"/", "/a", "/b", "/gone", "/moved", "/shared", "/deep"}
        ends = [
            explain(second, f"{server.url}/{path}").change for path in ("a", "b", "new", "gone")
        ]
        assert ends == ["changed", "unchanged", "new", "gone"]
        third = await crawled(server, tmp_path / "3.db", site, since=second)
    assert third.changes == Changes(new=0, changed=0, unchanged=10, gone=0)
    assert third.pages == 1, "only /plain has no ETag"


@pytest.mark.anyio
async def test_what_an_earlier_crawl_has_left_is_asked_for(tmp_path: Path) -> None:
    """It had stopped at --max-pages; the new crawl stops, too, and knows the rest when it goes on."""
    site, first, second = Site(), tmp_path / "1.db", tmp_path / "2.db"
    async with Server(site) as server:
        await crawled(server, first, site, max_pages=3, per_domain=1)
        stopped = await crawled(server, second, site, since=first, max_pages=1, per_domain=1)
        assert stopped.ended == "spent"
        assert stopped.changes is not None
        going_on = Crawl(delay=0, since=first)
        summary = await going_on.resumed(second)
    assert summary.changes == Changes(new=5, changed=0, unchanged=3, gone=0)


@pytest.mark.anyio
async def test_what_no_link_would_lead_to_now_is_left_out(
    database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The filters and the greatest depth are those of the new crawl, and what they leave out is counted. A state on PostgreSQL is read as well; its password is kept out of the new one."""
    site, first, second = Site(), f"{database}&name=first", tmp_path / "2.db"
    async with Server(site) as server:
        await crawled(server, first, site)
        known = f"{first}&password=secret"
        summary = await crawled(
            server, second, site, since=known, deny=["/b$", "moved"], max_depth=1
        )
    assert b"secret" not in second.read_bytes()
    assert summary.changes == Changes(new=0, changed=0, unchanged=4, gone=0)
    assert not {"/b", "/moved", "/deep", "/shared"} & set(site.conditions)
    assert "--since: 4 known URLs are out of scope, filtered out or too deep now" in caplog.text


@pytest.mark.anyio
async def test_with_revisits_each_url_is_counted_once(tmp_path: Path) -> None:
    """A page that was unchanged twice has ended; one that fails at first was never visited in this crawl, and ends."""
    site, first = Site(), tmp_path / "1.db"
    async with Server(site) as server:
        await crawled(server, first, site)
        site.day["/a"] = site.day["/b"] = "/gone"
        again = {"revisit": 0.001, "visits": 2}
        summary = await crawled(server, tmp_path / "2.db", site, since=first, **again)
    assert (summary.ended, summary.left) == ("finished", 0)
    assert summary.changes == Changes(new=0, changed=0, unchanged=12, gone=2)


@pytest.mark.anyio
async def test_a_state_that_can_not_be_read_is_told_in_one_line(tmp_path: Path) -> None:
    """So are several runs of which none was chosen."""
    bad, both = tmp_path / "bad.db", tmp_path / "both.db"
    bad.write_text("no state")
    with pytest.raises(UsageError, match=r"--since: .*bad\.db"):
        check_earlier(Settings(since=str(bad)))
    with pytest.raises(UsageError, match="does not exist"):
        Crawl(since=tmp_path / "nowhere.db")
    async with Server(Site()) as server:
        await crawled(server, both, Site())
    with pytest.raises(UsageError, match="no run"):
        check_earlier(Settings(since=str(both), since_run="other"))
    with pytest.raises(UsageError, match="no meaning in a simulation"):
        simulate(["--since", str(both)])


def _items(state: Path) -> list[dict[str, str]]:
    import msgspec

    from scraper_cpn.store.states import look

    with look(state) as reader:
        return [msgspec.json.decode(body) for *_, body in reader.run(None).items()]
