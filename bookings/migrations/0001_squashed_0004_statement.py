import django.db.models.deletion
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    # A new database needs only this one; an older one goes on by the files that it replaces.
    replaces = [
        ('bookings', '0001_initial'),
        ('bookings', '0002_fingerprint'),
        ('bookings', '0003_client_index'),
        ('bookings', '0004_statement'),
    ]

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='AppointmentType',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('external_id', models.CharField(max_length=255)),
                ('source', models.CharField(default='acuity', max_length=20)),
                ('raw', models.JSONField(blank=True, default=dict)),
                ('content_hash', models.CharField(blank=True, default='', max_length=128)),
                ('name', models.CharField(blank=True, max_length=255)),
                ('duration', models.PositiveIntegerField(blank=True, help_text='minutes', null=True)),
                ('price', models.DecimalField(blank=True, decimal_places=2, max_digits=12, null=True)),
                ('active', models.BooleanField(default=True)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Calendar',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('external_id', models.CharField(max_length=255)),
                ('source', models.CharField(default='acuity', max_length=20)),
                ('raw', models.JSONField(blank=True, default=dict)),
                ('content_hash', models.CharField(blank=True, default='', max_length=128)),
                ('name', models.CharField(blank=True, max_length=255)),
                ('timezone', models.CharField(blank=True, max_length=64)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Client',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('external_id', models.CharField(max_length=255)),
                ('source', models.CharField(default='acuity', max_length=20)),
                ('raw', models.JSONField(blank=True, default=dict)),
                ('content_hash', models.CharField(blank=True, default='', max_length=128)),
                ('first_name', models.TextField(blank=True)),
                ('last_name', models.TextField(blank=True)),
                ('email', models.TextField(blank=True)),
                ('phone', models.TextField(blank=True)),
                ('notes', models.TextField(blank=True)),
                ('name_key', models.CharField(blank=True, default='', max_length=255)),
                ('listed', models.BooleanField(default=True)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Tenant',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('timezone', models.CharField(default='UTC', max_length=64)),
                ('currency', models.CharField(default='USD', max_length=3)),
            ],
            options={
                'permissions': [('view_revenue', 'Can see revenue')],
            },
        ),
        migrations.CreateModel(
            name='Appointment',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('external_id', models.CharField(max_length=255)),
                ('source', models.CharField(default='acuity', max_length=20)),
                ('raw', models.JSONField(blank=True, default=dict)),
                ('content_hash', models.CharField(blank=True, default='', max_length=128)),
                ('fingerprint', models.CharField(blank=True, default='', max_length=64)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('timezone', models.CharField(blank=True, max_length=64)),
                ('service_date', models.DateField(help_text='The local date of the booking.')),
                ('price', models.DecimalField(decimal_places=2, max_digits=12)),
                ('paid', models.BooleanField(default=False)),
                ('amount_paid', models.DecimalField(decimal_places=2, max_digits=12)),
                ('canceled', models.BooleanField(default=False)),
                ('no_show', models.BooleanField(default=False)),
                ('certificate', models.CharField(blank=True, max_length=255)),
                ('notes', models.TextField(blank=True)),
                ('forms', models.JSONField(blank=True, default=list)),
                ('labels', models.JSONField(blank=True, default=list)),
                ('payment_state', models.CharField(default='no:0.00', max_length=32)),
                ('payments_fetched_for', models.CharField(blank=True, default='', max_length=32)),
                ('payments_read_at', models.DateTimeField(blank=True, null=True)),
                ('payments_fetched', models.PositiveIntegerField(default=0)),
                ('payments_fetched_sum', models.DecimalField(decimal_places=2, default=0, max_digits=12)),
                ('removed_at', models.DateTimeField(blank=True, help_text='Gone at the source since.', null=True)),
                ('appointment_type', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to='bookings.appointmenttype')),
                ('calendar', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to='bookings.calendar')),
                ('client', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='appointments', to='bookings.client')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to='bookings.tenant')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.AddField(
            model_name='client',
            name='tenant',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to='bookings.tenant'),
        ),
        migrations.AddField(
            model_name='calendar',
            name='tenant',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to='bookings.tenant'),
        ),
        migrations.AddField(
            model_name='appointmenttype',
            name='tenant',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to='bookings.tenant'),
        ),
        migrations.CreateModel(
            name='Payment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('external_id', models.CharField(max_length=64)),
                ('transaction_id', models.CharField(blank=True, max_length=255)),
                ('processor', models.CharField(max_length=64)),
                ('amount', models.DecimalField(decimal_places=2, max_digits=12)),
                ('currency', models.CharField(max_length=3)),
                ('paid_at', models.DateTimeField()),
                ('service_date', models.DateField()),
                ('removed_at', models.DateTimeField(blank=True, null=True)),
                ('appointment', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='payments', to='bookings.appointment')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to='bookings.tenant')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', 'service_date', 'processor'], name='bookings_pa_tenant__710d6b_idx'), models.Index(fields=['tenant', 'paid_at'], name='bookings_pa_tenant__0737b7_idx')],
                'constraints': [models.UniqueConstraint(fields=('appointment', 'external_id'), name='payment_identity')],
            },
        ),
        migrations.AddIndex(
            model_name='client',
            index=models.Index(fields=['tenant', 'name_key'], name='bookings_cl_tenant__d3cca7_idx'),
        ),
        migrations.AddIndex(
            model_name='client',
            index=models.Index(fields=['tenant', 'last_name', 'first_name'], name='bookings_cl_tenant__71aaef_idx'),
        ),
        migrations.AddConstraint(
            model_name='client',
            constraint=models.UniqueConstraint(fields=('tenant', 'source', 'external_id'), name='client_identity'),
        ),
        migrations.AddConstraint(
            model_name='calendar',
            constraint=models.UniqueConstraint(fields=('tenant', 'source', 'external_id'), name='calendar_identity'),
        ),
        migrations.AddConstraint(
            model_name='appointmenttype',
            constraint=models.UniqueConstraint(fields=('tenant', 'source', 'external_id'), name='appointmenttype_identity'),
        ),
        migrations.AddIndex(
            model_name='appointment',
            index=models.Index(fields=['tenant', 'starts_at'], name='bookings_ap_tenant__f4caf1_idx'),
        ),
        migrations.AddIndex(
            model_name='appointment',
            index=models.Index(fields=['tenant', 'service_date', 'removed_at', 'source'], name='bookings_ap_tenant__64e129_idx'),
        ),
        migrations.AddConstraint(
            model_name='appointment',
            constraint=models.UniqueConstraint(fields=('tenant', 'source', 'external_id'), name='appointment_identity'),
        ),
    ]
