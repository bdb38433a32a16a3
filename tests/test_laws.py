"""The laws of a score curve: against their formulas, at their limits, and in one another."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayescod.curves import accuracy
from bayescod.laws import LAWS, eq1, further, params_tokens

PARAMS = np.array([1e8, 3e8, 1e9, 4e9])
RATIO = np.array([200.0, 8.0, 60.0, 20.0])
UNIT = 1e18
LOG_A = st.floats(-1.0, 6.0)
EXPONENT = st.floats(0.01, 1.0)
SHARE = st.floats(0.01, 0.99)
TILT = st.floats(-1.0, 1.0)
GIVEN = {"log_a": 3.0, "b": 0.3, "c": 0.1, "g": 0.2, "share": 0.35, "tilt": 0.4}
LOGISTIC = {"level": -0.4, "slope": 0.7, "c": 0.1, "g": 0.2}
BROKEN = {
    "reducible": 0.8,
    "b": 0.05,
    "b_break": 0.3,
    "log_break": 3.0,
    "sharpness": 0.5,
    "limit": 0.1,
}
# One value of every parameter that a law has, and where a draw from its prior may put it.
TYPICAL = {"eq1": GIVEN, "params-tokens": GIVEN, "logistic": LOGISTIC, "broken-power-law": BROKEN}
RANGES = {
    "log_a": (-2.0, 6.0),
    "b": (0.0, 2.0),
    "c": (0.0, 1.5),
    "g": (0.0, 0.6),
    "share": (0.0, 1.0),
    "tilt": (-1.5, 1.5),
    "level": (-6.0, 6.0),
    "slope": (0.0, 4.0),
    "reducible": (0.0, 1.0),
    "b_break": (-1.0, 1.5),
    "log_break": (-6.0, 12.0),
    "sharpness": (0.05, 4.0),
    "limit": (0.0, 1.0),
}


def ladder_at(params, ratio=20.0):
    """Covariates of a ladder, the middle of everything in the geometric mean."""
    params = np.asarray(params)
    tokens = params * ratio
    log_compute = np.log(6.0 * params * tokens / UNIT)
    return {
        "log_compute": log_compute,
        "log_params": np.log(params) - np.log(params).mean(),
        "log_tokens": np.log(tokens) - np.log(tokens).mean(),
        "log_low": log_compute.min(),
        "log_middle": log_compute.mean(),
    }


ONE_RATIO, OFF_RATIO = ladder_at(PARAMS), ladder_at(PARAMS, RATIO)


def in_words(at):
    """Values for a law from the names of `RANGES`."""
    return st.fixed_dictionaries({name: st.floats(*RANGES[name]) for name in at})


def test_eq_1_is_that_of_the_curves():
    expected = accuracy(ONE_RATIO["log_compute"], 3.0, 0.3, 0.1, 0.2)
    np.testing.assert_array_equal(eq1(ONE_RATIO, GIVEN), expected)
    plain = eq1(ONE_RATIO, {"log_a": 3.0, "b": 0.3})
    np.testing.assert_array_equal(plain, accuracy(ONE_RATIO["log_compute"], 3.0, 0.3, 0.0, 0.0))


@given(LOG_A, EXPONENT, SHARE)
def test_on_one_ratio_without_tilt_any_share_is_eq_1_in_compute(log_a, b, share):
    of = GIVEN | {"log_a": log_a, "b": b, "share": share, "tilt": 0.0}
    np.testing.assert_allclose(params_tokens(ONE_RATIO, of), eq1(ONE_RATIO, of), rtol=1e-9)


@pytest.mark.parametrize(
    ("at", "changes"), [(OFF_RATIO, {"tilt": 0.0}), (ONE_RATIO, {"tilt": 0.4})]
)
def test_off_one_ratio_or_with_tilt_it_is_another_law(at, changes):
    """The negative control of the test above, by at least a point somewhere."""
    of = GIVEN | changes
    assert np.abs(np.asarray(params_tokens(at, of)) - eq1(at, of)).max() > 0.01


@given(LOG_A, EXPONENT, SHARE, TILT)
def test_params_tokens_by_hand(log_a, b, share, tilt):
    """``g + (1-g) exp(-A N^-alpha - B D^-beta - c)``, N and D over their geometric means.

    A is the share, B the rest of the reducible loss ``a C^-b`` in the middle of the ladder.
    """
    alpha, beta = 2 * b * math.exp(tilt), 2 * b * math.exp(-tilt)
    n = PARAMS / math.prod(PARAMS) ** 0.25
    tokens = PARAMS * RATIO
    d = tokens / math.prod(tokens) ** 0.25
    middle = math.prod(6 * PARAMS * tokens / UNIT) ** 0.25
    loss = math.exp(log_a) * middle**-b
    exponent = share * loss * n**-alpha + (1 - share) * loss * d**-beta + 0.1
    expected = 0.2 + 0.8 * np.exp(-exponent)
    of = GIVEN | {"log_a": log_a, "b": b, "share": share, "tilt": tilt}
    np.testing.assert_allclose(params_tokens(OFF_RATIO, of), expected, rtol=1e-9)


@given(EXPONENT, SHARE, TILT)
def test_more_parameters_or_more_tokens_never_hurt(b, share, tilt):
    of = GIVEN | {"b": b, "share": share, "tilt": tilt}
    steps = np.linspace(-3.0, 6.0, 30)
    middle = {"log_params": 0.0, "log_tokens": 0.0, "log_middle": 3.0}
    for name in ("log_params", "log_tokens"):
        y = np.asarray(params_tokens(middle | {name: steps}, of))
        assert (np.diff(y) >= -1e-15).all()
        assert y[-1] > y[0]


def test_a_share_of_one_is_a_law_of_parameters_alone():
    def at(share, tokens):
        return float(
            params_tokens(
                {"log_params": 0.5, "log_tokens": tokens, "log_middle": 3.0},
                GIVEN | {"share": share},
            )
        )

    assert at(1.0, -2.0) == at(1.0, 2.0)
    assert at(0.9, -2.0) < at(0.9, 2.0)


def test_tilt_moves_the_exponents_apart_and_keeps_their_product():
    """Slopes of the log reducible loss along N alone (share 1) and D alone (share 0)."""

    def exponent(name, share):
        middle = {"log_params": 0.0, "log_tokens": 0.0, "log_middle": 3.0}
        of = GIVEN | {"share": share, "c": 0.0, "g": 0.0}
        near, far = (params_tokens(middle | {name: u}, of) for u in (0.0, 1.0))
        return math.log(math.log(near) / math.log(far))

    alpha, beta = exponent("log_params", 1.0), exponent("log_tokens", 0.0)
    assert alpha == pytest.approx(2 * 0.3 * math.exp(0.4))
    assert beta == pytest.approx(2 * 0.3 * math.exp(-0.4))


def test_logistic_by_hand():
    u = OFF_RATIO["log_compute"]
    reached = 1 / (1 + np.exp(0.4 - 0.7 * (u - u.mean())))
    expected = 0.2 + 0.8 * math.exp(-0.1) * reached
    np.testing.assert_allclose(LAWS["logistic"].mean(OFF_RATIO, LOGISTIC), expected, rtol=1e-12)


def test_logistic_ends_at_its_floor_and_its_ceiling():
    ends = {"log_compute": np.array([-1e3, 1e3]), "log_middle": 0.0}
    found = LAWS["logistic"].mean(ends, LOGISTIC)
    np.testing.assert_allclose(found, [0.2, 0.2 + 0.8 * math.exp(-0.1)], rtol=1e-12)


def broken(x, **changes):
    """Broken power law at compute ``x`` over the smallest LLM's."""
    at = {"log_compute": 5.0 + np.log(x), "log_low": 5.0}
    return np.asarray(LAWS["broken-power-law"].mean(at, BROKEN | changes))


