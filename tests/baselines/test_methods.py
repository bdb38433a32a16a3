"""The methods of a backtest and the specs behind them."""

import pytest

from bayescod.baselines.methods import METHODS, method_of
from bayescod.errors import UnknownNameError
from bayescod.forecasting.spec_sets import specs_of


def test_default_comes_first():
    assert next(iter(METHODS)) == "default"


@pytest.mark.parametrize("name", METHODS)
def test_method_has_a_spec_that_can_be_used_or_a_closed_form(name):
    method = METHODS[name]
    assert (method.spec == "") == (method.closed_form is not None)
    if method.spec:
        specs = specs_of(method.spec)
        assert (specs.cod is not None) == (method.cod_only or method.spec == "auto")


def test_methods_are_named_after_their_specs():
    others = {"default", "cod-no-anchor", "end-to-end-accuracy"}
    assert all(m.spec in (name, "") for name, m in METHODS.items() if name not in others)


def test_unknown_method_lists_near_names():
    with pytest.raises(UnknownNameError, match=r"unknown method 'logistics'.*logistic"):
        method_of("logistics")
