from hypothesis import settings

from tests.streams.test_learner import ManyProcesses

T = ManyProcesses.TestCase
T.settings = settings(max_examples=150, stateful_step_count=50, deadline=None, database=None)
TestBig = T
