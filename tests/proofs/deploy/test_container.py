"""The container: what starts it, what it leaves, and where root and namespaces are, one that boots."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from image.recipe import REPOSITORY
from proofs.deploy import container as module
from proofs.deploy.container import PROGRAMS, Container, cgroups, command, free_net, remove_cgroup, sweep, why_not
from proofs.deploy.door import MachineFailed, until_up
from proofs.deploy.stock import USER, tree_in
from proofs.powercuts.guest import make_ssh_key

CACHE = REPOSITORY / "build" / "deploy" / "stock"
NO_CONTAINER = why_not(REPOSITORY / "build") or (
    None if tree_in(CACHE).exists() else "no stock Debian 13 here: make deploy-proof ARGS='--target container' makes it"
)


def test_everything_is_its_own_and_ends_with_us() -> None:
    words = command(Path("/cg/one"), Path("/tree"), Path("/own"), "10.0.0.2", "10.0.0.1")
    assert words[:3] == ["setpriv", "--pdeathsig", "KILL"]
    assert {"--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup", "--kill-child"} <= set(words)
    # In its cgroup before it takes this for the root of all of them.
    assert words.index("/cg/one") < words.index("--cgroup")
    assert words[-4:] == ["/tree", "/own", "10.0.0.2", "10.0.0.1"]
    assert Path(words[-5]).is_file()


@pytest.mark.parametrize(
    ("mounts", "where"),
    [
        ("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", Path("/sys/fs/cgroup")),
        ("tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n",
         Path("/sys/fs/cgroup/unified")),
        ("cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n", None),
    ],
)  # fmt: skip
def test_the_cgroups_are_found_wherever_they_are(mounts: str, where: Path | None) -> None:
    assert cgroups(mounts) == where


def test_networks_do_not_meet() -> None:
    assert free_net("", 0) == ("10.215.0.1", "10.215.0.2")
    assert free_net("2: a inet 10.215.0.1/30 scope global a\n", 0) == ("10.215.0.5", "10.215.0.6")
    assert free_net("2: a inet 10.215.255.253/30 scope global a\n", 16383) == ("10.215.0.1", "10.215.0.2")
    assert free_net("", 65) == ("10.215.1.5", "10.215.1.6")


def test_without_root_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "needs root" in (why_not(tmp_path) or "")
    with pytest.raises(MachineFailed, match="needs root"), Container("kiosk-001", tmp_path, tmp_path, tmp_path):
        pass


def test_before_it_starts_there_is_no_way_in_and_none_out(tmp_path: Path) -> None:
    container = Container("kiosk-001", tmp_path, tmp_path, tmp_path)
    with pytest.raises(MachineFailed, match="kiosk-001 has not been started"):
        _ = container.door
    with pytest.raises(MachineFailed, match="kiosk-001 has not been started"):
        _ = container.gateway


def test_a_missing_program_is_named_by_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: None if name in ("ip", "unshare") else f"/bin/{name}")
    assert (why_not(tmp_path) or "").endswith("apt-get install iproute2 util-linux")
    assert set(PROGRAMS) >= {"ip", "unshare", "setpriv", "nsenter"}


def test_cgroups_are_removed_with_all_below_and_twice(tmp_path: Path) -> None:
    cgroup = tmp_path / "kiosk-proof-1-kiosk-001"
    (cgroup / "system.slice" / "ssh.service").mkdir(parents=True)
    remove_cgroup(cgroup)
    assert not cgroup.exists()
    remove_cgroup(cgroup)


def test_a_cgroup_that_does_not_go_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GONE_S", 0.0)
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "process").touch()
    with pytest.raises(MachineFailed, match="don't end"):
        remove_cgroup(tmp_path / "held")


def test_only_what_the_dead_left_is_swept(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    for each in (f"kiosk-proof-{gone.pid}-kiosk-001", f"kiosk-proof-{os.getpid()}-kiosk-001", "system.slice"):
        (tmp_path / each).mkdir()
    sweep(tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == [f"kiosk-proof-{os.getpid()}-kiosk-001", "system.slice"]


def runs(pid: int) -> bool:
    """Whether it is more than a number that this machine's first process has yet to collect."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.timeout(900)  # seconds, where something has the cores to itself
@pytest.mark.skipif(NO_CONTAINER is not None, reason=NO_CONTAINER or "")
def test_it_boots_lets_in_and_leaves_nothing(tmp_path: Path) -> None:
    def links() -> set[str]:
        listed = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
        return {line.split()[1] for line in listed.splitlines() if f": kp{os.getpid()}n" in line}

    mounted = cgroups(Path("/proc/self/mounts").read_text(encoding="utf-8"))
    assert mounted is not None
    cgroup = mounted / f"kiosk-proof-{os.getpid()}-kiosk-7"
    core_pattern = Path("/proc/sys/kernel/core_pattern").read_text(encoding="ascii")
    null = Path("/dev/null").stat()
    tree = tree_in(CACHE)
    with Container("kiosk-7", tree, tmp_path, make_ssh_key(tmp_path)) as container:
        until_up(container, USER, 600)
        assert container.door.run(USER, "cat /proc/1/comm").strip() == "systemd"
        assert "13" in container.door.run(USER, ". /etc/os-release; echo $VERSION_ID")
        # Its root sets what is this machine's, and doesn't.
        container.door.run(USER, "echo '|/bin/kiosk-7' | sudo tee /proc/sys/kernel/core_pattern; sudo touch /etc/own")
        container.door.run(USER, "sudo chmod 600 /dev/null /dev/console; sudo chmod 666 /dev/null")
        assert Path("/dev/null").stat().st_ctime == null.st_ctime
        assert Path("/proc/sys/kernel/core_pattern").read_text(encoding="ascii") == core_pattern
        assert not (tree / "etc" / "own").exists()
        with pytest.raises(MachineFailed, match="sudo false"):
            container.door.run(USER, "sudo false")
        first = container.first()
        assert cgroup.exists()
        assert len(links()) == 1
    assert not runs(first)
    assert not cgroup.exists()
    assert not links()
    assert not (tmp_path / "kiosk-7").exists()
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text(encoding="utf-8")
