"""What the referee asks of a crawl whose process died and was followed by another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mocks.referee import Death, Expectations, ProxyRule, judge
from mocks.wirelog import Request
from tests.mocks.logs import MS, S, made

A, B = "http://a.example", "http://b.example"
BUSY = {"status": 429, "hold_ns": S}
SLOW = {"robots": "User-agent: *\nCrawl-delay: 0.5\n"}
RULES = Expectations(delay_ns=200 * MS, robots="ignore", attempts=9)


def kinds(log: list[Request], *deaths: Death, rules: Expectations = RULES) -> list[str]:
    """What is found when the process died at these moments."""
    verdict = judge(log, replace(rules, deaths=deaths))
    return [f"{each.guarantee} {each.kind}" for each in verdict.violations]


def death(at_ms: float, *lost: str) -> Death:
    """A death at a moment, with the answers of some URLs."""
    return Death(int(at_ms * MS), frozenset(lost))


def test_a_page_may_be_fetched_again_only_if_its_answer_was_lost() -> None:
    """A success that was written down binds the next life; one that was lost does not."""
    log = [made(0, f"{A}/1"), made(500, f"{A}/1")]
    assert kinds(log) == ["G4 fetched again"]
    assert kinds(log, death(300)) == ["G4 fetched again"]
    assert kinds(log, death(300, f"{A}/2")) == ["G4 fetched again"]
    assert kinds(log, death(300, f"{A}/1")) == []
    assert kinds([*log, made(900, f"{A}/1")], death(300, f"{A}/1")) == ["G4 fetched again"]


def test_the_last_answer_is_lost() -> None:
    """It counts for nothing after the death, whichever life had heard it; those before it count on."""
    log = [made(0, f"{A}/1"), made(900, f"{A}/1")]
    assert kinds(log, death(300), death(700, f"{A}/1")) == []
    again = [*log, made(1500, f"{A}/1")]
    lost = death(300, f"{A}/1")
    assert kinds(again, lost, death(1200)) == ["G4 fetched again"]
    assert kinds(again, lost, death(1200, f"{A}/1")) == []


def test_within_its_life_an_answer_binds() -> None:
    """That an answer is lost later excuses nobody who had it."""
    log = [made(0, f"{A}/1", **BUSY), made(500, f"{A}/2")]
    assert kinds(log, death(700, f"{A}/1")) == ["G2 hold"]


def test_a_hold_outlives_its_process_unless_it_was_lost() -> None:
    """Retry-After binds the next life, if the one before had written it down."""
    log = [made(0, f"{A}/1", **BUSY), made(500, f"{A}/2")]
    assert kinds(log, death(300)) == ["G2 hold"]
    assert kinds(log, death(300, f"{A}/1")) == []


def test_a_lost_hold_hides_no_other() -> None:
    """A shorter hold that was written down binds beside a longer one that was lost."""
    short, later = made(0, f"{A}/1", **BUSY), made(900, f"{A}/3")
    long = made(250, f"{A}/2", status=503, hold_ns=9 * S)
    assert kinds([short, long, later], death(400, f"{A}/2")) == ["G2 hold", "G2 hold"]
    assert kinds([long, later], death(400, f"{A}/2")) == []


def test_gaps_hold_across_lives() -> None:
    """That a request was sent is known before it is sent, and is never lost."""
    log = [made(0, f"{A}/1"), made(150, f"{A}/2")]
    assert kinds(log, death(100, f"{A}/1")) == ["G2 gap"]


def test_the_starts_through_a_proxy_hold_across_lives() -> None:
    """Its delay and quota are the crawler's own doings: no death resets them."""
    log = [made(0, f"{A}/1"), made(150, f"{B}/2")]
    for rule, found in (
        (ProxyRule(delay_ns=200 * MS), ["G3 delay"]),
        (ProxyRule(quota=1), ["G3 quota"]),
    ):
        rules = Expectations(delay_ns=0, robots="ignore", proxy=rule)
        assert kinds(log, death(100, f"{A}/1"), rules=rules) == found


