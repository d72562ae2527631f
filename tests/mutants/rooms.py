"""Which modules carry guarantees, and which quick tests answer for each?"""

PAGING = ("tests/source/test_paging.py",)
STATEMENT = ("tests/proof/test_statement.py",)
FILE = ("tests/proof/test_file.py",)
PAGE = ("tests/runs/test_page.py",)
PLANTED = "tests/proof/test_planted_losses.py"
AGAIN = "tests/runs/test_prove_again.py"
SOURCE, ACUITY = "integrations.acuity.source", "integrations.acuity"
# The quickest first: most mutants die at once.
ROOMS: dict[str, tuple[str, ...]] = {
    f"{SOURCE}.paging": PAGING,
    f"{SOURCE}.closed": PAGING,
    f"{SOURCE}.slices": PAGING,
    f"{SOURCE}.checks": PAGING,
    f"{ACUITY}.reading.identity": ("tests/reading/test_identity.py",),
    f"{ACUITY}.proof.digests": FILE,
    f"{ACUITY}.proof.file": FILE,
    f"{ACUITY}.proof.headline": (*STATEMENT, *FILE),
    f"{ACUITY}.proof.statement": (*STATEMENT, *FILE),
    f"{ACUITY}.proof.verification": (*STATEMENT, AGAIN),
    f"{ACUITY}.runs.leases": ("tests/runs/test_leases.py",),
    f"{ACUITY}.runs.page": PAGE,
    f"{ACUITY}.runs.window": PAGE,
    f"{ACUITY}.store.rejects": (*STATEMENT, "tests/resources/test_resources.py"),
    f"{ACUITY}.resources.appointments.check": (*STATEMENT, PLANTED),
    f"{ACUITY}.resources.clients.check": (*STATEMENT, PLANTED),
    f"{ACUITY}.resources.payments.check": (*STATEMENT, PLANTED),
}
# A survivor by module and change, and why it may live: it changes nothing that anybody could see.
LIVES: dict[str, str] = {
    f"{ACUITY}.reading.identity 40 → 41": "a phone that can be parsed has fewer digits than that",
}
