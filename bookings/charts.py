"""How does a series of numbers become a small drawing? Inline SVG, no script needed."""

import math
from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

WIDTH, HEIGHT = 240, 56
# Of the labels under columns, so many have room.
MOST_LABELS = 12


def line(
    values: Sequence[float], label: str, limit: float | None = None, unit: str = ""
) -> SafeString:
    """A line of `values`, the last one written out; `limit` is a dashed rule. Nothing of none."""
    if not values:
        return mark_safe("")
    top = max([*values, limit or 0, 0.001]) * 1.1
    step = WIDTH / max(1, len(values) - 1)
    points = " ".join(
        f"{n * step:.1f},{HEIGHT - value / top * HEIGHT:.1f}" for n, value in enumerate(values)
    )
    rule = ""
    if limit:
        y = HEIGHT - limit / top * HEIGHT
        rule = f'<line x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" class="rule"/>'
    last = values[-1]
    now = f"{last:,.0f}" if last >= 10 or last == int(last) else f"{last:.1f}"
    of = _(", budget %(n)s") % {"n": f"{limit:g}"} if limit else ""
    return format_html(
        '<figure class="spark"><figcaption>{} <b>{} {}</b>{}</figcaption>'
        '<svg viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}: {} {}">'
        '{}<polyline points="{}"/></svg></figure>',
        label,
        now,
        unit,
        of,
        WIDTH,
        HEIGHT,
        label,
        now,
        unit,
        mark_safe(rule),
        points,
    )


def columns(
    series: dict[str, list[float]], labels: Sequence[str], title: str, unit: str
) -> SafeString:
    """Stacked columns over an axis, one for each label; `series` holds the parts by name."""
    totals = [sum(max(0.0, values[n]) for values in series.values()) for n in range(len(labels))]
    top, wide = _round_above(max([*totals, 0.01])), 100 / max(1, len(labels))
    parts = []
    for n, label in enumerate(labels):
        y = 100.0
        for k, (name, values) in enumerate(series.items()):
            high = max(0.0, values[n]) / top * 100
            y -= high
            parts.append(
                f'<rect x="{n * wide + wide * 0.1:.2f}" y="{y:.2f}" width="{wide * 0.8:.2f}"'
                f' height="{high:.2f}" class="part-{k % 6}"><title>{label} {name}:'
                f" {values[n]:,.2f} {unit}</title></rect>"
            )
    # Names come from payments: only their escaped text may reach the page.
    drawn = mark_safe("".join(parts)) if all(_plain(name) for name in series) else ""
    each = max(1, -(-len(labels) // MOST_LABELS))
    return format_html(
        '<div class="graph"><div class="up" aria-hidden="true">{}</div>'
        '<svg class="columns" viewBox="0 0 100 100" preserveAspectRatio="none" role="img"'
        ' aria-label="{}">{}</svg><div class="along{}" aria-hidden="true">{}</div></div>',
        format_html_join("", "<span>{}</span>", ((f"{top * k / 2:,.0f}",) for k in (2, 1, 0))),
        title,
        drawn,
        " thin" if each > 1 else "",
        format_html_join("", "<span>{}</span>", ((label,) for label in labels[::each])),
    )


def _round_above(value: float) -> float:
    """The next of 1, 2, 4, 6, 8, 10, 20, … that is not below it."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 4, 6, 8, 10) if value <= power * step * 1.000001)


def _plain(name: str) -> bool:
    return not set(name) & set("<>&\"'")