def test_broken_power_law_by_hand():
    x, d, f = np.array([1.0, 5.0, math.exp(3.0), 400.0]), math.exp(3.0), 0.5
    turn = (1 + (x / d) ** (1 / f)) / (1 + d ** (-1 / f))
    error = 0.1 + 0.9 * 0.8 * x**-0.05 * turn ** (-0.3 * f)
    np.testing.assert_allclose(broken(x), 1 - error, rtol=1e-12)


def test_smallest_llm_has_the_error_that_the_sites_say():
    assert broken(1.0) == pytest.approx(1 - 0.1 - 0.9 * 0.8, rel=1e-12)
    assert broken(1.0, log_break=-2.0) == pytest.approx(1 - 0.1 - 0.9 * 0.8, rel=1e-12)


def test_far_from_the_break_the_exponents_are_those_of_both_sides():
    def exponent(low, high):
        near, far = 1 - broken(np.array([low, high]), limit=0.0, log_break=20.0)
        return math.log(near / far) / math.log(high / low)

    assert exponent(1.0, 10.0) == pytest.approx(0.05, abs=1e-6)
    assert exponent(math.exp(40.0), math.exp(45.0)) == pytest.approx(0.35, abs=1e-6)


@pytest.mark.parametrize("sharpness", [1e-3, 0.05, 1.0])
def test_broken_power_law_is_continuous_at_its_break(sharpness):
    """However sharp the turn: over a step of 2e-6 the score moves by the steeper slope at most."""
    at = math.exp(3.0) * np.exp(np.array([-1e-6, 0.0, 1e-6]))
    steps = np.abs(np.diff(broken(at, sharpness=sharpness)))
    assert (steps < 0.35 * 1e-6).all()
    assert (steps > 0).all()


