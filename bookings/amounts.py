"""How is an amount of money written? With two decimals, or three in the currencies that have them."""

from decimal import Decimal

CENT, LEAST = Decimal("0.01"), Decimal("0.001")


def shortest(amount: Decimal) -> Decimal:
    """With two decimals, or three if it has them: `50.00`, `12.505`."""
    exact = amount.quantize(LEAST)
    return cent if (cent := exact.quantize(CENT)) == exact else exact


def places(amount: Decimal) -> int:
    """How many decimals `shortest` gives it: 2 or 3."""
    return 2 if shortest(amount) == amount.quantize(CENT) else 3
