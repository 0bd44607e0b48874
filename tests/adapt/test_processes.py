"""Two processes, each with its own clips, reach what one reaches with all of them.

Run as a module under torchrun, this file is one of the two: it does `together` and writes what came out.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pace_edge.adapt.processes import Processes
from pace_edge.errors import PaceEdgeError

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[2]
N = 7
BATCHES = ([3, 0, 5], [2, 4, 6], [1], [6, 5, 4, 3, 2, 1, 0])  # the second and the third have no clip of one process


def together(processes):
    """Everything that processes share, on rows that anybody can make."""
    rows = torch.arange(N * 3.0).view(N, 3).cos()
    mine = processes.mine(N)
    sums = [rows[mine].double().T @ rows[mine].double(), rows[mine].sum(0), torch.tensor(len(mine))]
    sums += [rows[mine].sum(0)[None].expand(2, 3).clone().T, torch.zeros(0)]  # not contiguous, empty
    processes.sum_(*sums)
    alone = rows[mine].sum(0).double()
    processes.sum_(alone)
    gathered = [
        processes.gather_rows(part[processes.mine(n)], processes.mine(n), n)
        for n in (N, 1, 0)
        for part in (rows, rows > 0.5, rows[:, 0])
    ]
    batch = torch.tensor(BATCHES[-1])
    own = processes.owned(batch)
    gathered.append(processes.gather_rows(rows[own].double(), own, N))
    return {"sums": [*sums, alone], "gathered": gathered, "trained": train(processes, rows)}


def train(processes, rows):
    """Every step's gradients, also of a parameter that nothing reaches. (torch.optim would take a second to import.)"""
    torch.manual_seed(0)
    net, unused = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)), nn.Parameter(torch.ones(2))
    parameters, y, seen = [*net.parameters(), unused], torch.arange(N) % 2, []
    for batch in BATCHES:
        own = processes.owned(torch.tensor(batch))
        net.zero_grad()
        if len(own):
            loss = nn.functional.cross_entropy(net(rows[own]), y[own], reduction="sum") / len(batch)
            loss.backward()
        processes.sum_gradients(parameters)
        seen.append(torch.cat([p.grad.flatten() for p in parameters]))
        with torch.no_grad():
            for p in parameters:
                p -= 0.5 * p.grad
    return seen


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What each of two processes that talk got from `together`, and the single process's answer."""
    folder = tmp_path_factory.mktemp("two")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {key: value for key, value in os.environ.items() if key not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    with subprocess.Popen(
        [*torchrun, "-m", "tests.adapt.test_processes", str(folder)], cwd=ROOT, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    ) as run:  # fmt: skip
        try:
            said, _ = run.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            raise
    assert run.returncode == 0, said
    assert "add up what they have" in (folder / "left alone.txt").read_text()
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)], together(Processes())


def test_torchrun_gives_every_process_its_number(two):
    ranks, _ = two
    assert [(one["rank"], one["world"], one["is_first"]) for one in ranks] == [(0, 2, True), (1, 2, False)]


@pytest.mark.parametrize("what", ["sums", "gathered"])
def test_sums_and_gathered_rows_are_the_single_process_s_everywhere(two, what):
    ranks, alone = two
    for one in ranks:
        for got, expected in zip(one[what], alone[what], strict=True):
            assert got.dtype == expected.dtype
            assert torch.allclose(got.double(), expected.double(), atol=1e-6)
    assert all(torch.equal(a, b) for a, b in zip(ranks[0][what], ranks[1][what], strict=True))


def test_each_step_of_training_is_the_single_process_s_also_without_a_clip_in_the_batch(two):
    ranks, alone = two
    for first, second, expected in zip(ranks[0]["trained"], ranks[1]["trained"], alone["trained"], strict=True):
        assert torch.equal(first, second)
        assert torch.allclose(first, expected, atol=1e-6)


def test_gathering_alone_puts_rows_where_they_belong():
    rows = torch.tensor([2, 0])
    assert Processes().gather_rows(torch.tensor([True, False]), rows, 3).tolist() == [False, False, True]
    assert Processes().gather_rows(torch.tensor([[5], [6]]), rows, 3).tolist() == [[6], [0], [5]]


@given(st.integers(0, 20), st.integers(1, 5), st.randoms())
def test_every_row_has_one_owner_who_knows_its_place(n, world, random):
    everyone = [Processes(rank, world) for rank in range(world)]
    assert sorted(torch.cat([one.mine(n) for one in everyone]).tolist()) == list(range(n))
    rows = torch.tensor(random.sample(range(n), n), dtype=torch.int64)
    for one in everyone:
        mine, owned = one.mine(n), one.owned(rows)
        assert set(owned.tolist()) == set(mine.tolist())
        assert owned.tolist() == [i for i in rows.tolist() if i in owned]
        assert torch.equal(mine // world, torch.arange(len(mine)))


@pytest.mark.parametrize("environment", [{}, {"WORLD_SIZE": "1", "RANK": "0"}])
def test_without_torchrun_a_process_is_alone_and_nothing_is_connected(monkeypatch, environment):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with Processes.from_environment(CPU) as processes:
        assert processes == Processes(0, 1)
        assert processes.is_first
        assert not torch.distributed.is_initialized()


@pytest.mark.parametrize("world", ["2", "two"])
def test_an_environment_that_is_not_torchrun_s_is_explained(monkeypatch, world):
    for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORLD_SIZE", world)
    with pytest.raises(PaceEdgeError, match=r"cannot join the others .*torchrun --nproc-per-node"):
        Processes.from_environment(CPU).__enter__()


if __name__ == "__main__":
    with Processes.from_environment(CPU) as processes:
        facts = {"rank": processes.rank, "world": processes.world, "is_first": processes.is_first}
        folder = Path(sys.argv[1])
        torch.save(facts | together(processes), folder / f"{processes.rank}.pt")
        if not processes.is_first:
            os._exit(0)  # as if it were killed: without waiting for the other one
        with pytest.raises(PaceEdgeError) as error:
            processes.sum_(torch.zeros(1))
        (folder / "left alone.txt").write_text(str(error.value))
