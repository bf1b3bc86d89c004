"""A net drawn: its parts are groups, each node is drawn once, and a part alone shows its neighbours."""

from __future__ import annotations

import re

import pytest

from scraper_cpn import draw as graph
from scraper_cpn.net import Net, put
from scraper_cpn.net.plan import ordered
from scraper_cpn.scrape.colours import Gate
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings

NET = ScrapeNet(Policy(Settings()))


def test_the_text_has_each_part_with_its_own() -> None:
    """Every place and transition of the net is under its part, and nowhere else."""
    for name, part in NET.parts.items():
        section = graph.text(NET).split(f"\npart {name}\n")[1].split("\n\n")[0]
        places = re.findall(r"^  place +(\w+)", section, re.MULTILINE)
        transitions = re.findall(r"^  transition  (\w+)", section, re.MULTILINE)
        assert places == list(part.places)
        assert sorted(transitions) == sorted(part.transitions)
    assert "of no part\n  place       failed_log" in graph.text(NET)


def test_the_text_says_in_which_order_transitions_are_tried() -> None:
    """Over all parts, it is the order in which a kernel tries them."""
    order = graph.text(NET).splitlines()[-1].strip().split(", ")
    assert order == [transition.name for transition in ordered(NET)]


def test_a_part_alone_names_its_users() -> None:
    """What other parts take from it and put into it is shown, without the rest of them."""
    text = graph.text(NET, NET.domains)
    assert "used by     scrape_target: spend(domains), hold(domain_slots), puts penalties" in text
    assert "used by     admit: puts domains if new in known_domains" in text
    assert "raw_html" not in text


@pytest.mark.parametrize("form", [graph.mermaid, graph.dot])
def test_each_node_is_drawn_once(form: graph.Draw) -> None:
    """Places and transitions are in one group each; arrows name nothing that is not drawn."""
    for part in (None, NET.domains, NET.robots):
        lines = form(NET, part).splitlines()
        nodes = [
            re.split(r"[\[({ ]", line.strip().replace('"', ""))[0]
            for line in lines
            if _is_node(line)
        ]
        assert len(nodes) == len(set(nodes))
        ends = re.findall(
            r'^  "?(\w+)"? (?:-\S*>)(?:\|[^|]*\|)? "?(\w+)"?', "\n".join(lines), re.MULTILINE
        )
        assert {end for pair in ends for end in pair} <= set(nodes)
        assert len(ends) > 3


def _is_node(line: str) -> bool:
    return bool(re.match(r'\s+"?\w+"?( \[(shape|label)|[\[({])', line)) and "->" not in line


@pytest.mark.parametrize(
    ("form", "group"), [(graph.mermaid, "subgraph part_{}["), (graph.dot, 'subgraph "cluster_{}"')]
)
def test_parts_are_groups(form: graph.Draw, group: str) -> None:
    """All of them in the whole net; one in a part alone."""
    whole, alone = form(NET), form(NET, NET.robots)
    assert all(group.format(name) in whole for name in NET.parts)
    assert [name for name in NET.parts if group.format(name) in alone] == ["robots"]
    assert "t_scrape_target" not in alone or "prioritized_targets" in alone


def test_a_net_without_parts_is_drawn_without_groups() -> None:
    """Its places and transitions stand by themselves."""
    net = Net("small")
    gate = net.place("gate", Gate, source=True)
    net.transition("pass", [gate], outputs=[put(net.sink("out", Gate))])
    assert "subgraph" not in graph.mermaid(net) + graph.dot(net)
    assert "part" not in graph.text(net)
