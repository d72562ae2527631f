"""What must be true of the run's tables at every moment, even just after a crash?"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

Execute = Callable[[str], list[tuple[Any, ...]]]

PAGES = """
SELECT s.resource, s.version, s."offset", s.created, s.updated, s.restated, s.unchanged, s.rejected,
 COUNT(p.id), COALESCE(SUM(p."count"), 0), COALESCE(SUM(p.created), 0), COALESCE(SUM(p.updated), 0),
 COALESCE(SUM(p.restated), 0), COALESCE(SUM(p.unchanged), 0), COALESCE(SUM(p.rejected), 0)
 FROM integrations_importstep s
 LEFT JOIN integrations_pagefetch p ON p.run_id = s.run_id AND p.resource = s.resource
 GROUP BY s.id, s.resource, s.version, s."offset", s.created, s.updated, s.restated, s.unchanged,
  s.rejected
"""
RUNS = """
SELECT r.id, r.status, COUNT(e.id),
 (SELECT COUNT(*) FROM integrations_importstep s WHERE s.run_id = r.id AND s.status <> 'done')
 FROM integrations_importrun r LEFT JOIN integrations_completionevent e ON e.run_id = r.id
 GROUP BY r.id, r.status
"""
STAGED = """
SELECT COUNT(*) FROM integrations_stagedpage g JOIN integrations_importstep s ON s.id = g.step_id
 WHERE s.status = 'done'
"""
ORDER = """
SELECT COUNT(*) FROM integrations_importstep a JOIN integrations_importstep b
 ON a.run_id = b.run_id AND a.position < b.position WHERE a.status <> 'done' AND b.version > 0
"""
PAID = """
SELECT COUNT(*) FROM bookings_appointment a WHERE a.removed_at IS NULL AND a.payments_fetched <>
 (SELECT COUNT(*) FROM bookings_payment p WHERE p.appointment_id = a.id AND p.removed_at IS NULL)
"""


def broken(execute: Execute) -> list[str]:
    """The invariants that do not hold, in words. [] is what a test wants."""
    found = []
    for resource, version, *rest in execute(PAGES):
        of_step, (pages, *of_pages) = rest[:6], rest[6:]
        # What is proven again counts its pages anew, but never its versions.
        if version != pages and not (resource == "verify" and version > pages):
            found.append(f"{resource}: checkpoint {version}, but {pages} pages were written")
        if of_step != of_pages:
            found.append(f"{resource}: the step counts {of_step}, its pages {of_pages}")
    for run, status, events, open_steps in execute(RUNS):
        over = status.startswith("completed")
        if events != int(over):
            found.append(f"run {run} is {status} and has {events} completion events")
        if over and open_steps:
            found.append(f"run {run} is {status} with {open_steps} steps to do")
    if rows := execute(STAGED)[0][0]:
        found.append(f"{rows} staged pages were left behind")
    if rows := execute(ORDER)[0][0]:
        found.append("a step began before the one in front of it was done")
    if rows := execute(PAID)[0][0]:
        found.append(f"{rows} appointments have other payments than were fetched for them")
    return found


def of_file(path: Path) -> list[str]:
    with sqlite3.connect(path) as database:
        return broken(lambda sql: database.execute(sql).fetchall())


def of_django() -> list[str]:
    from django.db import connection

    def execute(sql: str) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    return broken(execute)
