"""However messages come, who goes through a program gets the same bits, and comes to the end."""

import random
from collections import defaultdict, deque
from types import SimpleNamespace

import numpy as np
import pytest

from runtime.execute import passage
from runtime.execute.part import part
from runtime.execute.passage import BRIEF, Passage
from runtime.interpret.interpret import interpret
from runtime.metrics.pacing import with_lead
from runtime.program.elements import join
from runtime.program.lower import lower
from runtime.program.program import Action, Buffer

SMALL, LARGE = 3000, 3 * BRIEF  # elements


class Message:
    """One end of a message; `post` matches it with the other end."""

    def __init__(self, post, key, sends, data):
        self.post, self.key, self.sends, self.data = post, key, sends, data
        self.complete = False

    def Start(self):  # noqa: N802
        copied = self.sends and self.post.eager
        self.post.ends[self.key][self.sends].append(
            (self, self.data.copy() if copied else self.data)
        )
        self.complete = copied

    def Test(self):  # noqa: N802
        self.post.carry()
        return self.complete


class Post:
    """An MPI in memory, whose messages take as long as they like; it may or may not buffer them."""

    def __init__(self, seed):
        self.draw = random.Random(seed)
        self.eager = bool(seed % 2)
        self.ends = defaultdict(lambda: (deque(), deque()))

    def carry(self):
        for receives, sends in self.ends.values():
            while receives and sends and self.draw.random() < 0.4:
                (came, to), (sent, data) = receives.popleft(), sends.popleft()
                to[:] = data
                came.complete = sent.complete = True

    def look(self, requests):
        self.carry()
        return [i for i, each in enumerate(requests) if each.complete and self.draw.random() < 0.5]

    def all_there(self, requests):
        self.carry()
        return all(each.complete for each in requests)

    def start(self, requests):
        for each in requests:
            each.Start()

    @property
    def mpi(self):
        request = SimpleNamespace(Testsome=self.look, Testall=self.all_there)
        return SimpleNamespace(Request=request, Prequest=SimpleNamespace(Startall=self.start))


def ways(program, given, post):
    """Make everyone's way through a program, and the memory that it goes in."""
    memories = program.memory()
    for process, memory in enumerate(memories):
        memory[Buffer.INPUT][:] = given[process]
        own = part(program, process)
        requests, deeds = {}, {}
        views = [buffer.view(np.uint8) for buffer in memory]
        for i, line in enumerate(own.lines):
            to, size = int(line["offset"]), int(line["size"])
            there = views[line["buffer"]][to : to + size].view(program.dtype)
            if line["action"] in (Action.SEND, Action.RECV):
                sends = bool(line["action"] == Action.SEND)
                ends = (process, int(line["peer"]))
                requests[i] = Message(post, ends if sends else ends[::-1], sends, there)
                continue
            start = int(line["source_offset"])
            source = views[line["source"]][start : start + size].view(program.dtype)
            add = line["action"] == Action.ADD
            deeds[i] = (join("sum", program.dtype) if add else np.copyto, (there, source))
        made = Passage(own.lines, own.followers, own.lead, (requests, deeds), post.mpi)
        yield made, memory


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("lead", [1, 2, 5])
@pytest.mark.parametrize("name", ["all_reduce", "reduce_scatter", "all_to_all"])
def test_bits_are_those_of_the_program(monkeypatch, relayed_of, ring_of, name, lead, narrow):
    monkeypatch.setattr(passage, "is_crowded", lambda: narrow)
    schedule = (relayed_of if name == "all_to_all" else ring_of)(name, 4)
    for size in (SMALL, LARGE):
        program = lower(with_lead(schedule, lead), size, chunks=3, in_place=lead == 2)
        draw = np.random.default_rng(size)
        given = [draw.normal(size=each).astype(np.float32) for each in program.counts[:, 0]]
        right = interpret(program, given)
        for seed in range(10):
            post = Post(seed)
            made = list(ways(program, given, post))
            under_way = [each.begin() for each, _ in made]
            while under_way:
                way = post.draw.choice(under_way)
                if next(way, "ended") == "ended":
                    under_way.remove(way)
            for (_, memory), output in zip(made, right, strict=True):
                assert memory[Buffer.OUTPUT].tobytes() == output.tobytes()


def test_steps_are_waited_for_where_messages_are_brief_or_cores_few(monkeypatch, ring_of):
    def calls(size, narrow):
        monkeypatch.setattr(passage, "is_crowded", lambda: narrow)
        program = lower(ring_of("all_reduce", 3), size)
        given = [np.zeros(each, np.float32) for each in program.counts[:, 0]]
        post = Post(0)
        return [each._flow is None for each, _ in ways(program, given, post)]

    assert calls(SMALL, narrow=False) == [True] * 3
    assert calls(LARGE, narrow=False) == [False] * 3
    assert calls(LARGE, narrow=True) == [True] * 3


@pytest.mark.parametrize("lead", [1, 2, 3])
def test_sends_that_stay_hold_nothing_up_within_the_lead(monkeypatch, ring_of, lead):
    monkeypatch.setattr(passage, "is_crowded", lambda: True)
    started = []
    monkeypatch.setattr(Message, "Start", lambda self: started.append(self.sends))
    monkeypatch.setattr(Message, "Test", lambda self: not self.sends)
    program = lower(with_lead(ring_of("all_gather", 4), lead), SMALL)
    given = [np.zeros(each, np.float32) for each in program.counts[:, 0]]
    (first, _), *_ = ways(program, given, Post(0))
    way = first.begin()
    for _ in range(10):
        next(way)
    assert sum(started) == lead


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_who_waits_too_long_is_told(monkeypatch, ring_of, size):
    monkeypatch.setattr(passage, "is_crowded", lambda: False)
    program = lower(ring_of("all_gather", 2), size)
    given = [np.zeros(each, np.float32) for each in program.counts[:, 0]]
    (first, _), _ = ways(program, given, Post(0))
    assert not first.run(limit=0.0)
    assert first.open
    assert not any(each.complete for each in first.open)


def test_a_run_goes_to_the_end_at_once_or_from_what_was_begun(monkeypatch, ring_of):
    monkeypatch.setattr(passage, "is_crowded", lambda: False)
    for size in (SMALL, LARGE):
        program = lower(ring_of("all_reduce", 1), size)
        given = [np.arange(each, dtype=np.float32) for each in program.counts[:, 0]]
        for begun in (False, True):
            ((only, memory),) = ways(program, given, Post(1))
            assert only.run(only.begin() if begun else None, 1.0)
            assert memory[Buffer.OUTPUT].tobytes() == given[0].tobytes()
