"""A coloured Petri net as a program: declare it, check it, run it. Pure Python, usable alone.

Owns: what a net means. No I/O, clock, randomness or asyncio; it imports nothing else of this project.

A net has places, which hold typed tokens, and transitions, which take tokens from some places in one step
or not at all, and put tokens into others. A transition may name an effect: work that is done outside the net
between the taking and the putting. The kernel decides which effects start, receives their outcomes, and
knows nothing else about it. Time is a parameter, in integer nanoseconds.

    >>> from msgspec import Struct
    >>> class Job(Struct, frozen=True):
    ...     host: str
    >>> class Ok(Struct, frozen=True):
    ...     pass
    >>> net = Net("ping")
    >>> jobs = net.place("jobs", Job, source=True, work=True)
    >>> lines = net.counter("lines", start=1)
    >>> done = net.sink("done", Job)
    >>> ping = net.effect("ping", Ok)
    >>> _ = net.transition(
    ...     "call", [jobs, hold(lines)], effect=ping(jobs), outcomes=[on(Ok, put(done)), on(Lost, put(jobs))]
    ... )
    >>> kernel = Interpreter(net)
    >>> kernel.inject(jobs, Job("a"), now_ns=0)
    >>> firing = kernel.step(now_ns=0).firings[0]
    >>> firing.effect, firing.args
    ('ping', (Job(host='a'),))
    >>> kernel.started(firing.id, now_ns=1)
    >>> kernel.complete(firing.id, Ok(), now_ns=2)
    >>> kernel.drain(), kernel.ended(now_ns=2)
    ([Row(sink='done', colour=Job(host='a'))], 'finished')

Every name below has a description of its own: python -m pydoc scraper_cpn.net.Net

Words
-----
Declaring:
    Net         a net under construction: `place`, `sink`, `counter`, `set`, `effect`, `transition`
    Place       tokens of one colour, with a key, an order, a capacity, a time, an end
    Sink        a place whose tokens leave at once as rows
    Counter     a number of equal tokens, plain or one number per key
    KeySet      the keys seen so far, and not removed
    Transition  inputs, and what each outcome puts
    Effect      a name for asynchronous work, and the closed set of types that it may end in
    Call        a function of bound tokens: what an effect, a choice or a scan is given
Growing:
    Part        a named piece of a net: declares its own places and transitions, offers some to others
    Limit       a part that limits requests: its inputs, and outputs by outcome
    Wording     the words for people when a token waits for a place of a part
Inputs:
    Arc         an input of a transition
    take        a token goes (a bare place means this)
    spend       a token goes, and comes back changed when the firing starts
    hold        a token goes, and comes back when the firing ends
    read        a token must be there, and stays (a test arc)
    absent      no token with the key may be there (an inhibitor arc)
    expired     a token whose time has passed goes
Outcomes:
    On          an outcome and its outputs
    on          makes one
    choose      a pure function picks the outcome
    Lost        the outcome of every effect that crashed, was cancelled or took too long
    Output      an output
    put         tokens come
    put_new     tokens come whose key a set lacks; the set gets the key
    remove      a set forgets keys
    consume     a held token is not given back
Sharing, where a net is divided into partitions:
    Share       what each partition has of a place
    keyed       its tokens are where their partition key belongs
    local       each partition has tokens of its own
    constant    each partition has the same tokens, which never change
    channel     its tokens go where their partition key belongs
    credit      one budget, of which each partition draws units
    leased      each token is in one partition at a time
    Partition   which of the partitions a kernel is
    partition_of the partition of a key
    destination the partition of a token
    At          a partition key that is the number of its partition
    Credit      a unit of a budget that comes or goes
    Channel     the places and transitions of a channel
    Drawn       those of a credit
    Lease       those of a leased place
Running:
    checked     the net itself, if it can work
    Kernel      a running net, whichever execution it is
    Interpreter the execution that defines the meaning: a complete search, slow and obvious
    compile_net the same meaning, by indexes and specialised source: the one to use
    source      that source, for people to read
    compiling_plan  how a net is compiled, as data that prints itself
    Shelf       the storage for tokens of paged places that are not in a compiled kernel's memory
    Binding     what a manual transition could take: a reference to begin it with
    Step        the decision of a step: firings to start, and when to step again
    Firing      an effect to start
    Row         a token that left through a sink
    Ended       how a run ended
    Marking     everything, saved
    Standing    a token in a place, in a marking
    Faulted     a token that was set aside
    Lack        the reason why a transition can't take a token now
    Trace       is called with each event
    thaw        a marking from JSON or msgpack
Errors:
    NetError    a net that can't work, or a call that can't be taken; nothing was changed
    NetWarning  a net that may deadlock, as far as its structure shows
    Stale       a binding that can't be begun any more
    Misplaced   the error of a token that was put into another partition than its own
    KernelBug   our mistake, not yours

What your functions must be: pure (the same result for the same tokens, however often and whenever they
are called), and quick, for nothing else happens meanwhile. Tokens are never changed, and keys are
hashable and equal to themselves. Everything below rests on this and on nothing else of yours.

Requirements
------------
Tests cite these numbers.

Joins
    R1   Inputs whose places have a key of the same name are joined on it: their tokens, numbers and set
         entries agree. A composite key is joined name by name. A transition may say which keys with `join`.
    R2   The search is complete: if a combination of tokens satisfies all inputs, a binding is found,
         whatever the order in which tokens arrived.
    R3   `read` needs its token, number or set entry and leaves it. `absent` needs that no token with the
         key is in the place, waiting ones included, or that the set lacks the key.
    R4   `when` is asked once for a token, when it is deposited. A scan is asked for every combination until one
         is true.
Selection
    R5   Transitions go by priority, lower first, then as declared; from the first again after every firing.
    R6   Bindings are ordered lexicographically over the inputs as declared, the tokens of each place by
         its order fields, lower first, then by serial number; those of a timed place that is paged by the
         time from which on they are ready, then by serial number.
    R7   What fires is a function of the marking alone: the same after saving and loading, and whatever
         the order in which a marking's tokens were put, as long as they have the same serials.
Time
    R8   A token is taken, spent, held or read from the moment at which it is ready, or with `include_waiting`
         before it. Put back into the place from which it was taken before, it stays unready as long as before.
    R9   A token whose time has passed is seen by `expired` and `absent` alone, but still has its slot.
    R10  A step fires all that can fire at its time, and says the next useful time: the least at which
         something can fire if nothing else happens. A step that reached its limit says its own time.
    R11  Time never goes back; every time is an integer.
Outcomes
    R12  An effect ends in one of its declared types or in `Lost`; each of them is wired.
    R13  A choice picks one of the types that its annotation names; a plain transition has one set of outputs.
    R14  An output function gives a token, several, or None for none. Without one, the outcome or the
         input that has the place's colour moves there. Into a bounded place a firing puts at most one
         token for each output.
    R15  All outputs of a firing are worked out before any is deposited.
    R16  `hold` gives back, at the back of its place, on each outcome that does not `consume`.
    R17  `put_new` deposits only what the set lacks, one token for each key, and the set remembers. Made of
         a place that an earlier one of the same outcome fills, it is made of each token new to that one.
A firing's life
    R18  A step reserves a firing's inputs: no other transition sees them, but for those that ask (R45).
    R19  When a firing is started, what it spends is put back, dated from that moment. (A transition
         without effect starts and ends in one.)
         What must `still` hold is asked then: where it does not, the firing is revoked.
    R20  A firing that has not started can be revoked, which undoes it exactly: the same tokens with the
         same serials. Serials and ids are not used again.
    R21  A firing that has started can only complete, once.
    R22  `during` shows a firing's inputs in places, for others to read or to miss: the first, or those named.
Capacity
    R23  A place never has more tokens than its capacity, slots of running firings included.
    R24  A firing reserves a slot in each bounded place that an outcome may fill, before it begins; without
         room, it does not begin. An input's slot stays taken until its firing ends.
Numbers and sinks
    R25  A number is never below 0, and starts, for each key, with what `start` says.
    R26  A sink is never full. Its rows come out in order, once.
Faults
    R27  A function of yours that raises, or returns what it may not, stops nothing: the token that was
         bound last is set aside, in no place any more, and listed with the error in the marking. Of a firing
         that takes no token, it is the number that was taken last, or what was held or spent last.
    R28  An output function that raises makes the outcome `Lost`; if the outputs of `Lost` raise, what
         the firing took is set aside. What it held comes back in any case.
    R29  A `start` that raises means 0, and `explain` says so.
The end
    R30  With nothing in flight and nothing that can fire: *spent* if work is left and a budget is at its end
         (one with `unless`, while that place has tokens: only without a useful time); else, without a useful time that keeps work alive, *faulted* if anything was set aside, *stuck* if
         work is left, *finished* if not.
Saving
    R31  A marking is everything: a kernel that loads it goes on as the saved one would have.
    R32  A marking that does not fit the net is refused with every reason.
    R33  Tokens of places, sets and numbers are conserved according to the arcs; `sound.assert_sound` checks
         what a marking must keep.
Errors and explanations
    R34  `checked` reports all problems of a net at once, each in one line that names net, place or
         transition, arc, and what to do.
    R35  A call that can't be taken raises `NetError` and changes nothing.
    R36  `explain` says for each transition that could take a token what it lacks, and until when.
    R37  Wiring a colour to the wrong place, or a field that an outcome lacks, is a mypy error.

Memory
    R38  That a place or a set is paged changes nothing that can be seen but the order of a timed place (R6), whatever
         shelf there is; but a set of which a kernel keeps fingerprints has no keys in its markings.

Checks that look at what could happen
    R39  A transition that could fire endlessly without time passing is refused: each firing must use something up,
         hold something while its effect lasts, or end an absence that it needs.

Several tokens and thresholds
    R40  An arc with a count binds so many tokens of one key, or none; functions are given a tuple. The count
         may be a function of the key.
    R41  `take` with `all` binds every token that it sees, at least one unless `at_least` says otherwise.
    R42  Two arcs on one place bind different tokens. Functions name the arc, not the place.
    R43  Numbers are taken, held, read and put by any amount, and are enough for a transition without tokens.
         One of a key is put where an input tells the key.
    R44  `read` may ask for several tokens, or for a number; `when` stands on every arc that looks at tokens.
    R45  With `include_in_use`, `read` and `absent` see tokens that running firings have taken, too.
    R46  A firing with an effect that may put where its transition looked for an absence keeps that absence
         to itself until it ends: nobody else finds it.
    R47  A set forgets what `remove` is given; from then on it is new.

Attempts
    R48  A firing with `attempts` whose outcome is a failure, and not the last, keeps its inputs and its id, and comes
         again from a step when its pause is over. What it spends is spent once. An attempt that was given out and
         has not started goes back when it is revoked.

By hand
    R49  No step fires a manual transition. `bindings` lists what it could take, in the order of R6, and `begin` fires one
         of these unless it is stale: a token, number, absence or slot that it needs is gone, or an arc with
         `all` would bind others. A binding of one is no next useful time, but keeps a run with work left from ending.

Runs
    R50  Where a net has a key that tells runs apart, `ended(run=...)` tells how the tokens, numbers and firings with
         one value of it ended, as R30 has it. With work left, a firing of another run that may give back what
         is of no run keeps it from ending, too.

Partitions
    R51  A net with a partition key is refused unless each place has a share, and the keyed inputs of each transition agree on
         a key that tells the partition key; what it puts is of that key, crosses by a channel, or stays local.
    R52  In a kernel of a partition, a token of another one that comes into a channel waits in the channel's `out`; one that
         is put elsewhere is set aside as R27 has it; one that is injected is refused.
    R53  Which partition a key belongs to is a function of the key and the number of partitions alone.
"""

