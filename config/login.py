"""Who knocks at the log-in, and what do they see after too many wrong passwords?"""

import ipaddress
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

# So many wrong passwords lock an address for every name: one password for many names is a guess, too.
OF_ADDRESS = 25
# What one caller may choose freely of an IPv6 address is its last half.
NETWORK = 64


def address(request: HttpRequest) -> str | None:
    """The caller's own address: behind a proxy the one that the proxy saw, which nobody can forge.

    Of IPv6 the network's; None where it is no address, as through a socket of the file system.
    """
    seen = str(request.META.get("REMOTE_ADDR", ""))
    if settings.BEHIND_TLS_PROXY and (passed := request.headers.get("X-Forwarded-For")):
        seen = passed.rsplit(",", 1)[-1]
    # Some proxies add the port.
    host = seen.strip().removeprefix("[").partition("]")[0].partition("%")[0]
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address):
        if not ip.ipv4_mapped:
            return str(ipaddress.ip_network((ip, NETWORK), strict=False).network_address)
        ip = ip.ipv4_mapped
    return str(ip)


class Handler(AxesDatabaseHandler):
    """Counts the wrong passwords of a name from an address, and those of the address for any name."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """As AXES_FAILURE_LIMIT counts them: reached where either has too many."""
        since = get_cool_off_threshold(request)
        tried = AccessAttempt.objects.filter(
            ip_address=request.axes_ip_address,  # type: ignore[attr-defined]
            attempt_time__gte=since,
        ).aggregate(n=Sum("failures_since_start", default=0))["n"]
        by_address: int = tried * settings.AXES_FAILURE_LIMIT // OF_ADDRESS
        of_name: int = super().get_failures(request, credentials)
        return max(by_address, of_name)


def locked_out(request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    return render(request, "locked_out.html", {"minutes": minutes}, status=429)
