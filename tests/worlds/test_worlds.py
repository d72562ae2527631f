"""A few random worlds, the same ones each time. `python -m tests.worlds` plays more."""

import pytest

from tests.worlds.scenarios import play, scenario

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
AT_ONCE = 4


@pytest.mark.parametrize("first", range(1, 17, AT_ONCE))
def test_nothing_false_is_said_of_random_worlds(first: int) -> None:
    false = [
        f"seed {seed} [{', '.join(story.kinds) or 'honest'}] {verdict}"
        for seed in range(first, first + AT_ONCE)
        for story in [scenario(seed)]
        for verdict in play(story).verdicts
    ]

    assert not false, f"{len(false)} false:\n" + "\n".join(false)
