"""Who knocks at the log-in, and what do they see after too many wrong passwords?"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def address(request: HttpRequest) -> str:
    """The caller's own address: behind a proxy the one that the proxy saw, which nobody can forge."""
    if settings.BEHIND_TLS_PROXY and (seen := request.headers.get("X-Forwarded-For")):
        return seen.rsplit(",", 1)[-1].strip()
    return str(request.META.get("REMOTE_ADDR", ""))


def locked_out(request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    return render(request, "locked_out.html", {"minutes": minutes}, status=429)
