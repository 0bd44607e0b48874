"""What each process of test_run.py's torchrun does: python -m tests.adapt.one_of_two CLIPS OUTPUT"""

import sys
from pathlib import Path

import torch

from pace_edge.adapt.data import read_clips
from pace_edge.adapt.machine import Machine
from pace_edge.adapt.processes import Processes
from pace_edge.adapt.run import adapt
from pace_edge.adapt.sessions import plan_sessions
from tests.adapt.small import settings, small_encoder
from tests.adapt.test_run import SETTINGS

if __name__ == "__main__":
    torch.set_num_threads(1)
    with Processes.from_environment(torch.device("cpu")) as processes:
        assert processes.world == 2
        adapt(
            plan_sessions(read_clips(Path(sys.argv[1])), classes_per_session=2, test_fold=1), small_encoder(), "small",
            Path(sys.argv[2]), settings=settings(**SETTINGS), seconds=0.5, machine=Machine(processes=processes),
        )  # fmt: skip
