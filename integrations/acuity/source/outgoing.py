"""How does a request leave this machine? By the address it is told to, and to one that was looked at.

A name may resolve otherwise the second time it is asked for. So it is resolved at each connect, and
the connection goes to the address that was looked at. Loaded by the first request: the library takes long.
"""

from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError, NewConnectionError

from integrations.acuity.source.addresses import resolve


class _Public:
    """A connection that goes to an address which was looked at."""

    _dns_host: str
    host: str
    port: int

    def _new_conn(self) -> Any:
        name = self._dns_host
        try:
            found = resolve(name, self.port)
        except (OSError, UnicodeError) as error:
            raise NameResolutionError(self.host, self, error) from error  # type: ignore[arg-type]
        try:
            for last, self._dns_host in enumerate(found, 1):
                try:
                    return super()._new_conn()  # type: ignore[misc]
                except NewConnectionError:
                    if last == len(found):
                        raise
        finally:
            # The certificate is the name's.
            self._dns_host = name


class _Http(_Public, HTTPConnection):
    pass


class _Https(_Public, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class Outgoing(HTTPAdapter):
    """Goes out by `egress`, one of this machine's addresses; "" leaves that to the machine."""

    def __init__(self, egress: str = "", **kwargs: Any) -> None:
        self._egress = egress
        super().__init__(**kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        if self._egress:
            kwargs["source_address"] = (self._egress, 0)
        super().init_poolmanager(*args, **kwargs)


class PublicOnly(Outgoing):
    """Connects to public addresses alone; anything else is PrivateAddress, before a byte is sent."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
