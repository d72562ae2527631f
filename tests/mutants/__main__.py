"""Mutation testing: `python -m tests.mutants [--seed N] [--each N|--all] [--room NAME] [--known]`.

Each mutant is a module of a room that carries guarantees with one change of its syntax tree, loaded
from memory in a fork of this process that has everything else imported already; the room's tests run
there until the first fails. A mutant that takes far longer than they take is killed, too. A sample,
the same for the same seed, is taken of each module. The runner is its own because those there are
have no such sample, work on a copy of the tree, and start each mutant from nothing, which costs more
than most of these tests.
"""

import argparse
import random
import sys
import time
from collections import Counter

from tests.breaking import Limit, in_children, preload, run_tests, source_of
from tests.mutants.known import KNOWN
from tests.mutants.lives import LIVES
from tests.mutants.operators import Mutant, mutants
from tests.mutants.rooms import ROOMS

GOAL = 90
# Another sample each day.
DAY = 86_400


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Broken code.")
    parser.add_argument("--seed", type=int, default=int(time.time()) // DAY)
    parser.add_argument("--each", type=int, default=10, help="so many mutants of each module")
    parser.add_argument("--all", action="store_true", help="all mutants, which takes hours")
    parser.add_argument("--room", default="", help="only modules whose name has this in it")
    parser.add_argument("--named", default="", help="all whose line has this in it, no sample")
    parser.add_argument("--known", action="store_true", help="only those that once survived")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    preload()
    alive = known() if options.known or not (options.room or options.named) else 0
    if options.known:
        return 1 if alive else 0
    print(f"seed {options.seed}", flush=True)
    each = 10**6 if options.all or options.named else options.each
    chosen = [
        mutant
        for mutant in sample(options.seed, each, options.room)
        if options.named in f"{mutant.name} in {mutant.where}"
    ]
    return 1 if alive + play(chosen, options.jobs) else 0


def known() -> int:
    """How many of those that once survived do so again."""
    alive = 0
    tasks = [({one.module: one.broken}, run_tests(test), Limit(300)) for one, test in KNOWN]
    for number, status, said, *_ in in_children(tasks):
        breaking, test = KNOWN[number]
        alive += status != 1
        print(f"{'killed' if status == 1 else 'SURVIVED'}: {breaking.what}, by {test}", flush=True)
        if status not in (0, 1):
            print(said[-1000:])
    return alive


def sample(seed: int, each: int, room: str) -> list[Mutant]:
    rng = random.Random(seed)
    chosen: list[Mutant] = []
    for module in ROOMS:
        if room not in module:
            continue
        found = list(mutants(module, source_of(module).read_text()))
        chosen += rng.sample(found, min(each, len(found)))
    return chosen


def play(chosen: list[Mutant], jobs: int) -> int:
    """1 if fewer are killed than the goal, else 0. Prints each survivor and the score."""
    rooms = list(dict.fromkeys(ROOMS[mutant.module] for mutant in chosen))
    limits: dict[tuple[str, ...], Limit] = {}
    whole = [({}, run_tests(*room), Limit(3600)) for room in rooms]
    for number, status, said, seconds, processor in in_children(whole, jobs):
        if status:
            print(f"{' '.join(rooms[number])} fail without any mutant:\n{said[-2000:]}")
            return 1
        limits[rooms[number]] = Limit(60 + 10 * seconds, 10 + 3 * processor)
    killed: Counter[str] = Counter()
    count: Counter[str] = Counter()
    tasks = [
        ({one.module: one.tree}, run_tests(*ROOMS[one.module]), limits[ROOMS[one.module]])
        for one in chosen
    ]
    for n, ended in enumerate(in_children(tasks, jobs), 1):
        mutant, lives = chosen[ended.number], ended.status == 0
        print(
            f"{n} of {len(chosen)}, {ended.processor:.0f} s: {mutant.name}",
            file=sys.stderr,
            flush=True,
        )
        if lives and (reason := LIVES.get(mutant.key)):
            print(f"may live: {mutant.name}: {reason}", flush=True)
            continue
        count[mutant.module] += 1
        killed[mutant.module] += not lives
        if lives:
            print(f"SURVIVED: {mutant.name} in {mutant.where}", flush=True)
    for module, those in count.items():
        print(f"{killed[module]:>4} of {those:>3}  {module}")
    share = 100 * killed.total() / max(1, count.total())
    print(f"{killed.total()} of {count.total()} mutants killed, {share:.0f} %; goal {GOAL} %")
    return 1 if share < GOAL else 0


if __name__ == "__main__":
    sys.exit(main())
