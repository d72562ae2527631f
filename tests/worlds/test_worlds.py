"""A hundred random worlds, the same ones each time. `python -m tests.worlds` plays more."""

import pytest

from tests.worlds.scenarios import play, scenario

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.worlds]


def test_nothing_false_is_said_of_a_hundred_worlds() -> None:
    false = [
        f"seed {seed} [{', '.join(story.kinds) or 'honest'}] {verdict}"
        for seed in range(1, 101)
        for story in [scenario(seed)]
        for verdict in play(story).verdicts
    ]

    assert not false, f"{len(false)} false:\n" + "\n".join(false)
