"""What does a command say that cannot do what was asked? One sentence, an exit status, and with
--json one document."""

import contextlib
import json
import os
import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple, NoReturn, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper
from django.db import DatabaseError, OperationalError

from integrations import audit
from integrations.acuity import errors
from integrations.acuity.runs.control import ActiveRun
from integrations.checks import values
from integrations.management import database, terminal

COMPLETED, FAILED, BAD_ARGUMENTS, INTERRUPTED, REFUSED = range(5)
# Errors that mean that the key is refused, by the name that a run remembers.
OF_THE_KEY = ("CredentialsRefused", "PlanWithoutApi")


class BadArgument(errors.ConfigurationError):
    """An argument that the command does not take."""


class OutputTrouble(Exception):
    """What a command says cannot be written."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Standard output takes nothing ({why}): what was to stand there is lost.")


class NotReached(Exception):
    """A run was begun, and rests before it has reached what was asked."""

    def __init__(self, sentence: str, code: str, status: int, run: Any) -> None:
        super().__init__(sentence)
        self.code, self.status, self.run_id = code, status, str(run)


class Refusal(NamedTuple):
    """As `--json` prints it."""

    error: str
    code: str
    exit: int
    run: str = ""

    def as_json(self) -> str:
        return json.dumps({name: value for name, value in self._asdict().items() if value != ""})


def refusal(error: BaseException) -> Refusal:
    """The sentence, code and status for whatever went wrong."""
    sentence, code = " ".join(str(error).split()), _code(type(error).__name__)
    match error:
        case NotReached():
            return Refusal(sentence, error.code, error.status, error.run_id)
        case ActiveRun():
            return Refusal(sentence, code, BAD_ARGUMENTS, str(error.run.pk))
        case errors.ConfigurationError() | errors.KeyUnreadable() | errors.PrivateAddress():
            return Refusal(sentence, code, BAD_ARGUMENTS)
        case errors.AcuityError():
            key = type(error).__name__ in OF_THE_KEY
            # What happened stands in brackets at the end: here it goes where it belongs.
            sentence = re.sub(r"^([^:]+): (.*)\. \((.*)\)$", r"\1 (\3): \2.", sentence)
            return Refusal(sentence, code, REFUSED if key else FAILED)
        case OutputTrouble():
            return Refusal(sentence, code, FAILED)
        case DatabaseError():
            return Refusal(_of_database(error, sentence), "database_trouble", FAILED)
        case KeyboardInterrupt():
            return Refusal("Interrupted: nothing was started.", "interrupted", INTERRUPTED)
        case CommandError():
            return Refusal(sentence, code, BAD_ARGUMENTS)
    said = f"An error in the importer ({type(error).__name__}); --traceback shows where."
    return Refusal(said, "unexpected", FAILED)


def _code(name: str) -> str:
    """`credentials_refused` of `CredentialsRefused`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _of_database(error: DatabaseError, said: str) -> str:
    if "no such table" in said or ("does not exist" in said and "relation" in said):
        return f"The database has no tables yet: {terminal.command('migrate')} makes them."
    if isinstance(error, OperationalError):
        return f"The database cannot be used ({said}): check DATABASE_URL."
    # Its text names the values at fault: a client's, perhaps.
    return f"The database refused it ({type(error).__name__}); --traceback shows where."


class AcuityCommand(BaseCommand):
    """A command that begins with a look at the settings, and says in a sentence why it cannot go on."""

    requires_system_checks: list[str] = []
    needs_database = True

    def __init__(self, **options: Any) -> None:
        options["no_color"] = options.get("no_color") or terminal.colourless()
        super().__init__(**options)

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        help_ = terminal.command(subcommand, "--help")

        def error(message: str) -> NoReturn:
            raise BadArgument(f"{message[:1].upper()}{message[1:]}; see {help_}")

        parser.error = error  # type: ignore[method-assign]
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        with contextlib.redirect_stdout(Output(sys.stdout)):
            self.stdout = OutputWrapper(sys.stdout)
            try:
                try:
                    nothing_empty(argv)
                    super().run_from_argv(argv)
                finally:
                    sys.stdout.flush()
            except (Exception, KeyboardInterrupt) as error:
                if "--traceback" in argv:
                    raise
                sys.exit(self.refuse(error, as_json="--json" in argv))

    def execute(self, *args: Any, **options: Any) -> str | None:
        values.require()
        if self.needs_database:
            database.reach()
        # What it does is done by whoever sits at the terminal.
        with audit.acting("command", terminal.whoami()):
            return super().execute(*args, **options)

    def refuse(self, error: BaseException, *, as_json: bool) -> int:
        """The exit status, once everything is said."""
        said = refusal(error)
        self.stderr.write(said.error)
        if as_json:
            try:
                self.stdout.write(said.as_json())
                sys.stdout.flush()
            except OutputTrouble:
                return FAILED
        return said.exit


# Who empties a variable of the shell does not mean "all of them".
NEEDED = {
    "--resume": "a run: acuity_runs lists them",
    "--retry-rejected": "a run: acuity_runs lists them",
    "--account": "an account's ID: acuity_accounts lists them",
    "--tenant": "a tenant's UUID: acuity_accounts lists them",
}


def nothing_empty(argv: list[str]) -> None:
    """Raises BadArgument if a value is given and empty: no command takes such a one."""
    for before, word in pairwise(argv[1:]):
        option, given, value = word.partition("=") if word.startswith("--") else (before, "=", word)
        if not given or value.strip():
            continue
        if option.startswith("-"):
            raise BadArgument(f"{option} needs {NEEDED.get(option, 'a value, this one is empty')}.")
        raise BadArgument("An argument is empty: leave it out, or give its value.")


class Output:
    """Standard output, whose own trouble is told from any other. After it, the rest is dropped."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)

    def write(self, text: str) -> int:
        with self._loudly():
            return self._out.write(text)

    def flush(self) -> None:
        with self._loudly():
            self._out.flush()

    @contextlib.contextmanager
    def _loudly(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), self._out.fileno())
            raise OutputTrouble(error.strerror or type(error).__name__) from None


def within(least: int, most: int, also: str = "") -> Callable[[str], int | None]:
    """A type of argument: a whole number in this range, or None for the word `also`."""

    def number(value: str) -> int | None:
        if also and value == also:
            return None
        if value.isdecimal() and least <= int(value) <= most:
            return int(value)
        words = f"{also} or a number" if also else "a number"
        raise ArgumentTypeError(f"must be {words} from {least} to {most}, not {value!r}")

    return number


def between(least: float, most: float) -> Callable[[str], float]:
    """A type of argument: a number in this range, with or without a fraction."""

    def number(value: str) -> float:
        with contextlib.suppress(ValueError):
            if least <= float(value) <= most:
                return float(value)
        raise ArgumentTypeError(f"must be a number from {least:g} to {most:g}, not {value!r}")

    return number
