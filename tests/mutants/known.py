"""Mutants that once survived, as they were; each has a test that kills it now."""

from tests.breaking import Breaking

PAGE, STATEMENT = "tests/runs/test_page.py", "tests/proof/test_statement.py"
KNOWN: list[tuple[Breaking, str]] = [
    (
        Breaking(
            "the checkpoint is written outside the transaction",
            "integrations.acuity.runs.page",
            "        moved = _checkpoint(run, step, token, page, counts, spent, started)\n",
            "    moved = _checkpoint(run, step, token, page, counts, spent, started)\n"
            "    with transaction.atomic():\n",
        ),
        f"{PAGE}::test_rows_and_checkpoint_are_undone_together",
    ),
    (
        Breaking(
            "a lease is never renewed",
            "integrations.acuity.runs.window",
            "if not leases.renew(self.step.pk, self.token):\n            raise Stale\n",
            "if not self.token:\n            raise Stale\n",
        ),
        f"{PAGE}::test_a_window_renews_its_lease_while_it_waits",
    ),
    (
        Breaking(
            "the proof skips the last month",
            "integrations.acuity.resources.appointments.said",
            "sorted(listed.keys() | stored.keys())",
            "sorted(listed.keys() | stored.keys())[:-1]",
        ),
        f"{STATEMENT}::test_each_month_of_the_source_is_compared_the_last_one_too",
    ),
    (
        Breaking(
            "rejected records are no gap",
            "integrations.acuity.proof.statement",
            " + list(rejected.values())",
            "",
        ),
        f"{STATEMENT}::test_a_record_that_cannot_be_read_is_a_gap",
    ),
    (
        Breaking(
            "unread payments are no gap",
            "integrations.acuity.resources.payments.check",
            "    if not (n := unread.count()):\n",
            "    if n := unread.count():\n",
        ),
        f"{STATEMENT}::test_payments_that_nobody_has_read_are_a_gap",
    ),
    (
        Breaking(
            "the content's hash leaves out the forms",
            "integrations.acuity.resources.appointments.record",
            "fingerprint(core) + fingerprint(forms)",
            'fingerprint(core) + fingerprint(b"[]")',
        ),
        f"{PAGE}::test_a_changed_answer_in_a_form_is_stored",
    ),
    (
        Breaking(
            "a client's e-mail address is logged",
            "integrations.acuity.resources.clients.save",
            "            parsed.records.append(parse_client(group, context.identity))\n",
            "            parsed.records.append(parse_client(group, context.identity))\n"
            "            from integrations.acuity import events\n"
            '            events.log("acuity_client", email=parsed.records[-1].email)\n',
        ),
        f"{PAGE}::test_no_log_line_names_a_person",
    ),
    (
        Breaking(
            "a pause is ignored inside a window",
            "integrations.acuity.runs.window",
            "                if self.run.status not in ImportRun.WORKING:\n",
            "                if not self.run.status:\n",
        ),
        f"{PAGE}::test_a_window_stops_after_the_page_in_hand",
    ),
]
