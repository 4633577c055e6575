"""Money as integers in minor units with a currency; never a float."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from .errors import N_, Invalid

# ISO 4217 currencies without minor units, as Stripe lists them; ISK and UGX too, in which Stripe takes no fractions
# (it writes both with two digits that are always 00: the adapter's business).
ZERO_DECIMAL = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF".split(" ")  # noqa: SIM905 - reads as the list
)


def exponent(currency: str) -> int:
    """How many digits the minor unit of *currency* has (2, or 0 for yen and its like)."""
    return 0 if currency.upper() in ZERO_DECIMAL else 2


def to_decimal(amount: int, currency: str) -> Decimal:
    """*amount* in minor units as a decimal in major units."""
    return Decimal(amount).scaleb(-exponent(currency))


def parse_amount(text: str, currency: str, *, field: str = "price") -> int:
    """Read a typed amount in major units ("199", "199.00") into minor units.

    Raises:
        Invalid: when it is not a number, negative, or has more digits than the currency.
    """
    try:
        value = Decimal(text.strip().replace(",", "")).scaleb(exponent(currency))
    except InvalidOperation:
        raise Invalid(N_("Write the amount as a number, such as 199.00."), field=field) from None
    if not value.is_finite() or value < 0 or value != value.to_integral_value() or value > 10**13:
        raise Invalid(N_("Write the amount as a number, such as 199.00."), field=field)
    return int(value)
