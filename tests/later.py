"""What a second look shows, a few minutes after the first."""

from integrations.acuity.source.throttle import shared_throttle
from integrations.models import ImportRun
from tests.conftest import prove_again
from tests.worlds.helpers import minutes_later


def prove_later(run: ImportRun) -> None:
    """Proves the finished run once more, five minutes on: what is gone is looked for twice."""
    with minutes_later():
        # The budget goes by a clock that stands elsewhere before and after.
        shared_throttle.cache_clear()
        prove_again(run)
    shared_throttle.cache_clear()
    run.refresh_from_db()
