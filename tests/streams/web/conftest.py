import pytest

from tests.streams.web.serving import serving


@pytest.fixture
def served(small_model):
    with serving(small_model) as one:
        yield one
