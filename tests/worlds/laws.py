"""Each law of evidence, broken by one line: `python -m tests.worlds.laws [--law N …] [--worlds 8]`.

Prints the law, what was broken, and the scenario or the world that fails for it; a law whose breaking
nothing notices is not guarded. The code is broken in memory, in a process of its own.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from typing import NamedTuple

from tests.breaking import Breaking, Code, Limit, Work, in_children, preload, run_tests

RESOURCES = "integrations.acuity.resources"
TABLE = "tests/worlds/test_table.py::test_"
AGAIN = "tests/runs/test_prove_again.py::test_"
SECONDS = 600


class Law(NamedTuple):
    number: int
    text: str
    breaking: Breaking
    # What is to fail; without one, a random world.
    scenario: str = ""


LAWS = [
    Law(
        1,
        "An answer counts only if it obeys its question",
        Breaking(
            "what an answer disobeys is not remembered",
            "integrations.acuity.source.checks",
            "        self.ignored |= disobeyed\n",
            "        disobeyed.clear()\n",
        ),
        "tests/source/test_paging.py::test_one_lie_loses_nothing[0-direction: by ID]",
    ),
    Law(
        2,
        "The proof doesn't ask as the walk asked",
        Breaking(
            "the proof asks no differently cut question",
            f"{RESOURCES}.appointments.cuts",
            "        if wanted and {*question.by}.isdisjoint(cursor.asking.ignored):\n",
            "        if not every:\n",
        ),
        f"{TABLE}answers_in_another_order_are_imported_whole[67-ById]",
    ),
    Law(
        3,
        "A booking that answers by its ID but is in no listing proves that the listing is incomplete",
        Breaking(
            "what answers by its ID is taken as listed",
            f"{RESOURCES}.appointments.said",
            "    if hidden:\n",
            "    if not hidden:\n",
        ),
        f"{TABLE}a_share_of_the_bookings_that_no_listing_shows_is_named[40-0.5]",
    ),
    Law(
        4,
        "Gone needs two witnesses, and much is gone only when a person says so",
        Breaking(
            "however many bookings vanish, they are gone",
            f"{RESOURCES}.appointments.check",
            "    if len(denied) > most and not context.scope.accept_removals:\n",
            "    if len(denied) > most and not context.scope:\n",
        ),
        f"{TABLE}many_bookings_that_vanish_at_once_are_a_gap_and_stay[60-21]",
    ),
    Law(
        5,
        "No tick where the numbers differ, in either direction",
        Breaking(
            "more stored than listed is no gap",
            f"{RESOURCES}.appointments.said",
            "        if extra > 0 and not refused and not cursor.pending:\n",
            "        if extra > stored:\n",
        ),
        "tests/proof/test_statement.py::test_a_month_is_a_gap_where_the_numbers_differ",
    ),
    Law(
        6,
        "Bounds bind the question, not the truth",
        Breaking(
            "what left the window is not stored where it is now",
            f"{RESOURCES}.appointments",
            "save.save_appointments(context, found.save, anywhere=True, anew=True)",
            "save.save_appointments(context, found.save, anew=True)",
        ),
        "tests/proof/test_statement.py"
        "::test_a_booking_that_left_the_days_of_an_import_is_stored_where_it_moved",
    ),
    Law(
        7,
        "Payments are proven list by list",
        Breaking(
            "where all lists are wanted, none is read anew",
            f"{RESOURCES}.payments.save",
            '    if scope.choices.get("payments") == "all":\n',
            '    if scope.choices.get("payments") == "":\n',
        ),
        f"{TABLE}a_corrected_payment_is_read_again_where_all_are_wanted[1-paid]",
    ),
    Law(
        8,
        "The client list has an end, too",
        Breaking(
            "what a search shows beside the list is not looked at",
            f"{RESOURCES}.clients.people",
            "    return found - listed\n",
            "    return found - found\n",
        ),
        f"{TABLE}a_client_list_that_stays_cut_unlists_nobody_and_is_a_gap[40-10]",
    ),
    Law(
        9,
        "Who answers is checked",
        Breaking(
            "another account at the same credentials is believed",
            f"{RESOURCES}.account",
            "    if account.source_id and facts.id != account.source_id:\n",
            "    if account.source_id and not facts.id:\n",
        ),
        f"{TABLE}another_account_at_the_same_credentials_stops_the_run_and_asks",
    ),
    Law(
        10,
        "Rows belong to an account",
        Breaking(
            "the proof compares everybody's bookings",
            f"{RESOURCES}.scope",
            ", source_account=self.account",
            "",
        ),
        f"{TABLE}what_one_account_lost_is_gone_from_that_one_alone",
    ),
    Law(
        11,
        "One record's fault stays one record's",
        Breaking(
            "a refused list of payments ends the run",
            f"{RESOURCES}.payments.save",
            "        if isinstance(rows, AcuityError):\n",
            "        if isinstance(rows, AcuityError):\n            raise rows\n",
        ),
        "tests/reading/test_tolerance.py"
        "::test_one_forbidden_record_is_set_aside_until_the_next_import[refusal0]",
    ),
    Law(
        12,
        "The proof never harms the proof",
        Breaking(
            "a proof that breaks off takes the last one with it",
            "integrations.acuity.runs.control",
            "    if not is_proven_again(run):\n        return transition(run_id, to",
            "    if is_proven_again(run):\n        return transition(run_id, to",
        ),
        f"{AGAIN}broken_off_it_leaves_the_statement_standing[cancel]",
    ),
]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.worlds.laws", description="Broken laws.")
    parser.add_argument("--law", type=int, nargs="*", metavar="N", help="only these")
    parser.add_argument("--worlds", type=int, default=8, help="where no scenario is named")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    preload()
    chosen = [law for law in LAWS if not options.law or law.number in options.law]
    works = [run_tests(law.scenario) if law.scenario else play(options.worlds) for law in chosen]
    broken = [
        ({law.breaking.module: law.breaking.broken}, work, Limit(SECONDS))
        for law, work in zip(chosen, works, strict=True)
    ]
    tasks: list[tuple[Code, Work, Limit]] = [
        *broken,
        *(({}, work, Limit(SECONDS)) for work in works),
    ]
    found = {ended.number: failures(ended.said) for ended in in_children(tasks, options.jobs)}
    unguarded = 0
    for n, law in enumerate(chosen):
        # What fails anyway shows nothing.
        by = [line for line in found[n] if line not in found[n + len(chosen)]]
        unguarded += not by
        print(f"Law {law.number}: {law.text}\n  broken: {law.breaking.what}")
        print(f"  {'fails: ' + by[0] if by else 'NOTHING NOTICES'}")
    print(f"{len(chosen) - unguarded} of {len(chosen)} laws are guarded")
    return 1 if unguarded else 0


def failures(said: str) -> list[str]:
    """The scenarios and worlds that failed, as they were printed."""
    marks = ("FAILED ", "world ")
    lines = [line for line in said.splitlines() if line.startswith(marks)]
    return [line.removeprefix("FAILED ").split(" - ")[0] for line in lines]


def play(worlds: int) -> Callable[[], int]:
    """For `in_children`: worlds in one database. Prints the seed and the verdict of those that fail."""

    def work() -> int:
        from tests.worlds.__main__ import prepare

        with tempfile.TemporaryDirectory(prefix="worlds-") as folder:
            prepare("sqlite", folder)
            from tests.worlds.scenarios import play, scenario

            failed = 0
            for seed in range(1, worlds + 1):
                if verdicts := play(scenario(seed)).verdicts:
                    failed += 1
                    print(f"world {seed}: {verdicts[0].kind}")
        return failed and 1

    return work


if __name__ == "__main__":
    sys.exit(main())
