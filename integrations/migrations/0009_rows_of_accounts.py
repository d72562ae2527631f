from django.db import migrations
from django.db.models import F, Max

MODELS = ["Client", "Calendar", "AppointmentType", "Appointment"]


def say_whose_rows_they_are(apps, schema_editor):
    """Rows kept no account. They go to the tenant's account that was imported last; what belongs to
    another one comes in again with that one's next import."""
    given = set()
    accounts = apps.get_model("integrations", "AcuityAccount").objects.exclude(source_id="")
    accounts = accounts.annotate(last=Max("runs__created_at")).order_by(F("last").desc(nulls_last=True), "pk")
    for account in accounts:
        if account.tenant_id in given:
            continue
        given.add(account.tenant_id)
        for name in MODELS:
            rows = apps.get_model("bookings", name).objects.filter(tenant=account.tenant_id)
            rows.filter(source="acuity", source_account="").update(source_account=account.source_id)


class Migration(migrations.Migration):

    dependencies = [
        ("bookings", "0006_accounts"),
        ("integrations", "0008_digests"),
    ]

    operations = [
        migrations.RunPython(say_whose_rows_they_are, migrations.RunPython.noop),
    ]
