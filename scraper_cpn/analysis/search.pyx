"""The states of a grounded net, searched in machine code. Cython builds it; `compiled.py` fills its tables.

Owns: `Search`: the states that were found, the events that can happen in each, what is asked for the first time.
Must not know: nets, properties, limits.

A state is a row of words of 64 bits. No field passes over the border of a word, and each has a guard bit above it, so
that sums of words never carry from one field into the next, and one subtraction tests all fields of a word.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy

cdef extern from *:
    int first_bit "__builtin_ctzll" (unsigned long long word) nogil


ctypedef struct Part:
    # Some bits of a word; or what is added to a word.
    uint32_t word
    uint64_t bits


ctypedef struct Test:
    # Whether the fields of a word have at least `least`, and at most `most`.
    uint32_t word
    uint64_t least
    uint64_t guard_of_least
    uint64_t fields
    uint64_t most
    uint64_t guard_of_most


ctypedef struct Row:
    # A part of a table.
    uint32_t begin
    uint32_t end


ctypedef struct New:
    Part key
    int forgets
    Row fresh
    Row adds


ctypedef struct Event:
    int rank
    int urgent
    Row tests
    Row adds
    Row news
    Row watches
    Row looks


cdef void *room(size_t number, size_t size) except NULL:
    cdef void *found = calloc(number + 1, size)
    if found == NULL:
        raise MemoryError
    return found


cdef inline uint64_t mixed(uint64_t x) noexcept nogil:
    # The finaliser of MurmurHash3 (public domain).
    x ^= x >> 33
    x *= <uint64_t>0xff51afd7ed558ccd
    x ^= x >> 33
    x *= <uint64_t>0xc4ceb9fe1a85ec53
    x ^= x >> 33
    return x


cdef class Rows:
    """Rows of words, each of them once, in the order in which they were added."""

    cdef uint64_t *data
    cdef uint64_t *slots  # the upper half of a row's hash, and its number plus one
    cdef size_t words, number, space, size

    def __cinit__(self, size_t words):
        self.words, self.number, self.space, self.size = words, 0, 64, 256
        self.data = <uint64_t *>room(self.space * words, sizeof(uint64_t))
        self.slots = <uint64_t *>room(self.size, sizeof(uint64_t))

    def __dealloc__(self):
        free(self.data)
        free(self.slots)

    cdef inline uint64_t hashed(self, uint64_t *row) noexcept:
        cdef uint64_t found = 0
        cdef size_t i
        for i in range(self.words):
            found = (found ^ row[i]) * <uint64_t>0x9e3779b97f4a7c15
            found ^= found >> 32
        return mixed(found)

    cdef int add(self, uint64_t *row) except -1:
        """Add a row; says whether it is new."""
        cdef uint64_t hash_ = self.hashed(row)
        cdef size_t at = hash_ & (self.size - 1)
        cdef uint64_t mark = hash_ & <uint64_t>0xffffffff00000000, slot
        while True:
            slot = self.slots[at]
            if slot == 0:
                break
            if (slot & <uint64_t>0xffffffff00000000) == mark and not memcmp(
                self.data + ((slot & <uint64_t>0xffffffff) - 1) * self.words, row, self.words * sizeof(uint64_t)
            ):
                return 0
            at = (at + 1) & (self.size - 1)
        if self.number == self.space:
            self.widen()
        memcpy(self.data + self.number * self.words, row, self.words * sizeof(uint64_t))
        self.number += 1
        self.slots[at] = mark | self.number
        if self.number * 3 > self.size * 2:
            self.spread()
        return 1

    cdef int widen(self) except -1:
        if self.number >= <size_t>0xfffffff0:
            raise MemoryError
        cdef size_t space = self.space + self.space // 2
        cdef void *data = realloc(self.data, space * self.words * sizeof(uint64_t))
        if data == NULL:
            raise MemoryError
        self.data, self.space = <uint64_t *>data, space
        return 0

    cdef int spread(self) except -1:
        """Twice as many slots."""
        cdef size_t size = self.size * 2, i, at
        cdef uint64_t hash_
        cdef uint64_t *slots = <uint64_t *>room(size, sizeof(uint64_t))
        free(self.slots)
        self.slots, self.size = slots, size
        for i in range(self.number):
            hash_ = self.hashed(self.data + i * self.words)
            at = hash_ & (size - 1)
            while slots[at]:
                at = (at + 1) & (size - 1)
            slots[at] = (hash_ & <uint64_t>0xffffffff00000000) | (i + 1)
        return 0

    cdef long find(self, uint64_t *row) noexcept:
        """The number of a row; -1 if there is none."""
        cdef uint64_t hash_ = self.hashed(row), slot
        cdef size_t at = hash_ & (self.size - 1)
        while True:
            slot = self.slots[at]
            if slot == 0:
                return -1
            if (slot & <uint64_t>0xffffffff00000000) == (hash_ & <uint64_t>0xffffffff00000000) and not memcmp(
                self.data + ((slot & <uint64_t>0xffffffff) - 1) * self.words, row, self.words * sizeof(uint64_t)
            ):
                return <long>(slot & <uint64_t>0xffffffff) - 1
            at = (at + 1) & (self.size - 1)


cdef class Asked:
    """Some bits of states; their values that were seen."""

    cdef Part *parts
    cdef size_t number
    cdef uint64_t *value
    cdef Rows seen
    cdef object tell

    def __cinit__(self, list parts, tell):
        cdef size_t i
        self.number, self.tell = len(parts), tell
        self.parts = <Part *>room(self.number, sizeof(Part))
        self.value = <uint64_t *>room(self.number, sizeof(uint64_t))
        for i in range(self.number):
            self.parts[i].word, self.parts[i].bits = parts[i]
        self.seen = Rows(max(self.number, 1))

    def __dealloc__(self):
        free(self.parts)
        free(self.value)

    cdef int ask(self, uint64_t *state, size_t words) except -1:
        """Tell of a state if these bits have a new value."""
        cdef size_t i
        for i in range(self.number):
            self.value[i] = state[self.parts[i].word] & self.parts[i].bits
        if self.seen.add(self.value):
            self.tell(whole(state, words))
        return 0


cdef object whole(uint64_t *row, size_t words):
    """A row as one integer, the first word lowest."""
    return int.from_bytes((<char *>row)[: words * sizeof(uint64_t)], "little")


cdef class Search:
    """The states of a net.

    Args:
        words: of a state.
        first: the first state.
        guard: the bits that no sound state has, word by word.
        fields: of each bit of a state, its word's bits that belong to the same number.
        events: rank (-1: no step decides it), whether it is urgent, the bit of an atom that it needs (-1: none), and what
            it tests, adds, puts if it is new, is watched by, and may change for those who look.
        watches: for each, bits, and what is called with a state in which these have a new value before such an event.
        looks: for each, the same for states as a whole.
    """

    cdef Rows states
    cdef readonly size_t words, next
    cdef uint32_t *before
    cdef uint32_t *by
    cdef size_t space
    cdef Event *events
    cdef size_t number
    cdef Test *tests
    cdef Part *parts
    cdef New *news
    cdef uint32_t *lists
    cdef Row *triggered  # by bit
    cdef uint64_t *fields  # by bit
    cdef uint64_t *triggers  # by word
    cdef Row always
    cdef uint64_t *guard
    cdef uint64_t *now
    cdef uint64_t *after
    cdef uint64_t *keys
    cdef uint32_t *can
    cdef list watches
    cdef list looks
    cdef size_t n_tests, n_parts, n_news, n_lists

    def __init__(self, size_t words, first, list guard, list fields, list events, list watches, list looks):
        cdef size_t i, number = len(events)
        self.words, self.next, self.number, self.space = words, 0, number, 64
        self.states = Rows(words)
        self.before = <uint32_t *>room(self.space, sizeof(uint32_t))
        self.by = <uint32_t *>room(self.space, sizeof(uint32_t))
        self.guard = <uint64_t *>room(words, sizeof(uint64_t))
        self.now = <uint64_t *>room(words, sizeof(uint64_t))
        self.after = <uint64_t *>room(words, sizeof(uint64_t))
        self.keys = <uint64_t *>room(words, sizeof(uint64_t))
        self.can = <uint32_t *>room(number, sizeof(uint32_t))
        self.events = <Event *>room(number, sizeof(Event))
        self.tests = <Test *>room(sum([len(e[3]) for e in events]), sizeof(Test))
        self.parts = <Part *>room(
            sum([len(e[4]) + sum([len(n[2]) + len(n[3]) for n in e[5]]) for e in events]), sizeof(Part)
        )
        self.news = <New *>room(sum([len(e[5]) for e in events]), sizeof(New))
        self.lists = <uint32_t *>room(sum([len(e[6]) + len(e[7]) + 1 for e in events]), sizeof(uint32_t))
        self.fields = <uint64_t *>room(words * 64, sizeof(uint64_t))
        self.triggered = <Row *>room(words * 64, sizeof(Row))
        self.triggers = <uint64_t *>room(words, sizeof(uint64_t))
        for i in range(words):
            self.guard[i] = guard[i]
        for i in range(words * 64):
            self.fields[i] = fields[i]
        for i in range(number):
            self.put(&self.events[i], events[i])
        self.trigger(events)
        self.watches = [Asked(parts, tell) for parts, tell in watches]
        self.looks = [Asked(parts, tell) for parts, tell in looks]
        for i in range(words):
            self.now[i] = (first >> (64 * i)) & 0xffffffffffffffff
        self.keep(self.now, 0, 0xffffffff)

    def __dealloc__(self):
        free(self.before)
        free(self.by)
        free(self.guard)
        free(self.now)
        free(self.after)
        free(self.keys)
        free(self.can)
        free(self.events)
        free(self.tests)
        free(self.parts)
        free(self.news)
        free(self.lists)
        free(self.fields)
        free(self.triggered)
        free(self.triggers)

    # Tables.

    cdef int put(self, Event *event, tuple given) except -1:
        cdef Test *test
        cdef New *new
        event.rank, event.urgent = given[0], given[1]
        event.tests.begin = self.n_tests
        for each in given[3]:
            test = &self.tests[self.n_tests]
            test.word, test.least, test.guard_of_least, test.fields, test.most, test.guard_of_most = each
            self.n_tests += 1
        event.tests.end = self.n_tests
        event.adds = self.some_parts(given[4])
        event.news.begin = self.n_news
        for key, forgets, fresh, adds in given[5]:
            new = &self.news[self.n_news]
            new.key.word, new.key.bits = key
            new.forgets, new.fresh, new.adds = forgets, self.some_parts(fresh), self.some_parts(adds)
            self.n_news += 1
        event.news.end = self.n_news
        event.watches = self.some(given[6])
        event.looks = self.some(given[7])
        return 0

    cdef Row some_parts(self, list given):
        cdef Row row
        row.begin = self.n_parts
        for word, bits in given:
            self.parts[self.n_parts].word, self.parts[self.n_parts].bits = word, bits
            self.n_parts += 1
        row.end = self.n_parts
        return row

    cdef Row some(self, list given):
        cdef Row row
        row.begin = self.n_lists
        for each in given:
            self.lists[self.n_lists] = each
            self.n_lists += 1
        row.end = self.n_lists
        return row

    cdef int trigger(self, list events) except -1:
        """Which events a bit may let happen; and those that need none."""
        by_bit = {}
        for number, event in enumerate(events):
            by_bit.setdefault(event[2], []).append(number)
        self.always = self.some(by_bit.pop(-1, []))
        for bit, numbers in by_bit.items():
            row = self.some(numbers)
            for other in range(bit // 64 * 64, bit // 64 * 64 + 64):
                if self.fields[bit] >> (other % 64) & 1:
                    self.triggered[other] = row
            self.triggers[bit // 64] |= self.fields[bit]
        return 0

    # The search.

    cdef int keep(self, uint64_t *state, uint32_t before, uint32_t by) except -1:
        """Add a state, if it is new, with the way to it."""
        cdef void *more
        if not self.states.add(state):
            return 0
        if self.states.number > self.space:
            more = realloc(self.before, self.space * 2 * sizeof(uint32_t))
            if more == NULL:
                raise MemoryError
            self.before = <uint32_t *>more
            more = realloc(self.by, self.space * 2 * sizeof(uint32_t))
            if more == NULL:
                raise MemoryError
            self.by = <uint32_t *>more
            self.space *= 2
        self.before[self.states.number - 1] = before
        self.by[self.states.number - 1] = by
        return 1

    cdef inline bint happens(self, Event *event) noexcept:
        cdef uint32_t i
        cdef Test *test
        cdef uint64_t word
        for i in range(event.tests.begin, event.tests.end):
            test = &self.tests[i]
            word = self.now[test.word]
            if ((word | test.guard_of_least) - test.least) & test.guard_of_least != test.guard_of_least:
                return False
            if ((test.most | test.guard_of_most) - (word & test.fields)) & test.guard_of_most != test.guard_of_most:
                return False
        return True

    def expand(self, size_t end):
        """Find what follows the states before number *end*: the edges, the dead states, and one with an overflow or None."""
        cdef size_t edges = 0, more
        cdef list dead = []
        end = min(end, self.states.number)
        while self.next < end:
            memcpy(self.now, self.states.data + self.next * self.words, self.words * sizeof(uint64_t))
            self.look()
            more = self.events_here()
            if more == 0:
                dead.append(whole(self.now, self.words))
            if not self.follow(more, &edges):
                return edges, dead, whole(self.after, self.words)
            self.next += 1
        return edges, dead, None

    cdef int look(self) except -1:
        cdef uint32_t by = self.by[self.next], i
        cdef Asked asked
        if by == <uint32_t>0xffffffff:
            for asked in self.looks:
                asked.ask(self.now, self.words)
            return 0
        for i in range(self.events[by].looks.begin, self.events[by].looks.end):
            asked = <Asked>self.looks[self.lists[i]]
            asked.ask(self.now, self.words)
        return 0

    cdef size_t events_here(self) noexcept:
        """How many events can happen in the state; they are in `can`, in their order."""
        cdef size_t w, found = 0, kept = 0, i, j
        cdef uint64_t bits
        cdef uint32_t at, number
        cdef int least = 0x7fffffff
        cdef Row row
        for i in range(self.always.begin, self.always.end):
            found = self.consider(self.lists[i], found, &least)
        for w in range(self.words):
            bits = self.now[w] & self.triggers[w]
            while bits:
                at = <uint32_t>(w * 64) + <uint32_t>first_bit(bits)
                bits &= ~self.fields[at]
                row = self.triggered[at]
                for i in range(row.begin, row.end):
                    found = self.consider(self.lists[i], found, &least)
        for i in range(found):
            number = self.can[i]
            if self.events[number].rank > least:
                continue
            j = kept
            while j > 0 and self.can[j - 1] > number:
                self.can[j] = self.can[j - 1]
                j -= 1
            self.can[j] = number
            kept += 1
        return kept

    cdef inline size_t consider(self, uint32_t number, size_t found, int *least) noexcept:
        cdef Event *event = &self.events[number]
        if event.rank > least[0] or not self.happens(event):
            return found
        if event.urgent and event.rank < least[0]:
            least[0] = event.rank
        self.can[found] = number
        return found + 1

    cdef int follow(self, size_t more, size_t *edges) except -1:
        """Add what comes of these events; says whether no number has grown beyond its field."""
        cdef size_t n
        cdef uint32_t i
        cdef Event *event
        cdef Asked asked
        cdef Part *part
        for n in range(more):
            event = &self.events[self.can[n]]
            for i in range(event.watches.begin, event.watches.end):
                asked = <Asked>self.watches[self.lists[i]]
                asked.ask(self.now, self.words)
        for n in range(more):
            event = &self.events[self.can[n]]
            memcpy(self.after, self.now, self.words * sizeof(uint64_t))
            for i in range(event.adds.begin, event.adds.end):
                part = &self.parts[i]
                self.after[part.word] += part.bits
            if event.news.begin != event.news.end:
                self.put_new(event)
            for i in range(self.words):
                if self.after[i] & self.guard[i]:
                    return 0
            self.keep(self.after, <uint32_t>self.next, self.can[n])
            edges[0] += 1
        return 1

    cdef void put_new(self, Event *event) noexcept:
        cdef uint32_t i, j
        cdef New *new
        cdef bint fresh
        memcpy(self.keys, self.now, self.words * sizeof(uint64_t))
        for i in range(event.news.begin, event.news.end):
            new = &self.news[i]
            if new.forgets:
                self.after[new.key.word] -= self.keys[new.key.word] & new.key.bits
                self.keys[new.key.word] &= ~new.key.bits
                continue
            fresh = not self.keys[new.key.word] & new.key.bits
            for j in range(new.fresh.begin, new.fresh.end):
                fresh = fresh and not self.now[self.parts[j].word] & self.parts[j].bits
            if fresh:
                self.keys[new.key.word] |= new.key.bits
                for j in range(new.adds.begin, new.adds.end):
                    self.after[self.parts[j].word] += self.parts[j].bits

    # What was found.

    def __len__(self):
        return self.states.number

    def state(self, size_t number):
        """A state, by its number."""
        return whole(self.states.data + number * self.words, self.words)

    def parent(self, state):
        """The state from which one was reached first; None for the first, KeyError for one that was not reached."""
        cdef size_t i
        for i in range(self.words):
            self.keys[i] = (state >> (64 * i)) & 0xffffffffffffffff
        cdef long at = self.states.find(self.keys)
        if at < 0 or state >> (64 * self.words):
            raise KeyError(state)
        return None if at == 0 else self.state(self.before[at])
