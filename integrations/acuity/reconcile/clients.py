"""Does Acuity's own export of clients have the people who are stored?"""

from bookings.models import Client
from integrations.acuity.reading.identity import phone_key
from integrations.acuity.reading.values import Reject
from integrations.acuity.reconcile.files import File
from integrations.acuity.reconcile.result import Result
from integrations.acuity.resources.scope import Scope
from integrations.models import AcuityAccount


def compare(file: File, account: AcuityAccount) -> Result:
    """Person by person, by the rule that tells clients apart."""
    rule = Scope(account).identity
    listed = account.rows(Client).filter(listed=True)
    known = {client.external_id: client for client in listed}
    result, seen = Result(file.kind, len(file.rows)), set()
    for n, row in enumerate(file.rows, start=2):
        names = ("First Name", "Last Name", "Email", "Phone")
        first, last, email, phone = (row.get(name, "") for name in names)
        entry = {"firstName": first, "lastName": last, "email": email, "phone": phone}
        try:
            client = known.get(rule.keys(entry)[0])
        except Reject:
            client = None
        if client is None:
            result.only_in_file.append(f"row {n}")
            continue
        if client.pk in seen:
            continue  # the same person again
        seen.add(client.pk)
        result.matched += 1
        key = f"client {client.pk}"
        if email.casefold() != client.email.casefold():
            result.compare(key, "Email", email, client.email)
        if phone_key(phone, rule.region) != phone_key(client.phone, rule.region):
            result.compare(key, "Phone", phone, client.phone)
    result.only_in_database += [f"client {c.pk}" for c in known.values() if c.pk not in seen]
    result.not_compared.append("Days Since Last Appointment: the file does not say of which day")
    return result
