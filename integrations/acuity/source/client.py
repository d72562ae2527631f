"""How does one ask Acuity? Bytes in, JSON out, every failure one of `errors`."""

import queue
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from integrations.acuity import errors
from integrations.acuity.source import answers, metrics
from integrations.acuity.source.addresses import check_base_url
from integrations.acuity.source.answers import Decode
from integrations.acuity.source.budget import Pace
from integrations.acuity.source.throttle import Throttle

# Loaded by the first request: a command that sends none starts without it.
if TYPE_CHECKING:
    import requests

MAX_BODY = 64 * 1024 * 1024
TRIES = 4
SMALL_PAGE = 100
# A longer wait is the run's business.
BRIEF = 10
# Seconds of the first pause after a 429 that announces none, at most; each further one is four times as long.
FIRST_REFUSAL = 0.2
LONGEST = 300


@dataclass
class Tally:
    """What a client has cost so far."""

    requests: int = 0
    retries: int = 0
    throttled: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, requests: int = 0, retries: int = 0, throttled: int = 0) -> None:
        with self._lock:
            self.requests += requests
            self.retries += retries
            self.throttled += throttled


class Bearer:
    """The token of an OAuth connection."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: "requests.PreparedRequest") -> "requests.PreparedRequest":
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _latin1(text: str) -> bool:
    """Whether HTTP's basic authentication can send it."""
    return all(ord(letter) < 256 for letter in text)


