"""How far is a step, in words and as a share? Three honest forms: total known, exceeded, unknown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from integrations.acuity.steps import STEPS
from integrations.models import ImportStep

# A pace that was measured for less says nothing.
MEASURED_MS = 500


@dataclass(frozen=True)
class Progress:
    """`percent` is None where no total is known."""

    title: str
    status: str
    text: str
    percent: int | None
    rate: str = ""
    left: str = ""
    counts: str = ""


def seconds_left(steps: Sequence[ImportStep], earlier: Mapping[str, int]) -> float | None:
    """How long the whole run has still to work, in seconds; None where nothing tells.

    `earlier` is how long each step took in the account's last finished run, in milliseconds: all
    that is known of a step that has not begun.
    """
    left = 0.0
    for step in steps:
        if step.status == "done":
            continue
        known = _seconds_left(step) if step.status == "running" else None
        if known is None and step.resource in earlier:
            known = max(0, earlier[step.resource] - step.active_ms) / 1000
        if known is None:
            return None
        left += known
    return left


def _seconds_left(step: ImportStep) -> float | None:
    """By the pace so far, once there is one to speak of."""
    if not step.total or not step.offset or step.active_ms < MEASURED_MS:
        return None
    return max(0, step.total - step.offset) * step.active_ms / step.offset / 1000


def of(step: ImportStep) -> Progress:
    known = STEPS.get(step.resource)
    title = known.title if known else step.resource
    if step.status == "pending":
        return Progress(title, "pending", "not begun", 0)
    seconds = step.active_ms / 1000
    per_second = step.offset / seconds if step.active_ms > MEASURED_MS and step.offset else 0.0
    counts = ", ".join(
        f"{value:,} {name}"
        for name in ("created", "updated", "restated", "unchanged", "rejected")
        if (value := getattr(step, name))
    )
    if step.status == "done":
        text = f"{step.offset:,}" if step.offset else "done"
        return Progress(title, "done", text, 100, _rate(per_second), "", counts)
    text, percent, left = _form(step, per_second)
    return Progress(title, "running", text, percent, _rate(per_second), left, counts)


def _form(step: ImportStep, per_second: float) -> tuple[str, int | None, str]:
    if not step.total:
        return f"{step.offset:,}", None, ""
    if step.offset > step.total:
        return f"{step.offset:,} (expected {step.total:,})", 99, ""
    percent = min(99, step.offset * 100 // step.total)
    left = (step.total - step.offset) / per_second if per_second else 0
    return f"{step.offset:,} of {step.total:,}", percent, duration(left) if left else ""


def _rate(per_second: float) -> str:
    if not per_second:
        return ""
    return f"{per_second:,.0f}/s" if per_second >= 10 else f"{per_second:.1f}/s"


def duration(seconds: float) -> str:
    """Rounded as people say it: `40 s`, `6 min`, `2 h 10 min`."""
    whole = max(1, round(seconds))
    if whole < 90:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
