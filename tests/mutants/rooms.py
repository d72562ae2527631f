"""Which modules carry guarantees, and which quick tests answer for each?"""

from tests.breaking import ALONE

PAGING = (*ALONE, *(f"tests/source/test_{name}.py" for name in ("checks", "closed", "paging")))
RULES = "tests/proof/test_rules.py"
STATEMENT = ("tests/proof/test_statement.py",)
FILE = (RULES, "tests/proof/test_file.py")
PAGE = ("tests/runs/test_window.py", "tests/runs/test_page.py")
LIST, MONEY, ROWS, BOOKED = (
    f"tests/resources/test_{name}_compared.py"
    for name in ("clients", "payments", "whole", "appointments")
)
PLANTED = "tests/proof/test_planted_losses.py"
# Without the cases that only `make worlds` and `make thorough` play.
FEWER = ("-m", "not worlds and not thorough")
AGAIN = "tests/runs/test_prove_again.py"
SOURCE, ACUITY = "integrations.acuity.source", "integrations.acuity"
BOOKINGS = f"{ACUITY}.resources.appointments"
# The quickest first: most mutants die at once.
ROOMS: dict[str, tuple[str, ...]] = {
    f"{SOURCE}.paging": PAGING,
    f"{SOURCE}.closed": PAGING,
    f"{SOURCE}.slices": PAGING,
    f"{SOURCE}.checks": PAGING,
    f"{ACUITY}.reading.identity": ("tests/reading/test_identity.py",),
    f"{ACUITY}.proof.digests": FILE,
    f"{ACUITY}.proof.file": FILE,
    f"{ACUITY}.proof.headline": (RULES, *STATEMENT),
    f"{ACUITY}.proof.statement": (RULES, *STATEMENT),
    f"{ACUITY}.proof.verification": (RULES, *STATEMENT, AGAIN),
    f"{ACUITY}.runs.leases": ("tests/runs/test_leases.py",),
    f"{ACUITY}.runs.page": PAGE,
    f"{ACUITY}.runs.window": PAGE,
    f"{ACUITY}.store.rejects": (RULES, *STATEMENT, "tests/resources/test_resources.py"),
    f"{BOOKINGS}.anew": (BOOKED,),
    f"{BOOKINGS}.check": (BOOKED,),
    f"{BOOKINGS}.compare": (BOOKED,),
    f"{BOOKINGS}.cuts": (BOOKED,),
    f"{BOOKINGS}.otherwise": (BOOKED,),
    f"{ACUITY}.resources.clients.check": (*FEWER, LIST, *STATEMENT, PLANTED),
    f"{ACUITY}.resources.whole.check": (ROWS,),
    f"{ACUITY}.resources.payments.check": (*FEWER, MONEY, *STATEMENT, PLANTED),
}
