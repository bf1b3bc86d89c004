"""What the sections of the report say of given results."""

import msgspec

from bench.profile import Profile
from bench.report.document import Listed, Section, Table, Text
from bench.report.sections.correctness import correctness
from bench.report.sections.decisions import decided, repeated
from bench.report.sections.features import Feature, features, the_features
from bench.report.sections.losses import losses
from bench.report.sections.size import size
from bench.report.sections.speed import end_to_end
from tests.report.data import a_crawl, a_crawl_report, a_kept, a_report, the_code

FRESH = frozenset({("speed", "net")})


def _tables(section: Section) -> list[Table]:
    return [block for block in section.blocks if isinstance(block, Table)]


def _text(section: Section) -> str:
    texts = [block.text for block in section.blocks if isinstance(block, Text)]
    items = [item for block in section.blocks if isinstance(block, Listed) for item in block.items]
    return "\n".join([*texts, *items])


def test_the_total_of_the_net_has_its_policy_what_it_shares_and_its_engine() -> None:
    """The lines of its three parts add up to the total: nothing of the net's is left out."""
    rows = {row[0]: row for row in _tables(size(the_code()))[0].rows}
    names = ("shared decisions", "the net: policy")
    parts = [rows[name][2] for name in (*names, "the net: engine")]
    whole = sum(int(text.replace(",", "")) for text in parts)
    assert rows["**the net: total**"][2] == f"{whole:,}"


def test_lines_by_concern_add_up_to_the_lines_of_the_policy() -> None:
    """For the net and for spider S1, no concern is missing from the table and none counts twice."""
    code = the_code()
    rows = _tables(size(code))[2].rows
    assert sum(int(row[1].replace(",", "")) for row in rows) == (
        code.sums("net", "policy", shared=False).nloc
    )
    assert sum(int(row[4].replace(",", "")) for row in rows) == code.spider.total("S1").nloc


def test_every_feature_has_a_concern_and_an_answer_of_all_three() -> None:
    """Concerns are those of the classes, our own answers are yes or no, and spider's is given."""
    concerns = the_code().concerns.keys() | {"none"}
    ours = {"yes", "yes, opt-in", "no"}
    for feature in the_features():
        assert feature.concern in concerns
        assert feature.net in ours
        assert feature.baseline in ours
        assert feature.spider


def test_a_feature_costs_what_has_it() -> None:
    """A `no` counts for no one, and has a dash for its cost; an opt-in counts for D alone."""
    code = the_code()
    given = (
        Feature("one", "delay", "yes", "no", "yes, opt-in"),
        Feature("two", "delay", "yes, opt-in", "yes, opt-in", "no"),
    )
    rows = {row[0]: row[1:] for row in _tables(features(code, given))[1].rows}
    assert rows["the net: total"][0] == "1"
    assert rows["by hand: total"][0::2] == ("0", "-")
    assert rows["spider S1"][0] == "0"
    assert rows["spider D (opt-in features included)"] == ("1", "11,754", "11,754")


def test_violations_stand_under_their_rule_with_the_worst_of_each() -> None:
    """A rule that someone broke has a column, the others share a line, and examples are given."""
    crawl = a_crawl(
        violations={"G2 gap": 3, "G7 pages": 2, "G4 in flight twice": 1},
        examples={"G2 gap": "h0: 90 ms", "G7 pages": "202 of 200", "G4 in flight twice": "/a"},
    )
    section = correctness(a_kept(crawl), FRESH)
    (table,) = _tables(section)
    row = dict(zip(table.head, table.rows[0], strict=True))
    assert (row["too early"], row["over budget"], row["fetched again"]) == ("3", "2", "1")
    assert "during a hold" not in row
    assert "0 for all: during a hold, beyond a proxy's limits" in _text(section)
    assert "net 1.0, G2 gap, 3 times, at worst: h0: 90 ms" in _text(section)


def test_scenarios_in_which_all_was_in_order_share_a_line() -> None:
    """They have no table; where one crawl lost an item and did not end, all have their rows."""
    section = correctness(a_kept(a_crawl(), a_crawl("spider")), FRESH)
    assert _tables(section) == []
    assert "in these scenarios: speed." in _text(section)
    lossy = a_kept(a_crawl(), a_crawl("spider", received=99, ended=False))
    names = [row[0] for row in _tables(correctness(lossy, FRESH))[0].rows]
    assert names == ["net 1.0", "spider 1.0 (kept, did not end)"]


