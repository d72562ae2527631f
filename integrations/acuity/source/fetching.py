"""How does a window ask while its lease stays alive? HTTP in threads, everything else in the task's own.

A database connection opened in such a thread would never be closed, so threads only do HTTP.
"""

import re
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from statistics import median
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from integrations.acuity.errors import AcuityError, Gone, NotFound
from integrations.acuity.source.answers import Decode
from integrations.acuity.source.client import BRIEF, AcuityClient
from integrations.conf import conf

HEARTBEAT = 5.0
# So many records in a row with the same refusal: it is the source that refuses.
REFUSED = 10
LATELY = 20
# Threads where the number of connections has no limit.
UNLIMITED = 8
_BOOKING = re.compile(r"/appointments/\d+")


class Fetcher:
    """Asks Acuity from a few threads; `heartbeat` is called meanwhile, each `every` seconds,
    and may raise to give up."""

    def __init__(
        self,
        client: AcuityClient,
        heartbeat: Callable[[], None],
        every: float = HEARTBEAT,
    ) -> None:
        self.client = client
        self._every = every
        self._heartbeat = heartbeat
        # How many of them are under way at once is the throttle's business.
        connections = int(conf.ACUITY_MAX_CONNECTIONS) or UNLIMITED
        self._pool = ThreadPoolExecutor(connections, thread_name_prefix="acuity-http")
        self._ahead: dict[tuple[Any, ...], Future[Any]] = {}
        # Set while Python is free to make sense of what was fetched ahead.
        self._free = threading.Event()
        # What was refused last, and how often since anything else came.
        self._refused: tuple[type, int | None] | None = None
        self._in_a_row = 0
        # The seconds that the answers took, until they are asked for.
        self._took: WeakKeyDictionary[Future[Any], list[float]] = WeakKeyDictionary()
        self._slowest = 0.0
        self._lately: deque[float] = deque(maxlen=LATELY)

    def get(self, path: str, decode: Decode = msgspec.json.decode, **params: Any) -> Any:
        """What `decode` makes of the answer to `GET path`, fetched ahead or now. Raises an
        `AcuityError`."""
        return self._result(self._take(path, params, decode))

    def prefetch(
        self,
        path: str,
        read: Callable[[Any], Any] | None = None,
        decode: Decode = msgspec.json.decode,
        **params: Any,
    ) -> None:
        """Start what `get` will be asked for next, and let `read` see the answer in its thread.

        It is fetched at once, but nobody makes sense of it before `parse_prefetched` or `get`.
        """
        self._free = free = threading.Event()

        def ask(took: Callable[[float], Any]) -> Any:
            answer = self.client.get(path, decode, free.wait, took, **params)
            if read:
                read(answer)
            return answer

        self._ahead = {_key(path, params): self._start(ask)}

    def parse_prefetched(self) -> None:
        """From here on this thread only waits for a while: Python is free for the next answer."""
        self._free.set()

    def each(
        self,
        paths: Iterable[str],
        following: Iterable[str] = (),
        decode: Decode = msgspec.json.decode,
    ) -> list[Any]:
        """The answers in order. All at once, paced by the throttle.

        None stands for a booking that is gone: a 404 of its own address. Any other lasting fault of
        one record comes as its `AcuityError`; what is the source's fault is raised.
        `following` are the paths of the next call; they are started behind these.
        """
        paths = list(paths)
        futures = [self._take(path, {}, decode) for path in paths]
        self._ahead = {_key(path, {}): self._submit(path, {}, decode) for path in following}
        try:
            answers = [self._or_fault(future) for future in futures]
            if answers and all(isinstance(answer, AcuityError) for answer in answers):
                self._alive(answers)
            return [
                self._judged(path, answer, decode)
                for path, answer in zip(paths, answers, strict=True)
            ]
        finally:
            for future in futures:
                future.cancel()

    @property
    def under_way(self) -> bool:
        """Something was started ahead and is still to be used."""
        return bool(self._ahead)

    def slowest(self) -> float:
        """Seconds that the slowest answer took, of those used since this was asked last."""
        slowest, self._slowest = self._slowest, 0.0
        return slowest

    def latency(self) -> float:
        """Seconds that an answer takes lately, the middle one of LATELY; 0 before the first."""
        return median(self._lately) if self._lately else 0.0

    def close(self) -> None:
        self._free.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.client.close()

    def _take(self, path: str, params: dict[str, Any], decode: Decode) -> Future[Any]:
        self._free.set()
        key = _key(path, params)
        if key in self._ahead:
            return self._ahead.pop(key)
        # Something else was wanted after all: what was fetched ahead is of no use.
        self._ahead.clear()
        return self._submit(path, params, decode)

    def _submit(self, path: str, params: dict[str, Any], decode: Decode) -> Future[Any]:
        return self._start(partial(self.client.get, path, decode, **params))

    def _start(self, ask: Callable[..., Any]) -> Future[Any]:
        took: list[float] = []
        future = self._pool.submit(ask, took=took.append)
        self._took[future] = took
        return future

    def _or_fault(self, future: Future[Any]) -> Any:
        try:
            return self._result(future)
        except AcuityError as error:
            if not error.of_one_record or (error.retry_after or 0) > BRIEF:
                raise
            return error

    def _aside(self, path: str, decode: Decode = msgspec.json.decode) -> Any:
        """An answer, or the fault; what was started ahead stays."""
        return self._or_fault(self._submit(path, {}, decode))

    def _alive(self, faults: list[AcuityError]) -> None:
        """Raise one of the faults, if the source is in trouble as a whole."""
        if any(fault.transient for fault in faults):
            self._result(self._submit("/me", {}, msgspec.json.decode))

    def _judged(self, path: str, answer: Any, decode: Decode) -> Any:
        if isinstance(answer, AcuityError) and answer.transient:
            answer = self._aside(path, decode)
        if isinstance(answer, NotFound) and (booking := _BOOKING.match(path)):
            if booking.group() == path:
                answer = None
            elif isinstance(self._aside(booking.group()), NotFound):
                answer = Gone(status=404)
        if not isinstance(answer, AcuityError) or isinstance(answer, Gone):
            self._refused, self._in_a_row = None, 0
            return answer
        refusal = (type(answer), answer.status)
        self._in_a_row = self._in_a_row + 1 if refusal == self._refused else 1
        self._refused = refusal
        if self._in_a_row >= REFUSED:
            raise answer
        return answer

    def _result(self, future: Future[Any]) -> Any:
        while not future.done():
            wait([future], timeout=self._every)
            self._heartbeat()
        took = self._took.pop(future, [])
        self._slowest = max([self._slowest, *took])
        self._lately.extend(took)
        return future.result()


def _key(path: str, params: dict[str, Any]) -> tuple[Any, ...]:
    return path, *sorted(params.items())
