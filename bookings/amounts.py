"""How is an amount of money written? With two decimals, or three in the currencies that have them."""

from decimal import Decimal

CENT, LEAST = Decimal("0.01"), Decimal("0.001")
# ISO 4217: those with a thousandth.
THOUSANDTHS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])


def decimals(currency: str) -> int:
    """How many places an amount in it may have: 2, or 3."""
    return 3 if currency in THOUSANDTHS else 2


def counted(amount: Decimal, places: int = 2) -> int:
    """In hundredths of the currency's unit, or in thousandths if it has 3 `places`: `5000`, `12505`."""
    return round(amount.scaleb(places))


def written(count: int, places: int = 2) -> str:
    """What was `counted`, for people: `50.00`, `1,212.505`."""
    return f"{Decimal(count).scaleb(-places):,.{places}f}"


def shortest(amount: Decimal) -> Decimal:
    """With two decimals, or three if it has them: `50.00`, `12.505`."""
    exact = amount.quantize(LEAST)
    return cent if (cent := exact.quantize(CENT)) == exact else exact


def places(amount: Decimal) -> int:
    """How many decimals `shortest` gives it: 2 or 3."""
    return 2 if shortest(amount) == amount.quantize(CENT) else 3
