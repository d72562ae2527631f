"""Who works on a step? A lease says so, and ends by itself when its process has died."""

import os
import secrets
import socket
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Q, When
from django.utils import timezone

from integrations.acuity.runs.states import S, transition
from integrations.models import ImportStep

LEASE = timedelta(seconds=60)


def claim(step: ImportStep, expected: int) -> str:
    """A lease on the step at version `expected`, or "" if somebody else has it or it moved on."""
    now, token = timezone.now(), secrets.token_hex(8)
    free = Q(lease_token="") | Q(lease_until__lt=now) | Q(lease_until=None)
    due = Q(not_before=None) | Q(not_before__lte=now)
    with transaction.atomic():
        taken = (
            ImportStep.objects.filter(free, due, pk=step.pk, version=expected)
            .exclude(status="done")
            .update(
                status="running",
                lease_token=token,
                lease_owner=_owner(),
                lease_until=now + LEASE,
                heartbeat_at=now,
                not_before=None,
                attempts=F("attempts") + 1,
                # A lease that nobody gave back means that its process died.
                deaths=Case(When(lease_token="", then=F("deaths")), default=F("deaths") + 1),
            )
        )
        if taken:
            to = S.VERIFYING if step.resource == "verify" else S.RUNNING
            began: dict[str, Any] = {} if to == S.VERIFYING else {"started_at": now}
            if step.run.status != to:
                transition(step.run_id, to, **began)
    return token if taken else ""


def renew(step_id: int, token: str) -> bool:
    now = timezone.now()
    return bool(
        ImportStep.objects.filter(pk=step_id, lease_token=token).update(
            lease_until=now + LEASE, heartbeat_at=now
        )
    )


def excuse(step_id: int) -> None:
    """The database was away, and whoever took the step since has counted a death that was none."""
    ImportStep.objects.filter(pk=step_id, deaths__gt=0).update(deaths=F("deaths") - 1)


def release(step_id: int, token: str, **fields: Any) -> None:
    ImportStep.objects.filter(pk=step_id, lease_token=token).update(
        lease_token="", lease_until=None, **fields
    )


def _owner() -> str:
    return f"{socket.gethostname()}/{os.getpid()}"


def owner_is_dead(owner: str) -> bool:
    """True only if the lease's process ran on this machine and is no longer there."""
    host, _, pid = owner.rpartition("/")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
