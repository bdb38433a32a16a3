import numpy as np
import pytest

from bayescod.difficulty import difficulty_profile
from bayescod.errors import UnknownNameError

NAN = np.nan


def test_no_smoothing_returns_the_rates_in_a_new_array():
    rate = np.array([[0.1, 0.9], [0.0, NAN]])
    profile = difficulty_profile(rate)
    np.testing.assert_array_equal(profile, rate)
    assert not np.shares_memory(profile, rate)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        ([0.0, 0.3, 0.9, 0.6], [0.15, 0.4, 0.6, 0.75]),
        ([0.2, 0.6], [0.4, 0.4]),
        ([0.7], [0.7]),
        ([0.2, NAN, 0.6, 0.8], [0.2, NAN, 0.7, 0.7]),
        ([NAN, NAN, NAN], [NAN, NAN, NAN]),
    ],
    ids=["inner-and-ends", "two", "one", "missing-inside", "all-missing"],
)
def test_vertical_smoothing_averages_the_neighbouring_sizes(rate, expected):
    np.testing.assert_allclose(difficulty_profile([rate], "vertical"), [expected], atol=1e-15)


def test_vertical_smoothing_brings_profiles_closer_that_differ_by_noise_across_the_order():
    base = np.linspace(0.1, 0.9, 8)
    zigzag = base + 0.05 * (-1.0) ** np.arange(8)
    shifted = base + 0.05
    apart = np.linalg.norm(
        difficulty_profile([zigzag, shifted], "vertical")
        - difficulty_profile([base, base], "vertical"),
        axis=1,
    )
    assert apart[0] < 0.5 * apart[1]
    assert np.linalg.norm(zigzag - base) == pytest.approx(np.linalg.norm(shifted - base))


def test_bad_input_is_named():
    with pytest.raises(UnknownNameError, match="did you mean vertical"):
        difficulty_profile([[0.5]], "vertcal")
    with pytest.raises(ValueError, match=r"1 dimension.*wanted two"):
        difficulty_profile([0.5])
