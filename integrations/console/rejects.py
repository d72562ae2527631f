"""What does the page of a rejected record show? What came, the field that was refused, and a button."""

import json
from collections.abc import Iterator
from typing import Any

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _

from integrations.console.sentences import said
from integrations.models import RejectedRecord

# Between the reasons of one record.
BETWEEN = "; "


def payload(record: RejectedRecord) -> str:
    """A row a field, those that were refused marked, with the reason beside them."""
    found = record.payload if isinstance(record.payload, list) else [record.payload]
    faults = record.reason.split(BETWEEN)
    rows = format_html_join(
        "",
        '<tr{}><th scope="row">{}</th><td>{}</td><td>{}</td></tr>',
        (row for one in found for row in _rows(one, faults)),
    )
    return format_html(
        '<div class="console inset"><div class="scroll" tabindex="0" role="region" aria-label="{}">'
        "<table><thead><tr><th>{}</th><th>{}</th><th>{}</th></tr></thead><tbody>{}</tbody></table>"
        "</div></div>",
        _("What came"),
        _("Field"),
        _("Value"),
        _("Refused because"),
        rows,
    )


def _rows(one: Any, faults: list[str]) -> Iterator[tuple[str, ...]]:
    for name, value in (one if isinstance(one, dict) else {"": one}).items():
        refused = [fault for fault in faults if name and fault.startswith(f"{name} ")]
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        why = BETWEEN.join(said(fault) for fault in refused)
        mark = format_html(' class="{}"', "refused") if refused else ""
        yield mark, name, format_html("<mark>{}</mark>", text) if refused else text, why


def again(record: RejectedRecord) -> str:
    """The button that has it tried once more, or why there is none."""
    if record.resolved_at:
        return _("settled")
    if record.retry_due:
        return _("being tried again")
    return format_html(
        '<span class="console inset"><button type="submit" formaction="{}" formnovalidate>{}</button></span>',
        reverse("admin:acuity_retry_one", args=[record.pk]),
        _("Retry this one"),
    )
