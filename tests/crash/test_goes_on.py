"""What a user does with a crawl that was ended: go on with it, as it was or otherwise."""

import json
import random
import signal
from collections import Counter
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace

from mocks.referee import Death, Expectations, judge
from mocks.wirelog import Request
from tests.crash.book import read
from tests.crash.command import Crawl, Manner, Web, scrape
from tests.crash.lives import Lives
from tests.crash.under import under
from tests.effort import effort

MS = 1_000_000
PAGES = 24
RESUME = ("resume", "crawl.db", "-q")
RULES = Expectations(delay_ns=40 * MS, per_domain=1, attempts=21)


def found(requests: list[Request], *deaths: Death, rules: Expectations = RULES) -> list[str]:
    """The violations of a wire log."""
    verdict = judge(requests, replace(rules, deaths=deaths))
    return [f"{each.guarantee} {each.kind}: {each.message}" for each in verdict.violations]


def items(path: Path) -> Counter[str]:
    """The URLs of a file of items."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return Counter(json.loads(line)["url"] for line in lines)


@pytest.mark.parametrize(("manner", "code"), [("int", 130), ("term", 143), ("int twice", 130)])
def test_who_asks_it_to_end_can_go_on(manner: Manner, code: int, web: Web, tmp_path: Path) -> None:
    """Ctrl-C, Ctrl-C twice and SIGTERM end a crawl with its code; resume brings it to its end."""
    lives = Lives(tmp_path)
    crawl = Crawl(tmp_path, *web.crawl("-o", "items.jsonl", "-v"))
    crawl.hear("stored ", 5)
    for number in {"int": [signal.SIGINT], "term": [signal.SIGTERM]}.get(
        manner, [signal.SIGINT, signal.SIGINT]
    ):
        crawl.signal(number)
        crawl.runs(0.05)
    ended = lives.over(crawl.end())
    assert ended.code == code
    assert "Traceback" not in ended.err
    assert not lives.books[-1].flights
    done = lives.live(RESUME)
    assert (done.code, done.err) == (0, "")
    assert len(lives.books[-1].stored) == PAGES
    assert items(tmp_path / "items.jsonl") == lives.books[-1].stored
    requests = web.requests()
    lives.check_wire(requests)
    assert found(requests, *lives.deaths) == []


def test_a_finished_crawl_is_left_alone(web: Web, tmp_path: Path) -> None:
    """Resuming it exits 0, asks nobody, and changes no item."""
    assert scrape(tmp_path, *web.crawl("-o", "items.jsonl")).code == 0
    before = (tmp_path / "items.jsonl").read_bytes()
    asked = len(web.requests())
    for _ in range(2):
        done = scrape(tmp_path, *RESUME)
        assert (done.code, done.err, done.out) == (0, "", "")
    assert (tmp_path / "items.jsonl").read_bytes() == before
    assert asked == PAGES + 3  # robots.txt of three hosts


def test_a_delay_may_be_raised(web: Web, tmp_path: Path) -> None:
    """The new delay counts from the first request of the life that it was given to."""
    lives = Lives(tmp_path)
    lives.kill(web.crawl(), 6)
    assert lives.live((*RESUME, "--delay", "300ms")).code == 0
    requests = web.requests()
    at_ns = lives.deaths[0].at_ns
    early = [each for each in requests if each.start_ns < at_ns]
    late = [each for each in requests if each.start_ns >= at_ns]
    pages = Expectations(delay_ns=300 * MS, per_domain=1, attempts=21, robots="ignore")
    assert len(late) > 3
    assert found(late, rules=pages) == []
    assert found(early) == []
    assert any("300.0 ms were due" in line for line in found(early, rules=pages))


def test_a_limit_may_be_raised(web: Web, tmp_path: Path) -> None:
    """--max-pages counts all lives together, and can be lifted step by step."""
    assert scrape(tmp_path, *web.crawl("--max-pages", "5", "-o", "items.jsonl")).code == 0
    for most in (5, 11, 99):
        done = scrape(tmp_path, *RESUME, "--max-pages", f"{most}")
        assert done.code == 0
        assert len(items(tmp_path / "items.jsonl")) == min(most, PAGES)
    pages = [each for each in web.requests() if each.fetched and "robots" not in each.url]
    assert len(pages) == PAGES


@pytest.mark.parametrize(
    "option",
    [
        ("--scope", "any"),
        ("--allow", "x"),
        ("--deny", "x"),
        ("-D", "other.example"),
        ("--max-depth", "1"),
        ("--robots", "ignore"),
        ("--limit-by", "host"),
        ("--overwrite",),
        ("--no-such",),
    ],
    ids=" ".join,
)
def test_what_a_crawl_is_stays_what_it_was(option: tuple[str, ...], kept: Path) -> None:
    """Options of the scope are refused on resume, in one line, and the state is as it was."""
    before = (kept / "crawl.db").read_bytes()
    done = scrape(kept, *RESUME, *option)
    assert done.code == 2
    assert option[0] in done.line
    assert (kept / "crawl.db").read_bytes() == before


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the state of a crawl that reached nobody."""
    folder = tmp_path_factory.mktemp("kept")
    seed = ("http://127.0.0.1:9/", "--retries", "0", "--backoff", "1ms")
    scrape(folder, *seed, "--state", "crawl.db", "-o", "items.jsonl", "-q")
    return folder


