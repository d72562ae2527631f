"""What a second look shows, a few minutes after the first."""

from integrations.acuity.runs import control, window
from integrations.models import ImportRun
from tests.worlds.helpers import minutes_later


def prove_later(run: ImportRun) -> None:
    """Proves the finished run once more, five minutes on: what is gone is looked for twice."""
    with minutes_later():
        control.verify(run, send=False)
        while step := control.current_step(run.pk):
            window.run_window(str(run.pk), step.resource, step.version)
        control.finish(run.pk)
    run.refresh_from_db()
