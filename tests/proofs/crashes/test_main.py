"""The command, and a slice of the matrix: real processes, killed at real moments."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.models import ModelError, Store
from proofs.crashes import report
from proofs.crashes.__main__ import chosen_cases, main
from proofs.crashes.books import Verdict
from proofs.crashes.plan import Kill, Moment, cases
from proofs.crashes.run import Outcome

# Each program dies once, and each kind of case is there; the whole is `make crash-matrix`.
SLICE = (
    "payment.gateway-answered / payment",
    "payment.authorising-written / nats-server",
    "orchestrator.paid / orchestrator",
    "sandbox.entered / gateway",
    "payment.refund-written (gives up) / payment",
    "card tapped / twice",
)


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.timeout(400)
def test_a_slice_of_the_matrix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for model in ("centerface", "silero_vad"):
        try:
            Store().path(model)
        except ModelError as error:
            pytest.skip(f"the camera and voice agents need their models: {error}")
    out = tmp_path / "out"
    words = [word for name in SLICE for word in ("--only", name)]
    assert main([*words, "--jobs", "2", "--out", str(out)]) == 0, capsys.readouterr().out
    said = capsys.readouterr().out.strip().splitlines()
    assert said[-1] == "6 cases, 0 double charges, 0 charges without an order, 0 lost paid orders"
    found = {each["case"]: each for each in json.loads((out / "crash-matrix.json").read_text())["each"]}
    assert set(found) == set(SLICE)
    assert "given back" in found["payment.refund-written (gives up) / payment"]["how"]
    for name in SLICE:
        if name != "payment.refund-written (gives up) / payment":
            assert found[name]["how"].startswith("paid"), name


def test_all_cases_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert capsys.readouterr().out.splitlines() == [case.name for case in cases()]


def test_an_unknown_case_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "nothing like it"]) == 2
    assert "no case is called nothing like it" in capsys.readouterr().out


def test_cases_are_chosen_by_pattern_and_number() -> None:
    servers = chosen_cases(["* / nats-server"], 1)
    assert servers
    assert all(case.name.endswith("/ nats-server") for case in servers)
    assert chosen_cases(["* / nats-server"], 5) == servers[::5]


def test_the_last_line_counts_what_is_wrong() -> None:
    case = Kill(Moment("payment.intent-written"), "menu")
    outcomes = [
        Outcome(case, Verdict(double_charges=["a"], lost=["b", "c"])),
        Outcome(case, Verdict(without_order=["d"])),
        Outcome(case, unfinished="no end"),
    ]
    assert report.last_line(outcomes) == "3 cases, 1 double charges, 1 charges without an order, 2 lost paid orders"
    assert [outcome.good for outcome in outcomes] == [False, False, False]
    assert Outcome(case).good


def test_the_document_gets_this_runs_tables() -> None:
    case = next(case for case in cases() if case.name == "payment.intent-written / menu")
    broken = next(case for case in cases() if case.name == "card tapped / late")
    outcomes = [Outcome(case, how="paid"), Outcome(broken, Verdict(lost=["x"]), how="not charged")]
    before = "# Title\n\n<!-- written by python -m proofs.crashes --write -->\nold\n<!-- end -->\n\nmore\n"
    after = report.rewritten(before, outcomes, report.about(outcomes, 12.0, 2))
    assert after.startswith("# Title\n")
    assert after.endswith("\n<!-- end -->\n\nmore\n")
    assert "old" not in after
    assert "    2 cases, 0 double charges" in after
    assert "| payment.intent-written |  |  | paid |" in after
    assert "| card tapped |  | **broken** not charged |  |" in after
    with pytest.raises(ValueError, match="has no"):
        report.rewritten("# Title\n", outcomes, {})


def test_the_document_names_every_point() -> None:
    text = report.DOCUMENT.read_text(encoding="utf-8")
    for case in cases():
        if isinstance(case, Kill):
            assert f"| {case.moment.text} |" in text, f"{case.moment.text}: run `make crash-matrix`, which writes it"