# Names are exported by `as` and not by __all__: pydoc would print every method of every class in it.
from scraper_cpn.net.arcs import Arc as Arc
from scraper_cpn.net.arcs import Call as Call
from scraper_cpn.net.arcs import Effect as Effect
from scraper_cpn.net.arcs import absent as absent
from scraper_cpn.net.arcs import choose as choose
from scraper_cpn.net.arcs import expired as expired
from scraper_cpn.net.arcs import hold as hold
from scraper_cpn.net.arcs import read as read
from scraper_cpn.net.arcs import spend as spend
from scraper_cpn.net.arcs import take as take
from scraper_cpn.net.check import checked as checked
from scraper_cpn.net.compiled.kernel import compile_net as compile_net
from scraper_cpn.net.compiled.source import compiling_plan as compiling_plan
from scraper_cpn.net.compiled.source import source as source
from scraper_cpn.net.crossings import Channel as Channel
from scraper_cpn.net.crossings import Drawn as Drawn
from scraper_cpn.net.crossings import Lease as Lease
from scraper_cpn.net.declare import Net as Net
from scraper_cpn.net.declare import Transition as Transition
from scraper_cpn.net.errors import KernelBug as KernelBug
from scraper_cpn.net.errors import NetError as NetError
from scraper_cpn.net.errors import NetWarning as NetWarning
from scraper_cpn.net.errors import Stale as Stale
from scraper_cpn.net.interpreted.interpreter import Interpreter as Interpreter
from scraper_cpn.net.marking import Binding as Binding
from scraper_cpn.net.marking import Ended as Ended
from scraper_cpn.net.marking import Faulted as Faulted
from scraper_cpn.net.marking import Firing as Firing
from scraper_cpn.net.marking import Kernel as Kernel
from scraper_cpn.net.marking import Lack as Lack
from scraper_cpn.net.marking import Marking as Marking
from scraper_cpn.net.marking import Row as Row
from scraper_cpn.net.marking import Standing as Standing
from scraper_cpn.net.marking import Step as Step
from scraper_cpn.net.marking import Trace as Trace
from scraper_cpn.net.outputs import Lost as Lost
from scraper_cpn.net.outputs import On as On
from scraper_cpn.net.outputs import Output as Output
from scraper_cpn.net.outputs import consume as consume
from scraper_cpn.net.outputs import on as on
from scraper_cpn.net.outputs import put as put
from scraper_cpn.net.outputs import put_new as put_new
from scraper_cpn.net.outputs import remove as remove
from scraper_cpn.net.partitions import destination as destination
from scraper_cpn.net.parts import Limit as Limit
from scraper_cpn.net.parts import Part as Part
from scraper_cpn.net.parts import Wording as Wording
from scraper_cpn.net.places import Counter as Counter
from scraper_cpn.net.places import KeySet as KeySet
from scraper_cpn.net.places import Place as Place
from scraper_cpn.net.places import Sink as Sink
from scraper_cpn.net.saving import thaw as thaw
from scraper_cpn.net.shares import At as At
from scraper_cpn.net.shares import Credit as Credit
from scraper_cpn.net.shares import Misplaced as Misplaced
from scraper_cpn.net.shares import Partition as Partition
from scraper_cpn.net.shares import Share as Share
from scraper_cpn.net.shares import channel as channel
from scraper_cpn.net.shares import constant as constant
from scraper_cpn.net.shares import credit as credit
from scraper_cpn.net.shares import keyed as keyed
from scraper_cpn.net.shares import leased as leased
from scraper_cpn.net.shares import local as local
from scraper_cpn.net.shares import partition_of as partition_of
from scraper_cpn.net.shelf import Shelf as Shelf
