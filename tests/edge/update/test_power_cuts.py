"""Whatever happens, whenever the power goes: an ordinary boot takes a slot that is whole and was good."""

from __future__ import annotations

import itertools
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge.update.bootchooser import answer
from edge.update.errors import UpdateError
from edge.update.firmware import booted_slot
from edge.update.slots import other
from tests.edge.update.kiosk import Machine
from tests.edge.update.power import PowerCut, electricity

HALF, WHOLE = "half", "whole"


class Life(RuleBasedStateMachine):
    """A kiosk that is updated, tried, taken back and cut off; its slots' contents are what RAUC would have written."""

    @initialize()
    def unpack(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="kiosk-life-"))
        self.machine = Machine(self.folder / "machine")
        self.content = {"A": WHOLE, "B": "nothing"}
        self.well = {"A": True, "B": False}  # what a health check would find
        self.proven = {"A"}

    def teardown(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def power_on(self, *, tryboot: bool = False) -> None:
        slot = self.machine.power_on(tryboot=tryboot)
        if self.content[slot] != WHOLE:
            assert tryboot, f"slot {slot} is {self.content[slot]}, and every boot takes it"
            self.machine.power_on()  # the kernel panics; the watchdog restarts without the one-shot flag

    def do(self, work: Callable[[], object], cut: int | None, luck: random.Random) -> bool:
        """Do `work`, the power going before call `cut` to the disk; whether it was done."""
        try:
            with electricity(cut, lambda: luck.random() < 0.5):
                work()
        except PowerCut:
            self.power_on()
            return False
        except UpdateError:
            return False
        return True

    cuts = st.one_of(st.none(), st.integers(0, 12))
    lucks = st.randoms(use_true_random=False)

    @rule(cut=cuts, luck=lucks, well=st.booleans(), cut_writing=st.booleans())
    def install(self, cut: int | None, luck: random.Random, *, well: bool, cut_writing: bool) -> None:
        target = other(self.machine.running)
        slots = self.machine.slots

        def begin() -> None:
            slots.expect("2", ())
            slots.set_bad(target)

        if not self.do(begin, cut, luck):
            return
        self.content[target] = HALF
        self.well[target] = False
        self.proven.discard(target)
        if cut_writing:
            self.power_on()
            return
        self.content[target] = WHOLE
        self.well[target] = well
        self.do(lambda: slots.set_primary(target), cut, luck)

    @rule(cut=cuts, luck=lucks)
    def try_it(self, cut: int | None, luck: random.Random) -> None:
        if self.do(self.machine.slots.begin_try, cut, luck):
            self.power_on(tryboot=True)

    @rule(cut=cuts, luck=lucks)
    def judge(self, cut: int | None, luck: random.Random) -> None:
        """What kiosk-health.service does at each boot."""
        slots, running = self.machine.slots, self.machine.running

        def gate() -> None:
            if slots.settle() == "committed":
                return
            if not self.well[running]:
                slots.give_up("not well")
                return
            self.proven.add(running)  # it was well for a minute: from here it may be committed
            slots.commit()

        if self.do(gate, cut, luck) and self.machine.running != slots.committed():
            self.power_on()

    @rule(cut=cuts, luck=lucks)
    def roll_back(self, cut: int | None, luck: random.Random) -> None:
        if self.do(lambda: (self.machine.slots.choose_rollback(), self.machine.slots.begin_try()), cut, luck):
            self.power_on(tryboot=True)

    @rule(
        words=st.one_of(
            st.tuples(st.just("set-state"), st.sampled_from("AB"), st.sampled_from(["good", "bad"])),
            st.tuples(st.just("set-primary"), st.sampled_from("AB")),
            st.tuples(st.sampled_from(["get-primary", "get-current"])),
        ),
        cut=cuts,
        luck=lucks,
    )
    def rauc_says(self, words: tuple[str, ...], cut: int | None, luck: random.Random) -> None:
        """A person at `rauc status mark-…`, in any order."""
        self.do(lambda: answer(self.machine.slots, words), cut, luck)

    @rule(tryboot=st.booleans())
    def restart(self, *, tryboot: bool) -> None:
        """The power, the watchdog, or a person's `reboot '0 tryboot'`."""
        self.power_on(tryboot=tryboot)

    @rule(luck=lucks)
    def lose_memory(self, luck: random.Random) -> None:
        path = self.machine.slots.file.path
        if path.exists():
            path.write_bytes(path.read_bytes()[: luck.randrange(200)])

    @invariant()
    def an_ordinary_boot_takes_a_good_slot(self) -> None:
        text = (self.machine.boot / "autoboot.txt").read_text(encoding="ascii")
        slot = booted_slot(text, tryboot=False)
        assert self.content[slot] == WHOLE
        assert slot in self.proven


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=150, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.parametrize("keeps", [True, False], ids=["disk kept all", "disk kept only what was flushed"])
def test_every_cut_of_a_whole_update_leaves_a_slot_that_boots(tmp_path: Path, keeps: bool) -> None:
    """Each call to the disk in turn is the last one; then the update is done again and succeeds."""
    ends = set()
    for cut in itertools.count():
        machine = Machine(tmp_path / str(cut))
        machine.slots.settle()
        try:
            with electricity(cut, lambda: keeps) as power:
                update(machine)
        except PowerCut:
            ends.add(machine.power_on())
            machine.slots.settle()
            if machine.running == "A":
                update(machine)
        else:
            assert machine.running == "B"
            assert power.calls == cut
            break
        assert machine.power_on() == "B"
        assert machine.slots.settle() == "committed"
        assert machine.slots.state.slot("B").condition == "good"
    assert ends == {"A", "B"}
    assert cut > 20


def update(machine: Machine) -> None:
    machine.install()
    machine.slots.begin_try()
    machine.power_on(tryboot=True)
    machine.slots.settle()
    machine.slots.commit()