def test_no_request_outlives_its_process() -> None:
    """A server that notices late that the client is gone makes no slot taken, no URL in flight twice."""
    log = [made(0, f"{A}/1", status=500, lasts_ms=800), made(500, f"{A}/1")]
    assert kinds(log) == ["G3 slots", "G4 in flight twice"]
    assert kinds(log, death(300, f"{A}/1")) == []


def test_robots_txt_that_was_lost_must_be_fetched_again() -> None:
    """It may be, and no page comes before it; one that was written down counts on."""
    rules = Expectations(delay_ns=0, attempts=9)
    robots, page = made(0, f"{A}/robots.txt", **SLOW), made(900, f"{A}/1")
    again = made(500, f"{A}/robots.txt", **SLOW)
    lost = death(300, f"{A}/robots.txt")
    assert kinds([robots, page], death(300), rules=rules) == []
    assert kinds([robots, page], lost, rules=rules) == ["G8 before robots.txt"]
    assert kinds([robots, again], death(300), rules=rules) == ["G4 fetched again"]
    assert kinds([robots, again], lost, rules=rules) == []


def test_a_crawl_delay_outlives_its_process() -> None:
    """Unless the robots.txt that asked for it was lost."""
    rules = Expectations(delay_ns=0, attempts=9)
    log = [made(0, f"{A}/robots.txt", **SLOW), made(400, f"{A}/1")]
    assert kinds(log, death(300), rules=rules) == ["G2 gap"]


def test_attempts_that_were_lost_do_not_count() -> None:
    """Neither one that ran at a death nor one whose answer was lost is an attempt; three of them are allowed."""
    rules = Expectations(delay_ns=0, robots="ignore", attempts=1)
    log = [
        made(0, f"{A}/1", status=500, lasts_ms=800),
        made(500, f"{A}/1"),
        made(900, f"{A}/1", status=500),
    ]
    deaths = (death(300), death(700, f"{A}/1"))
    assert kinds(log, *deaths, rules=rules) == []
    assert kinds([*log, made(1200, f"{A}/1")], *deaths, rules=rules) == ["G5 attempts"]
    assert kinds(log, *deaths, rules=replace(rules, losses=1)) == ["G5 lost attempts"]
    answered = [made(0, f"{A}/1"), made(500, f"{A}/1")]
    assert kinds(answered, rules=rules) == ["G4 fetched again", "G5 attempts"]
    assert kinds(answered, rules=replace(rules, lost={f"{A}/1": 1})) == []


def test_a_page_that_was_lost_counts_once() -> None:
    """In the budget of pages an answer that was lost takes no place."""
    rules = Expectations(delay_ns=0, robots="ignore", max_pages=1)
    log = [made(0, f"{A}/1"), made(500, f"{A}/1")]
    assert kinds(log, death(300, f"{A}/1"), rules=rules) == []
    assert kinds([log[0], made(500, f"{A}/2")], death(300), rules=rules) == ["G7 pages"]


@given(
    starts=st.lists(st.integers(0, 2000), max_size=8),
    deaths=st.lists(st.integers(0, 2000), max_size=3, unique=True),
)
def test_deaths_that_lose_nothing_excuse_only_what_ran(
    starts: list[int], deaths: list[int]
) -> None:
    """Where no request runs at a death and no answer is lost, the judgement is that of one life."""
    log = [made(start, f"{A}/{start % 3}", **(BUSY if start % 5 == 0 else {})) for start in starts]
    quiet = [at for at in sorted(deaths) if all(not s < at < s + 10 for s in starts)]
    assert kinds(log, *map(death, quiet)) == kinds(log)


@pytest.mark.parametrize("late_ms", [0, 40])
def test_what_was_sent_before_a_kill_may_arrive_after_it(late_ms: int) -> None:
    """A request belongs to the life before until the next one begins."""
    log = [made(290 + late_ms, f"{A}/1", status=500), made(900, f"{A}/1")]
    assert kinds(log, death(350, f"{A}/1")) == []
