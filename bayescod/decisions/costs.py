"""What training costs: parameters and tokens, accelerator-hours and money, from compute."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bayescod.errors import DataError, Problem


@dataclass(frozen=True, slots=True)
class Rates:
    """What the user says of his models and machines; ``None`` where he does not.

    Attributes
    ----------
    tokens_per_param : float or None
        Training tokens a parameter.
    flops_per_hour : float or None
        FLOP that one accelerator really does in an hour.
    price : float or None
        Money for an accelerator-hour, in the user's currency.
    """

    tokens_per_param: float | None = None
    flops_per_hour: float | None = None
    price: float | None = None

    def __post_init__(self) -> None:
        given = {
            "tokens-per-param": self.tokens_per_param,
            "flops-per-hour": self.flops_per_hour,
            "price": self.price,
        }
        problems = [
            Problem("rate", name, got=repr(value), wanted="a finite number above 0")
            for name, value in given.items()
            if value is not None and not 0.0 < value < math.inf
        ]
        if self.price is not None and self.flops_per_hour is None:
            text = "a price needs to know how long training takes"
            problems.append(Problem("rate", text, fix="give --flops-per-hour too"))
        if problems:
            raise DataError(problems)


@dataclass(frozen=True, slots=True)
class Cost:
    """One training run.

    Attributes
    ----------
    compute_flops : float
        Training compute [FLOP].
    params, tokens : float or None
        ``compute = 6 params tokens`` (Kaplan et al., arXiv 2001.08361) at the ratio given.
    accelerator_hours : float or None
    money : float or None
        In the currency of the price.
    """

    compute_flops: float
    params: float | None
    tokens: float | None
    accelerator_hours: float | None
    money: float | None


def cost_of(compute_flops: float, rates: Rates) -> Cost:
    """What a run of so much compute costs.

    Parameters
    ----------
    compute_flops : float
        Training compute [FLOP], positive.
    rates : Rates

    Returns
    -------
    Cost

    Examples
    --------
    >>> cost = cost_of(1.2e24, Rates(tokens_per_param=20.0, flops_per_hour=1.44e18, price=2.0))
    >>> cost.params, cost.tokens, cost.accelerator_hours, cost.money
    (100000000000.0, 2000000000000.0, 833333.3333333334, 1666666.6666666667)
    """
    params = tokens = hours = money = None
    if rates.tokens_per_param is not None:
        params = math.sqrt(compute_flops / (6.0 * rates.tokens_per_param))
        tokens = params * rates.tokens_per_param
    if rates.flops_per_hour is not None:
        hours = compute_flops / rates.flops_per_hour
        money = None if rates.price is None else hours * rates.price
    return Cost(compute_flops, params, tokens, hours, money)
