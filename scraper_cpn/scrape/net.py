"""The whole coordination of the scraper, on one screen.

A transition takes all its inputs in one step, or none. What it `hold`s is given back when its
firing ends; what it `spend`s is put back when its request starts, dated with the next time it may
be used. Inputs whose places have a key of the same name agree on it. What `p`, the policy, decides
is in `policy.py`; what the tokens are made of, in `colours.py`.
"""

from scraper_cpn.net import Lost, Net, consume, expired, hold, on, put, put_new, read, spend, take
from scraper_cpn.net.arcs import Output, choose
from scraper_cpn.scrape import colours as c
from scraper_cpn.scrape.colours import Bad, Failed, Fetched, Proxy, Redirected, Rules, Throttled
from scraper_cpn.scrape.policy import Policy

DAY_NS, NO_END = 86_400 * 1_000_000_000, 1 << 62


def scrape_net(p: Policy) -> Net:
    """The scrape net under a policy."""
    net, at_once, longest_ns = Net("scrape"), p.settings.concurrency, 2 * p.settings.timeout_ns

    # The frontier: links come in as `found`; each URL is admitted once, asks robots.txt, and waits.
    found = net.place("found", c.Found, source=True, work=True, share="channel")
    asks = net.place("asks", c.Target, key="origin", work=True, paged=True)
    targets = net.place(
        "prioritized_targets", c.Target, key="domain", order=p.turn, work=True, paged=True
    )
    cool_down = net.place("cool_down", c.Target, timed=True, work=True)
    in_progress = net.place("in_progress", c.Target, key="url")
    robots_jobs = net.place("robots_jobs", c.RobotsJob, key="domain", timed=True, work=True)
    robots = net.place("robots", Rules, key="origin", expires=True)
    seen = net.set("seen", c.Target, key="url", paged=True)
    known_domains = net.set("known_domains", c.Domain, key="domain")
    known_robots = net.set("known_robots", c.RobotsJob, key="origin")

    # The permits: one pacing token for each domain and each proxy, and numbers of slots.
    domains = net.place("domains", c.Domain, key="domain", timed=True)
    domain_slots = net.counter("domain_slots", key="domain", start=p.slots)
    proxies = net.place(
        "available_proxies", Proxy, key="proxy", timed=True, expires=True, source=True, budget=True
    )
    proxy_slots = net.counter("proxy_slots", key="proxy", start=p.proxy_slots, share="leased")
    permits = net.counter("permits", start=at_once)
    budget = net.counter("budget", start=p.settings.max_pages or NO_END, budget=True)
    gate = net.place("gate", c.Gate, source=True, expires=True, budget=True)
    stop = net.place("stop", c.Stop, source=True)
    penalties = net.place("penalties", c.Penalty, key="domain")
    proxy_faults = net.place("proxy_faults", c.ProxyFault, key="proxy")

    # The pipeline: bounded stages, so that a slow one stops fetching.
    raw_html = net.place("raw_html", c.Raw, capacity=2 * at_once, work=True)
    parsers = net.counter("parsers", start=4)
    parsed = net.place("parsed", c.Extracted, capacity=256, work=True)
    validated = net.place("validated", c.Checked, capacity=256, work=True)
    failed = net.place("failed", c.Failure, work=True)
    stored, failed_log = net.sink("stored", c.Stored), net.sink("failed_log", c.Failure)
    retired_proxies = net.sink("retired_proxies", Proxy)

    fetch, get_rules = net.effect("fetch", c.FetchOutcome), net.effect("robots", c.RobotsOutcome)
    parse, validate = net.effect("parse", c.ParseOutcome), net.effect("validate", c.ValidateOutcome)
    keep = net.effect("keep", c.KeepOutcome)

    # What every request takes, for robots.txt and for pages alike.
    paced = [spend(domains, p.paced, after_ns=p.gap_ns), hold(domain_slots)]
    proxied = [spend(proxies, p.carried, after_ns=p.proxy_gap_ns), hold(proxy_slots)]
    polite = [hold(permits), *paced, *proxied, read(gate)]

    # Refusals and Crawl-delays go first: they hold a domain before anything else can use it.
    held = put(domains, p.held, domains, penalties, after_ns=p.hold_ns)
    net.transition("penalise", [penalties, take(domains, early=True)], outputs=[held], priority=-1)
    faulty = put(proxy_faults, p.at_fault, proxies, Failed)
    rested = put(proxies, p.rested, proxies, after_ns=p.rest_ns)
    net.transition("rest", [proxy_faults, take(proxies, early=True)], outputs=[rested], priority=-1)
    net.transition("retire", [expired(proxies)], outputs=[put(retired_proxies)])
    spent = take(proxies, early=True, when=p.used_up)
    net.transition("use_up", [spent], outputs=[put(retired_proxies)], priority=-1)
    net.transition("close", [stop, gate])
    net.transition("deadline", [expired(gate)])

    asking = put_new(seen, asks, p.to_ask, found)
    fetching = put_new(seen, targets, p.to_fetch, found)
    new_domains = [put_new(known_domains, domains, p.domain, each) for each in (asks, targets)]
    new_robots = put_new(known_robots, robots_jobs, p.robots_job, asks)
    net.transition("admit", [found], outputs=[asking, fetching, *new_domains, new_robots])

    def rules_failed(how: type[object]) -> list[Output]:
        again = put(robots_jobs, p.robots_again, robots_jobs, how, after_ns=p.robots_wait_ns)
        over = put(robots, p.robots_unreachable, robots_jobs, how, lasts_ns=DAY_NS)
        return [again, over, put(failed_log, p.robots_failure, robots_jobs, how)]

    found_rules = [put(robots, lasts_ns=DAY_NS), put(penalties, p.slower, robots_jobs, Rules)]
    hop_domain = put_new(known_domains, domains, p.robots_hop_domain, Redirected)
    astray = put(robots, p.rules_after_too_many_redirects, robots_jobs, lasts_ns=DAY_NS)
    hushed = put(penalties, p.robots_refusal_penalty, robots_jobs, Throttled)
    ends = [
        on(Rules, *found_rules),
        on(Redirected, put(robots_jobs, p.robots_hop, robots_jobs, Redirected), hop_domain, astray),
        on(Throttled, *rules_failed(Throttled), hushed),
        on(Failed, *rules_failed(Failed), faulty),
        on(Lost, *rules_failed(Lost)),
    ]
    work = get_rules(robots_jobs, proxies, domains)
    net.transition(
        "get_robots", [robots_jobs, *polite], effect=work, outcomes=ends, deadline_ns=longest_ns
    )
    net.transition("refresh", [expired(robots)], outputs=[put(robots_jobs, p.refresh, robots)])
    denied = put(failed_log, p.denied, asks, c.Denied)
    verdicts = [on(c.Allowed, put(targets)), on(c.Denied, denied)]
    clearance = choose(p.clearance, asks, robots)
    net.transition("clear", [asks, read(robots)], choice=clearance, outcomes=verdicts)

    # The three-way join: a target, its domain, a proxy and every permit, in one step or not at all.
    refused = put(failed, p.refused, targets, Throttled)
    net.transition(
        "scrape_target",
        [targets, *polite, hold(budget)],
        effect=fetch(targets, proxies, domains),
        during=in_progress,
        deadline_ns=longest_ns,
        outcomes=[
            on(Fetched, put(raw_html, p.raw, targets, Fetched), consume(budget)),
            on(
                Redirected,
                put(found, p.hop, targets, Redirected),
                put(failed_log, p.moved, targets, Redirected),
            ),
            on(Throttled, refused, put(penalties, p.refusal, targets, Throttled)),
            on(Failed, put(failed, p.failed, targets, Failed), faulty),
            on(Lost, put(failed, p.lost, targets, Lost)),
        ],
    )
    retried = put(cool_down, p.next_attempt, failed, after_ns=p.again_after_ns)
    endings = [on(c.Again, retried, put(failed_log)), on(c.Over, put(failed_log, p.over, failed))]
    net.transition("judge", [failed], choice=choose(p.verdict, failed), outcomes=endings)
    net.transition("wake", [cool_down, read(gate), read(budget)], outputs=[put(targets)])

    # The pipeline: a stage's firing has a slot in the next one from its start.
    lost = put(failed, p.lost_page, raw_html, Lost)
    pages = put(parsed, p.extracted, raw_html, c.Parsed)
    links = put(found, p.links, c.Parsed)
    bad = put(failed_log, p.bad, raw_html, Bad)
    ends = [on(c.Parsed, pages, links), on(Bad, bad), on(Lost, lost)]
    net.transition("parse", [raw_html, hold(parsers)], effect=parse(raw_html), outcomes=ends)
    lost = put(failed, p.lost_page, parsed, Lost)
    good = put(validated, p.checked, parsed, c.Valid)
    invalid = put(failed_log, p.invalid, parsed, c.Valid)
    bad = put(failed_log, p.bad, parsed, Bad)
    ends = [on(c.Valid, good, invalid), on(Bad, bad), on(Lost, lost)]
    net.transition("validate", [parsed], effect=validate(parsed), outcomes=ends)
    lost = put(failed, p.lost_page, validated, Lost)
    ends = [on(c.Kept, put(stored, p.stored, validated, c.Kept)), on(Lost, lost)]
    net.transition("keep", [validated], effect=keep(validated), outcomes=ends)
    return net
