"""A coloured Petri net: declare it, check it, run it."""

from scraper_cpn.net.arcs import (
    Arc,
    Call,
    Effect,
    Lost,
    On,
    Output,
    absent,
    choose,
    consume,
    expired,
    hold,
    on,
    put,
    put_new,
    read,
    spend,
    take,
)
from scraper_cpn.net.check import checked
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.errors import KernelBug, NetError
from scraper_cpn.net.interpret import Interpreter
from scraper_cpn.net.marking import (
    Ended,
    Faulted,
    Firing,
    Kernel,
    Lack,
    Marking,
    Row,
    Standing,
    Step,
    Trace,
)
from scraper_cpn.net.places import Counter, KeySet, Place, Sink