def test_without_a_break_it_is_a_power_law_whatever_the_break():
    x = np.geomspace(1.0, 1e3, 5)
    for log_break in (-3.0, 2.0, 9.0):
        found = broken(x, b_break=0.0, log_break=log_break)
        np.testing.assert_allclose(found, 1 - 0.1 - 0.9 * 0.8 * x**-0.05, rtol=1e-12)


def test_broken_power_law_goes_to_one_minus_its_limit_or_is_cut_off():
    assert broken(1e300) == pytest.approx(0.9)
    # An error that grows beyond one is no score: the law alone would say less than zero.
    assert broken(1e300, b=0.0, b_break=-1.0) == 0.0


@pytest.mark.parametrize("law", LAWS)
@given(st.data())
def test_every_law_stays_within_zero_and_one(law, data):
    of = data.draw(in_words(LAWS[law].sites))
    far = {name: np.asarray(value) + 0.0 for name, value in OFF_RATIO.items()}
    for at in (ONE_RATIO, OFF_RATIO, further(far, -30.0), further(far, 30.0)):
        y = np.asarray(LAWS[law].mean(at, of))
        assert y.shape == (4,)
        assert ((y >= 0) & (y <= 1)).all()


@pytest.mark.parametrize("law", LAWS)
def test_law_reads_its_sites_and_covariates_and_nothing_else(law):
    """It runs on these alone, and each of them matters."""
    own = LAWS[law]
    of = {name: TYPICAL.get(law, GIVEN)[name] for name in own.sites}
    at = {name: OFF_RATIO[name] for name in (*own.covariates, "log_low", "log_middle")}
    plain = np.asarray(own.mean(at, of))
    for name in own.sites:
        assert (np.asarray(own.mean(at, of | {name: of[name] + 0.05})) != plain).any(), name
    for name in own.covariates:
        assert (np.asarray(own.mean(at | {name: at[name] + 0.5}, of)) != plain).any(), name


@pytest.mark.parametrize("law", LAWS)
def test_draws_broadcast_against_compute(law):
    own = LAWS[law]
    rng = np.random.default_rng(0)
    of = {name: rng.uniform(*RANGES[name], 5) for name in own.sites}
    column = {name: np.reshape(v, (-1, 1)) if np.ndim(v) else v for name, v in OFF_RATIO.items()}
    together = np.asarray(own.mean(column, of))
    assert together.shape == (4, 5)
    for i in range(5):
        alone = own.mean(OFF_RATIO, {name: value[i] for name, value in of.items()})
        np.testing.assert_allclose(together[:, i], alone, rtol=1e-12)


def test_further_adds_compute_and_keeps_the_ratio_of_tokens_to_parameters():
    step = np.array([-1.0, 0.0, 0.5, 3.0])
    found = further(OFF_RATIO, step)
    np.testing.assert_allclose(found["log_compute"], OFF_RATIO["log_compute"] + step)
    gained = {name: found[name] - OFF_RATIO[name] for name in ("log_params", "log_tokens")}
    np.testing.assert_allclose(gained["log_params"] + gained["log_tokens"], step)
    np.testing.assert_allclose(gained["log_params"], gained["log_tokens"])
    assert (found["log_low"], found["log_middle"]) == (
        OFF_RATIO["log_low"],
        OFF_RATIO["log_middle"],
    )


def test_further_broadcasts_draws_and_leaves_other_entries_alone():
    column = {"log_compute": np.zeros((3, 1)), "pass_rate": np.full(2, 0.5)}
    found = further(column, np.ones((3, 7)))
    assert found["log_compute"].shape == (3, 7)
    assert found["pass_rate"] is column["pass_rate"]
    assert found.keys() == column.keys()


def test_so_much_further_on_one_ratio_is_the_larger_llm_of_the_ladder():
    step = math.log(PARAMS[3] ** 2 / PARAMS[0] ** 2)
    smallest = {name: np.asarray(v).flat[0] for name, v in ONE_RATIO.items()}
    smallest |= {"log_middle": ONE_RATIO["log_middle"]}
    for law in ("eq1", "params-tokens"):
        moved = LAWS[law].mean(further(smallest, step), GIVEN)
        assert float(moved) == pytest.approx(float(LAWS[law].mean(ONE_RATIO, GIVEN)[3]), rel=1e-9)
