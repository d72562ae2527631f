from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("integrations", "0002_staged_text")]

    operations = [
        migrations.AddField(
            model_name="acuityaccount",
            name="source_id",
            field=models.CharField(
                blank=True, default="", help_text="As Acuity has it.", max_length=64
            ),
        ),
        migrations.AddField(
            model_name="acuityaccount",
            name="country",
            field=models.CharField(blank=True, default="", help_text="ISO 3166.", max_length=2),
        ),
    ]
