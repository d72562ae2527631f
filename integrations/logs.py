"""What may a log line not say? The second net: nobody should write a client's data into one, but a
database names the values at fault, and a library logs what it asks for."""

import logging
import re
import traceback
from collections.abc import Iterator
from typing import Any

from django.db import Error as DatabaseError

# Those of others that log errors and addresses as they come.
TALKATIVE = (
    "celery.app.trace",
    "celery.worker.request",
    "django.request",
    "urllib3.connectionpool",
)
_SEARCH = re.compile(r"([?&]search=)[^&\s]*")


def place(error: BaseException) -> str:
    """The class of an error and where it arose, without its text: `IntegrityError at bulk.py:61`."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    if not own:
        return type(error).__name__
    return f"{type(error).__name__} at {own[-1].filename.rpartition('/')[2]}:{own[-1].lineno}"


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from."""
    while error:
        yield error
        error = error.__cause__ or error.__context__


class NoValues(logging.Filter):
    """Takes the texts of database errors, and what was searched for, out of a record."""

    def filter(self, record: logging.LogRecord) -> bool:
        told = record.exc_info[1] if record.exc_info else None
        if any(isinstance(one, DatabaseError) for one in chain(told)):
            message = record.getMessage()
            for one in chain(told):
                message = message.replace(str(one), type(one).__name__) if str(one) else message
            places = "; ".join(place(one) for one in chain(told))
            record.msg, record.args = "%s (%s)", (message.splitlines()[0], places)
            record.exc_info = record.exc_text = None
        elif isinstance(record.args, tuple):
            record.args = tuple(map(_shown, record.args))
        return True


def _shown(value: Any) -> Any:
    return _SEARCH.sub(r"\1…", value) if isinstance(value, str) else value


def install() -> None:
    """On the loggers themselves, whatever a project's LOGGING says."""
    for name in TALKATIVE:
        logging.getLogger(name).addFilter(NoValues())