def test_kept_results_are_shown_as_kept() -> None:
    """A crawl not run for this report is marked beside its name; date and machine are shown."""
    crawls = a_kept(a_crawl(date="2026-03-04"), a_crawl("spider"))
    section = end_to_end(crawls, FRESH)
    names = [row[0] for row in _tables(section)[0].rows]
    assert names == ["net 1.0", "spider 1.0 (kept)"]
    assert (
        "1 of these crawls were run for this report (2026-03-04 on a machine). "
        "1 are **kept** results (2026-01-02 on a machine); they are marked."
    ) in _text(section)


def test_speed_is_pages_by_time_and_by_cpu() -> None:
    """100 pages in 2 s and 0.5 s of CPU are 50 a second and 200 a CPU second; memory is in MiB."""
    (table,) = _tables(end_to_end(a_kept(a_crawl(cpu_s=0.5)), FRESH))
    row = dict(zip(table.head, table.rows[0], strict=True))
    assert (row["pages/s"], row["pages/CPU s"], row["memory, MiB"]) == ("50", "200", "50")


def test_utilisation_is_shown_where_there_is_a_delay() -> None:
    """Without one there is nothing to use, so the same figure is a dash."""
    fast, paced = _tables(end_to_end(a_kept(a_crawl(), a_crawl(scenario="failures")), FRESH))[::-1]
    assert (fast.rows[0][-1], paced.rows[0][-1]) == ("-", "50 %")


def test_sections_without_data_say_so() -> None:
    """A reader can tell what was not measured from what was measured as nothing."""
    assert _text(correctness(None, FRESH)) == "Not measured here."
    assert _text(end_to_end(None, FRESH)) == "Not measured here."
    assert _text(repeated(None)).startswith("Not measured here")
    assert "not measured here" in _text(decided(None, ()))


def test_repeated_crawls_are_shown_by_their_medians() -> None:
    """Three crawls of one kind are one row with the median of each rate; violations are summed."""
    (table,) = _tables(repeated(a_crawl_report(1.0, 2.0, 4.0)))
    assert table.rows == (("a web", "aiohttp", "net", "50", "100", "10", "-", "3"),)


def test_the_cpu_of_a_crawl_is_shown_by_part() -> None:
    """Each subject has a column; the last row is all of it."""
    sampled = Profile(web="a web", subject="net", fetcher="aiohttp", us={"parsing": 9, "client": 1})
    report = msgspec.structs.replace(a_crawl_report(1.0), profiles=[sampled])
    table = _tables(repeated(report))[1]
    assert table.rows == (("parsing", "9.0"), ("client", "1.0"), ("all", "10.0"))


def test_the_cost_of_features_leaves_out_what_is_not_counted() -> None:
    """A feature whose code is not in the lines would make the others look cheaper."""
    given = (Feature("one", "delay", "yes", "yes", "no", counted=False),)
    rows = _tables(features(the_code(), given))[1].rows
    assert {row[1] for row in rows} == {"0"}


def test_the_rate_of_the_net_is_reported_in_rates_by_hand() -> None:
    """4 us a decision beside 2 by hand are 0.50 of the rate; loops have their median run."""
    section = decided(a_report(), a_kept().loops)
    grid, loops = _tables(section)
    assert grid.rows[0][-1] == "0.50"
    assert loops.rows == (("spider 2.52.4: gate", "1,000", "2.00", "500,000"),)


def test_losses_name_every_measure_in_which_another_is_better() -> None:
    """With the ratio, and with the rules broken and items lost for it; an equal CPU is no loss."""
    spider = a_crawl(
        "spider", wall_s=1.0, received=40, violations={"G2 gap": 7}, examples={"G2 gap": ""}
    )
    said = _text(losses(the_code(), a_kept(a_crawl(), spider)))
    assert (
        "speed: spider 1.0 needs 1.00 s, the net 2.00: 2.0 times as much. It broke rules 7 times. "
        "Its consumer did not get 60 of the pages."
    ) in said
    assert "s of CPU" not in said
    assert "the scheduler by hand has" in said


def test_what_the_net_breaks_is_a_loss() -> None:
    """It is reported with its rule, count and example, though no other crawler did better."""
    net = a_crawl(violations={"G2 gap": 2}, examples={"G2 gap": "h0: 90 ms"})
    said = _text(losses(the_code(), a_kept(net)))
    assert "speed: the net breaks G2 gap 2 times, such as: h0: 90 ms" in said


def test_a_machine_is_named_once_with_all_its_commits() -> None:
    """Crawls of one day on one machine differ in nothing but the commit that ran them."""
    kept = a_kept(
        a_crawl(machine="a machine at 1a"),
        a_crawl(scenario="budget", machine="a machine at 2b"),
        a_crawl(scenario="failures", machine="a machine at 1a"),
    )
    said = _text(correctness(kept, frozenset()))
    assert "3 are **kept** results (2026-01-02 on a machine at 1a, 2b)" in said
