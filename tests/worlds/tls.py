"""Redis as hosts give it: behind TLS, with a certificate that nobody signed."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme

from tests.services import Redis


@contextmanager
def redis_behind_tls(folder: Path) -> Iterator[str]:
    """rediss://… without any parameter."""
    certificate = folder / "host.pem"
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    redis = Redis().start()
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, args=(listener, context, redis.port), daemon=True).start()
    try:
        yield f"rediss://127.0.0.1:{listener.getsockname()[1]}/0"
    finally:
        listener.close()
        redis.stop()


def accept(listener: socket.socket, context: ssl.SSLContext, port: int) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=relay, args=(plain, context, port), daemon=True).start()


def relay(plain: socket.socket, context: ssl.SSLContext, port: int) -> None:
    try:
        outside = context.wrap_socket(plain, server_side=True)
    except OSError:
        plain.close()
        return
    inside = socket.create_connection(("127.0.0.1", port))
    threading.Thread(target=copy, args=(inside, outside), daemon=True).start()
    copy(outside, inside)


def copy(one: socket.socket, other: socket.socket) -> None:
    try:
        while data := one.recv(65536):
            other.sendall(data)
    except OSError:
        pass
    for each in (one, other):
        each.close()