def test_secrets_stay_out_of_a_state(web: Web, tmp_path: Path) -> None:
    """Neither a header's value nor a proxy's password is in any file; both are asked for again."""
    secret, password = "Bearer QmVhcmVy", "pa55w0rd"
    proxy = web.proxies[0].replace("://", f"://me:{password}@")
    words = (*web.seeds, "-x", proxy, "--state", "crawl.db", "--delay", "20ms")
    header = ("-H", f"Authorization: {secret}")
    lives = Lives(tmp_path)
    lives.kill((*words, *header), 3)
    for file in tmp_path.glob("crawl.db*"):
        assert secret.encode() not in file.read_bytes()
        assert password.encode() not in file.read_bytes()
    without_proxy = scrape(tmp_path, *RESUME, *header)
    assert (without_proxy.code, "passwords and keys of proxies" in without_proxy.line) == (2, True)
    without_header = scrape(tmp_path, *RESUME, "-x", proxy)
    assert (without_header.code, "Authorization" in without_header.line) == (2, True)
    assert scrape(tmp_path, *RESUME, "-x", proxy, *header).code == 0
    assert len(read(lives.state).stored) == PAGES


def test_runs_of_a_state_share_their_pauses(web: Web, tmp_path: Path) -> None:
    """A second crawl of the same hosts in the same file waits for what the first has asked."""
    first, second = Lives(tmp_path, run="main"), Lives(tmp_path, run="other")
    words = web.crawl(delay="1500ms")
    first.kill((*words, "--robots", "ignore"), 3)
    crawl = Crawl(tmp_path, *words, "--robots", "ignore", "--run", "other", "-v")
    crawl.hear("stored ", 3)
    second.over(crawl.end(kill=True))
    requests = web.requests()
    rules = Expectations(delay_ns=1500 * MS, robots="ignore", attempts=9)
    apart = [line for line in found(requests, *first.deaths, rules=rules) if line.startswith("G2")]
    assert apart == []
    assert len(requests) >= 6


def tear(output: Path, whole: bytes, dice: random.Random) -> None:
    """Leave some bytes of what was written before behind the end of an output, as a crash may."""
    with output.open("ab") as file:
        file.write(whole[: dice.randrange(1, len(whole))])


def test_a_torn_line_is_neither_lost_nor_doubled(web: Web, tmp_path: Path) -> None:
    """What a crash left half-written in the output is cut off, and written again as a whole."""
    lives = Lives(tmp_path)
    output = tmp_path / "items.jsonl"
    lives.kill(web.crawl("-o", "items.jsonl"), 4)
    whole = output.read_bytes()
    dice = random.Random(1)
    tear(output, whole, dice)
    lives.kill(RESUME[:2], 2)  # a page in flight at a third death would be given up
    tear(output, whole, dice)
    assert lives.live(RESUME).code == 0
    assert output.read_bytes().startswith(whole[: whole.index(b"\n")])
    assert items(output) == lives.books[-1].stored
    assert len(items(output)) == PAGES


def test_a_crawl_that_was_killed_at_its_very_beginning_can_be_begun_again(
    web: Web, tmp_path: Path
) -> None:
    """There is a state, which can be resumed, or neither state nor output: no third way."""
    words = (*web.crawl("-o", "items.jsonl", "-q"), "--max-pages", "2", "--robots", "ignore")
    died = 0
    for touch in count(1, effort(5, 1)):
        folder = tmp_path / f"{touch}"
        folder.mkdir()
        if scrape(folder, *words, before=under(dies_at=touch)).code == 0:
            break
        died += 1
        again = RESUME if (folder / "crawl.db").exists() else words
        done = scrape(folder, *again)
        assert (done.code, done.err) == (0, ""), touch
        assert len(items(folder / "items.jsonl")) == 2
    assert died > 3
