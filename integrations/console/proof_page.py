"""What does a person print and keep of a run? One page that needs nothing else."""

from typing import Any

from django.template.loader import render_to_string

from bookings.amounts import written
from integrations.acuity.proof.digests import Month
from integrations.acuity.proof.file import Proof
from integrations.console.sentences import said
from integrations.models import ImportRun

SHOWN_REJECTS = 100
SHOWN_DIFFERENCES = 100
NOTHING = Month(0, 0, "")


def page(run: ImportRun, proof: Proof) -> str:
    """HTML without any address: what the proof file has, for people."""
    return render_to_string("integrations/proof.html", context(run, proof))


def context(run: ImportRun, proof: Proof) -> dict[str, Any]:
    paid = _paid(proof)
    processors = sorted({name for month in paid.values() for name in month.parts})
    rows = [_row(month, proof, processors, run) for month in _months(run, proof)]
    rejects = run.rejects.filter(resolved_at=None).order_by("resource", "pk")
    return {
        "proof": proof,
        # Of one that the business had before, the figures may be, too.
        "currency": ", ".join([proof.currency, *run.account.tenant.former_currencies]),
        "rows": rows,
        "processors": processors,
        "sums": [
            written(sum(m.parts.get(name, 0) for m in paid.values()), proof.places)
            for name in processors
        ],
        "total": written(sum(month.cents for month in paid.values()), proof.places),
        "listed": sum(source for source, _ in run.coverage.values()),
        "stored": sum(stored for _, stored in run.coverage.values()),
        "paid": sum(month.count for month in paid.values()),
        "evidence": [
            (name, "; ".join(map(said, part.get("evidence", []))))
            for name, part in proof.scope.items()
            if isinstance(part, dict)
        ],
        "rejects": rejects[:SHOWN_REJECTS],
        "differences": proof.differences[:SHOWN_DIFFERENCES],
        "digests": [
            (name, month, kept.count, kept.sha256)
            for name, months in proof.resources.items()
            for month, kept in months.items()
        ],
    }


def _paid(proof: Proof) -> dict[str, Month]:
    """By month, of what the money is told apart: payments, by processor."""
    found = (months for months in proof.resources.values() if any(m.parts for m in months.values()))
    return next(found, {})


def _months(run: ImportRun, proof: Proof) -> list[str]:
    return sorted(run.coverage.keys() | _paid(proof).keys())


def _row(month: str, proof: Proof, processors: list[str], run: ImportRun) -> dict[str, Any]:
    source, stored = run.coverage.get(month, (0, 0))
    paid = _paid(proof).get(month, NOTHING)
    return {
        "month": month,
        "listed": source,
        "stored": stored,
        "paid": paid.count,
        "cells": [written(paid.parts.get(name, 0), proof.places) for name in processors],
        "total": written(paid.cents, proof.places),
    }
