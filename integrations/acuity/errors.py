"""What can go wrong with the source, each class saying what happened and what to do."""

from typing import Self


class AcuityError(Exception):
    """Acuity gave an answer that the importer cannot use."""

    transient = False
    # Whether one such answer is not yet a verdict: it is asked for once more.
    doubtful = True
    # Whether it may be the fault of the one record that was asked for.
    of_one_record = True
    # Seconds that Acuity asked to wait.
    retry_after: float | None = None

    def __init__(self, detail: str = "", *, status: int | None = None):
        self.status = status
        sentence = (self.__doc__ or "").strip().splitlines()[0]
        super().__init__(f"{sentence} ({detail})" if detail else sentence)


class CredentialsRefused(AcuityError):
    """Acuity refused the user ID or API key: check ACUITY_USER_ID and ACUITY_API_KEY, or connect again."""

    of_one_record = False

    @classmethod
    def unsendable(cls) -> Self:
        """Nobody asked Acuity: such a key cannot even be sent."""
        error = cls()
        error.args = (
            "The user ID or API key has a character that no key of Acuity's has:"
            " check ACUITY_USER_ID and ACUITY_API_KEY.",
        )
        return error


class KeyUnreadable(AcuityError):
    """The stored API key cannot be decrypted: enter it again, or put back the server's old key."""

    of_one_record = False
    doubtful = False


class KeyMissing(KeyUnreadable):
    """The account has neither an API key nor a connection by OAuth: enter a key, or connect it."""


class PlanWithoutApi(AcuityError):
    """This Acuity plan has no API access: upgrade the plan, the key itself is right."""

    of_one_record = False
    doubtful = False


class Forbidden(AcuityError):
    """Acuity forbids this record to these credentials: use a key of the account's main admin."""


class NotFound(AcuityError):
    """Acuity has no such record or address: check ACUITY_BASE_URL."""


class Gone(NotFound):
    """Acuity no longer has this booking, nor anything of it."""


class BadAnswer(AcuityError):
    """Acuity answered with something unexpected: the API may have changed."""


class TooMuch(BadAnswer):
    """Acuity's answer was far larger than it should be: the API may have changed."""

    doubtful = False


class Redirected(AcuityError):
    """Acuity answered with a redirect, which is not followed: check ACUITY_BASE_URL."""

    transient = True


class Intercepted(AcuityError):
    """Something before Acuity, a firewall or proxy, refused the request: the import tries again."""

    transient = True


class UnknownAccount(AcuityError):
    """Acuity does not say whose account this is: nothing was written."""

    of_one_record = False


class AnotherAccount(AcuityError):
    """Acuity answers for another account than before: nothing was written."""

    of_one_record = False


class Stalled(AcuityError):
    """Acuity's listing goes in circles: neither new records nor a new position came."""

    of_one_record = False


class RateLimited(AcuityError):
    """Acuity asked to slow down: the import waits and goes on."""

    of_one_record = False
    transient = True

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, status=429)


class ServerTrouble(AcuityError):
    """Acuity is in trouble: the import waits and tries again."""

    transient = True


class TimedOut(ServerTrouble):
    """Acuity took too long to answer: the import tries again, with a smaller page if it may."""


class NotJson(AcuityError):
    """Acuity answered with something that is not JSON: the import tries again."""

    transient = True


class Partial(AcuityError):
    """Acuity sent a part of its answer: the import asks for the whole of it again."""

    transient = True


class Empty(AcuityError):
    """Acuity sent no list where one was asked for: the import asks again before it believes that."""

    transient = True


class ConnectionTrouble(AcuityError):
    """Acuity cannot be reached: check the network and ACUITY_BASE_URL."""

    transient = True


class PrivateAddress(AcuityError):
    """The account's address leads into a private network: correct it; nothing was sent."""

    of_one_record = False
    doubtful = False


class CertificateTrouble(ConnectionTrouble):
    """Acuity's certificate cannot be trusted: check the network's proxy and the system's clock."""

    of_one_record = False


class BrokerTrouble(AcuityError):
    """The broker cannot be reached: check REDIS_URL and CELERY_BROKER_URL, and whether it runs."""


class DatabaseTrouble(AcuityError):
    """The database is in trouble: the import waits and tries again."""

    of_one_record = False
    transient = True


class ConfigurationError(Exception):
    """A setting or argument is wrong; the message says which and what to do."""


class Unforeseen(Exception):
    """An error of the importer or the database: its class and place, not its text, which may hold
    a client's data."""

    def __init__(self, kind: str, place: str) -> None:
        self.kind = kind
        super().__init__(kind, place)

    def __str__(self) -> str:
        return str(self.args[1])
