"""Small tables on an object's page, in both looks of the admin."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from bookings.amounts import places, shortest


def table(
    name: str, heads: Sequence[str], rows: Sequence[Sequence[Any]], numbers: Sequence[int]
) -> SafeString:
    """`numbers` are the columns whose cells stand to the right."""
    kind = ["n" if n in numbers else "" for n in range(len(heads))]
    head = format_html_join("", '<th class="{}">{}</th>', zip(kind, heads, strict=True))
    body = format_html_join(
        "",
        "<tr>{}</tr>",
        (
            [format_html_join("", '<td class="{}">{}</td>', zip(kind, row, strict=True))]
            for row in rows
        ),
    )
    return format_html(
        '<div class="console inset"><div class="scroll" tabindex="0" role="region" aria-label="{}">'
        "<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div></div>",
        name,
        head,
        body,
    )


def money(amount: Decimal | None, currency: str = "") -> str:
    """`1,204.50 USD`; a dash for none."""
    if amount is None:
        return "–"
    return f"{number(shortest(amount), places(amount))} {currency}".strip()


def number(value: Decimal | int, decimals: int = 0) -> str:
    """`4,111` as the reader's language writes it."""
    return number_format(value, decimals, force_grouping=True)
