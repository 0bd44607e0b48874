"""Settings say what they take, and the stop rule can be overruled."""

import pytest

from pace_edge.adapt.settings import PaceSettings, parse_settings
from pace_edge.errors import UsageError


def test_words_become_settings():
    settings = parse_settings(
        ["rate=0.01", "directions=null_space", "lora.rank=4", "gamma_grid=[0.1, 1]", "views_in_loss=null"]
    )
    assert (settings.rate, settings.directions, settings.lora.rank) == (0.01, "null_space", 4)
    assert settings.gamma_grid == (0.1, 1)
    assert settings.views_in_loss is None


@pytest.mark.parametrize(
    "change",
    [
        "speed=3",
        "rate=fast",
        "rate=0",
        "rho_svd=2",
        "epochs=0",
        "epochs=2.5",
        "directions=up",
        "seed=x",
        "seed=-1",
        "views_in_loss=0",
        "frozen_blocks=-1",
        "gamma_grid=[]",
        "gamma_grid=[0]",
        "gamma_grid=1",
        "lora.rank=0",
        "regulariser_weight=-1",
        "weight_decay=many",
    ],
)
def test_a_wrong_setting_is_named(change):
    with pytest.raises(UsageError):
        parse_settings([change])


def test_the_stop_rule_ends_adaptation_and_can_be_overruled():
    by_rule = PaceSettings(n_stop=100, last_adapted_session=None)
    assert [by_rule.adapts_session(t, before) for t, before in [(1, 0), (2, 60), (3, 120)]] == [True, True, False]
    first_only = PaceSettings()
    assert [first_only.adapts_session(t, 0) for t in (1, 2)] == [True, False]
    assert not PaceSettings(last_adapted_session=0).adapts_session(1, 0)
