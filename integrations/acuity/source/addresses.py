"""Which addresses may be asked? The network's public ones; others only where somebody allows it."""

import ipaddress
import socket
from urllib.parse import urlsplit

from integrations.acuity import errors

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
# IPv4 addresses as a translating network writes them (RFC 6052).
TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
# Of IPv6, what the internet uses. Outside stand site-local, translated and IPv4-compatible addresses.
UNICAST = ipaddress.IPv6Network("2000::/3")
# Not the internet's either, whatever an older Python says: protocols' own, relays, documentation.
RESERVED = [*map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20"))]
# An address of IPv6 whose last half is this and an IPv4 address leads to that one (ISATAP, RFC 5214).
TUNNELLED = (0x00005EFE, 0x02005EFE)


def check_base_url(url: str) -> str:
    """`url` without a trailing slash, or ConfigurationError: credentials travel only over https."""
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        right = False
    if not right:
        raise errors.ConfigurationError(
            f"ACUITY_BASE_URL is not a web address: {url!r}; use https://acuityscheduling.com/api/v1."
        )
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise errors.ConfigurationError(
            f"ACUITY_BASE_URL must use https outside this machine, not {url!r}."
        )
    if parts.username or parts.password:
        raise errors.ConfigurationError(
            "ACUITY_BASE_URL must not carry credentials; set ACUITY_USER_ID and ACUITY_API_KEY."
        )
    return url.rstrip("/")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, whichever way it is written."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo or (None, None))[1]
        if ip in TRANSLATED:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner:
            return is_public(str(inner))
        if ip not in UNICAST or int(ip) >> 32 & 0xFFFFFFFF in TUNNELLED:
            return False
    return ip.is_global and not ip.is_multicast and not any(ip in one for one in RESERVED)


def resolve(host: str, port: int | None) -> list[str]:
    """The public IP addresses of `host`. Raises PrivateAddress if one of them is not, OSError if
    it has none."""
    found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not all(map(is_public, found)):
        raise errors.PrivateAddress
    return found


def check_public(url: str) -> None:
    """Raises PrivateAddress, or ConfigurationError where the name resolves to nothing."""
    parts = urlsplit(url)
    try:
        resolve(parts.hostname or "", parts.port)
    except (OSError, UnicodeError, ValueError):
        raise errors.ConfigurationError(
            f"{parts.hostname} is not known on the network: check the spelling of the address."
        ) from None


def check_egress(address: str) -> None:
    """Raises ConfigurationError unless it is "" or an address that this machine can go out by."""
    if not address:
        return
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
        with socket.socket(family) as probe:
            probe.bind((address, 0))
    except (ValueError, OSError):
        raise errors.ConfigurationError(
            f"ACUITY_EGRESS must be an IP address of this machine, not {address!r}."
        ) from None