class AcuityClient:
    """One account's view of the API, for any number of threads.

    Retries what is transient a few times with growing, jittered pauses; a longer trouble is the
    run's business. Never follows redirects and never reads proxies or .netrc, so that the
    credentials go to the configured host and nowhere else. With a `token` it is asked by OAuth;
    `private` lets the host be one of a private network or of this machine; `egress` is the address
    of this machine to go out by.
    """

    def __init__(
        self,
        base_url: str,
        user_id: str,
        api_key: str,
        throttle: Throttle,
        *,
        timeout: tuple[float, float] = (5, 60),
        tries: int = TRIES,
        pace: Pace | None = None,
        token: str = "",
        private: bool = False,
        egress: str = "",
    ) -> None:
        self.base_url = check_base_url(base_url)
        self.tally, self.calls = Tally(), metrics.Ledger()
        self.pace = pace
        self._auth = Bearer(token) if token else (user_id, api_key)
        self._said = token or user_id + api_key
        self._private = private
        self._egress = egress
        self._throttle = throttle
        self._timeout = timeout
        self._tries = tries
        # Last in, first out: no more connections are open than requests were at once under way.
        self._sessions: queue.LifoQueue[requests.Session] = queue.LifoQueue()

    def __repr__(self) -> str:
        return f"AcuityClient({self.base_url})"

    def close(self) -> None:
        while not self._sessions.empty():
            self._sessions.get().close()

    def get(
        self,
        path: str,
        decode: Decode = msgspec.json.decode,
        ready: Callable[[], Any] = lambda: None,
        took: Callable[[float], Any] = lambda seconds: None,
        **params: Any,
    ) -> Any:
        """What `decode` makes of the body of the answer to `GET path`. Raises an `AcuityError`.

        `ready` is called between fetching and parsing, and may wait. `took` is told how long each
        answer was on its way, without the wait for its turn.
        """
        if not _latin1(self._said):
            raise errors.CredentialsRefused.unsendable()
        for attempt in range(1, self._tries + 1):
            try:
                return self._once(path, params, decode, ready, took)
            except errors.AcuityError as error:
                if isinstance(error, errors.Empty) and attempt > 1:
                    return []
                pause = self._pause(error, attempt)
                # A long answer that timed out will do so again; a smaller page may not.
                hopeless = isinstance(error, errors.TimedOut) and params.get("max", 0) > SMALL_PAGE
                tries = self._tries if error.transient else min(self._tries, 1 + error.doubtful)
                if hopeless or attempt >= tries or pause > BRIEF:
                    raise
                time.sleep(pause)
            self.tally.add(retries=1)
        raise AssertionError("unreachable")

    def send(self, method: str, path: str, **body: Any) -> Any:
        """The answer to a request that changes something; None if it has no content. Raises an
        `AcuityError`.

        Sent once: nobody knows whether one without an answer was carried out.
        """
        if not _latin1(self._said):
            raise errors.CredentialsRefused.unsendable()
        try:
            return self._once(path, {}, method=method, body=body)
        except errors.NotJson as error:
            if error.status and error.status < 300:
                return None
            raise

    def _pause(self, error: errors.AcuityError, attempt: int) -> float:
        """Seconds until the next try; everybody who shares the budget waits if Acuity wants that."""
        growing = 2.0 ** (attempt - 1) * random.uniform(0.5, 1.0)
        if isinstance(error, errors.RateLimited):
            self.tally.add(throttled=1)
            # Most are chance, of a line that scatters: the next request fits again.
            growing = FIRST_REFUSAL * growing**2
        elif not error.retry_after:
            return 0.2 * growing
        pause = error.retry_after or growing
        self._throttle.penalty(min(pause, LONGEST))
        return pause

    @contextmanager
    def _session(self) -> "Iterator[requests.Session]":
        try:
            session = self._sessions.get_nowait()
        except queue.Empty:
            import requests

            from integrations.acuity.source.outgoing import Outgoing, PublicOnly

            session = requests.Session()
            session.trust_env = False
            session.auth = self._auth
            session.headers["User-Agent"] = "acuity-importer"
            session.headers["Accept"] = "application/json"
            adapter = Outgoing if self._private else PublicOnly
            for scheme in ("http://", "https://"):
                session.mount(scheme, adapter(self._egress, pool_connections=1, pool_maxsize=1))
        try:
            yield session
        finally:
            self._sessions.put(session)

    def _once(
        self,
        path: str,
        params: dict[str, Any],
        decode: Decode = msgspec.json.decode,
        ready: Callable[[], Any] = lambda: None,
        took: Callable[[float], Any] = lambda seconds: None,
        method: str = "GET",
        body: dict[str, Any] | None = None,
    ) -> Any:
        import requests

        with self._throttle.slot(self.pace) as turn, self._session() as session:
            self.tally.add(requests=1)
            began, status = time.monotonic(), "no answer"
            try:
                with session.request(
                    method,
                    self.base_url + path,
                    params=params,
                    json=body or None,
                    timeout=self._timeout,
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    status = str(response.status_code)
                    content = self._read(response)
            except requests.exceptions.SSLError as error:
                raise errors.CertificateTrouble(urlsplit(self.base_url).netloc) from error
            except requests.exceptions.ReadTimeout as error:
                raise errors.TimedOut(f"after {self._timeout[1]:g} s") from error
            except requests.RequestException as error:
                host = urlsplit(self.base_url).netloc
                raise errors.ConnectionTrouble(f"{type(error).__name__} at {host}") from error
            finally:
                seconds = time.monotonic() - began
                took(seconds)
                self.calls.add(path, status, seconds, turn.waited)
                turn.refused = status == "429"
                turn.alike = metrics.endpoint(path) != path
                turn.seconds = seconds if status != "no answer" else None
        ready()
        return answers.interpret(path, response.status_code, response.headers, content, decode)

    def _read(self, response: "requests.Response") -> bytes:
        """The body, within the size and time that an honest answer needs."""
        deadline = time.monotonic() + self._timeout[1] * 2
        body = bytearray()
        for chunk in response.iter_content(256 * 1024):
            body += chunk
            if len(body) > MAX_BODY:
                raise errors.TooMuch(f"an answer of more than {MAX_BODY >> 20} MB")
            if time.monotonic() > deadline:
                raise errors.TimedOut("the answer came too slowly")
        return bytes(body)
