"""How is Acuity asked while a person waits for a page? Once, and never for longer than 3 seconds."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from contextlib import contextmanager
from typing import Any, TypeVar

from integrations.acuity.accounts.connection import account_client
from integrations.acuity.errors import AcuityError, ConfigurationError, TimedOut
from integrations.acuity.source.client import AcuityClient
from integrations.models import AcuityAccount

T = TypeVar("T")
SECONDS = 3.0
# So many pages of a process may wait for Acuity at once; its other threads are for other pages.
_turns = threading.BoundedSemaphore(4)
# Threads, because no time-out covers a slow name server or the wait for the request budget.
_pool = ThreadPoolExecutor(16, thread_name_prefix="acuity-brief")


class Busy(AcuityError):
    """Several pages are already waiting for Acuity: try again in a minute."""


@contextmanager
def turn() -> Iterator[None]:
    """Around whatever makes a page wait for Acuity. Raises Busy at once if several already do."""
    if not _turns.acquire(blocking=False):
        raise Busy
    try:
        yield
    finally:
        _turns.release()


def soon(work: Callable[[], T]) -> T:
    """What `work` gives, if that takes no longer than 3 seconds; else raises TimedOut."""
    return _within(_pool.submit(work), SECONDS)


def client(account: AcuityAccount) -> AcuityClient:
    """A client that tries once."""
    return account_client(account, timeout=(SECONDS, SECONDS), tries=1)


def ask(
    accounts: Sequence[AcuityAccount], path: str
) -> list[Any | AcuityError | ConfigurationError]:
    """The answer to `GET path` of each account, or why there is none, after 3 seconds at most."""
    until = time.monotonic() + SECONDS
    try:
        with turn():
            asked = [_pool.submit(_get, account, path) for account in accounts]
            return [_result(future, until) for future in asked]
    except Busy as busy:
        return [busy] * len(accounts)


def _get(account: AcuityAccount, path: str) -> Any:
    asker = client(account)
    try:
        return asker.get(path)
    finally:
        asker.close()


def _result(future: Future[Any], until: float) -> Any:
    try:
        return _within(future, max(0.0, until - time.monotonic()))
    except (AcuityError, ConfigurationError) as error:
        return error


def _within(future: Future[T], seconds: float) -> T:
    try:
        return future.result(seconds)
    except Late:
        future.cancel()
        raise TimedOut(f"after {SECONDS:g} s") from None
