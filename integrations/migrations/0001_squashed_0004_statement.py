import django.db.models.deletion
import encrypted_fields.fields
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    # A new database needs only this one; an older one goes on by the files that it replaces.
    replaces = [
        ('integrations', '0001_initial'),
        ('integrations', '0002_staged_text'),
        ('integrations', '0003_account_facts'),
        ('integrations', '0004_statement'),
    ]

    initial = True

    dependencies = [
        ('bookings', '0001_squashed_0004_statement'),
    ]

    operations = [
        migrations.CreateModel(
            name='AcuityAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user_id', models.CharField(max_length=64)),
                ('api_key', encrypted_fields.fields.EncryptedTextField()),
                ('base_url', models.URLField(blank=True, help_text='Empty: ACUITY_BASE_URL.')),
                ('name', models.CharField(blank=True, max_length=200)),
                ('timezone', models.CharField(blank=True, max_length=64)),
                ('source_id', models.CharField(blank=True, default='', help_text='As Acuity has it.', max_length=64)),
                ('country', models.CharField(blank=True, default='', help_text='ISO 3166.', max_length=2)),
                ('clients_distinct_by_phone', models.BooleanField(blank=True, null=True)),
                ('best_page_limit', models.PositiveIntegerField(blank=True, null=True)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='acuity_accounts', to='bookings.tenant')),
            ],
            options={
                'permissions': [('run_import', 'Can run, pause and resume imports'), ('cancel_import', 'Can cancel imports')],
            },
        ),
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('last_used_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('tenants', models.ManyToManyField(related_name='api_tokens', to='bookings.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='EndpointMetric',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('endpoint', models.CharField(max_length=64)),
                ('status', models.CharField(help_text="HTTP status, or the error's name.", max_length=16)),
                ('count', models.PositiveBigIntegerField(default=0)),
                ('seconds', models.FloatField(default=0)),
                ('waited', models.FloatField(default=0, help_text='Seconds spent waiting for the throttle.')),
                ('buckets', models.JSONField(default=list, help_text='Requests per bucket, not cumulative.')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('endpoint', 'status'), name='metric_identity')],
            },
        ),
        migrations.CreateModel(
            name='ImportRun',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('status', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('verifying', 'Verifying'), ('pausing', 'Pausing'), ('paused', 'Paused'), ('cancelling', 'Cancelling'), ('cancelled', 'Cancelled'), ('failed', 'Failed'), ('completed', 'Completed'), ('completed_with_gaps', 'Completed With Gaps')], default='queued', max_length=20)),
                ('reason', models.TextField(blank=True, help_text='Why it failed, in words.')),
                ('error_class', models.CharField(blank=True, max_length=64)),
                ('min_date', models.DateField(blank=True, null=True)),
                ('max_date', models.DateField(blank=True, null=True)),
                ('page_limit', models.PositiveIntegerField(default=100)),
                ('auto_page_limit', models.BooleanField(default=False, help_text='Grow and shrink the page limit.')),
                ('tuning', models.JSONField(blank=True, default=dict, help_text='What `auto` has found so far.')),
                ('requests_per_second', models.FloatField(blank=True, null=True)),
                ('accept_removals', models.BooleanField(default=False, help_text='Mark as gone however many Acuity no longer shows.')),
                ('accept_rejects', models.BooleanField(default=False, help_text='Go on however many are rejected.')),
                ('idempotency_key', models.CharField(blank=True, max_length=200, null=True)),
                ('payments_mode', models.CharField(default='paid', max_length=8)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('resumed', models.PositiveIntegerField(default=0)),
                ('verified', models.BooleanField(default=False)),
                ('verified_at', models.DateTimeField(blank=True, help_text='When that was last proven.', null=True)),
                ('coverage', models.JSONField(blank=True, default=dict, help_text='Month: [source, stored].')),
                ('gaps', models.JSONField(blank=True, default=list)),
                ('differences', models.JSONField(blank=True, default=list)),
                ('scope', models.JSONField(blank=True, default=dict, help_text='What was asked and compared.')),
                ('ignored_parameters', models.JSONField(blank=True, default=list)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='integrations.acuityaccount')),
            ],
        ),
        migrations.CreateModel(
            name='CompletionEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('payload', models.JSONField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('run', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='completion', to='integrations.importrun')),
            ],
        ),
        migrations.CreateModel(
            name='ImportStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField()),
                ('resource', models.CharField(max_length=32)),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('running', 'Running'), ('done', 'Done')], default='pending', max_length=8)),
                ('version', models.PositiveIntegerField(default=0)),
                ('offset', models.PositiveIntegerField(default=0)),
                ('total', models.PositiveIntegerField(blank=True, null=True)),
                ('cursor', models.JSONField(blank=True, default=dict)),
                ('fetched', models.PositiveIntegerField(default=0)),
                ('created', models.PositiveIntegerField(default=0)),
                ('updated', models.PositiveIntegerField(default=0)),
                ('unchanged', models.PositiveIntegerField(default=0)),
                ('rejected', models.PositiveIntegerField(default=0)),
                ('requests', models.PositiveIntegerField(default=0)),
                ('retries', models.PositiveIntegerField(default=0)),
                ('throttled', models.PositiveIntegerField(default=0)),
                ('lease_token', models.CharField(blank=True, default='', max_length=32)),
                ('lease_owner', models.CharField(blank=True, default='', max_length=255)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('heartbeat_at', models.DateTimeField(blank=True, null=True)),
                ('not_before', models.DateTimeField(blank=True, null=True)),
                ('waiting_for', models.TextField(blank=True, default='')),
                ('attempts', models.PositiveIntegerField(default=0, help_text='In a row without progress.')),
                ('deaths', models.PositiveIntegerField(default=0, help_text='Processes lost on this window.')),
                ('active_ms', models.PositiveBigIntegerField(default=0, help_text='Spent working, not waiting.')),
                ('failing_since', models.DateTimeField(blank=True, null=True)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='integrations.importrun')),
            ],
            options={
                'ordering': ['position'],
            },
        ),
        migrations.CreateModel(
            name='PageFetch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('resource', models.CharField(max_length=32)),
                ('offset', models.PositiveIntegerField()),
                ('limit', models.PositiveIntegerField()),
                ('count', models.PositiveIntegerField()),
                ('created', models.PositiveIntegerField(default=0)),
                ('updated', models.PositiveIntegerField(default=0)),
                ('unchanged', models.PositiveIntegerField(default=0)),
                ('rejected', models.PositiveIntegerField(default=0)),
                ('requests', models.PositiveIntegerField(default=0)),
                ('throttled', models.PositiveIntegerField(default=0)),
                ('elapsed_ms', models.PositiveIntegerField()),
                ('fetched_at', models.DateTimeField(auto_now_add=True)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='pages', to='integrations.importrun')),
            ],
        ),
        migrations.CreateModel(
            name='RefreshRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('external_id', models.CharField(max_length=32)),
                ('requested_at', models.DateTimeField(auto_now_add=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='refreshes', to='integrations.acuityaccount')),
            ],
        ),
        migrations.CreateModel(
            name='RejectedRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('resource', models.CharField(max_length=32)),
                ('digest', models.CharField(max_length=64)),
                ('external_id', models.CharField(blank=True, max_length=255)),
                ('payload', models.JSONField()),
                ('reason', models.TextField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('resolved_at', models.DateTimeField(blank=True, null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rejected', to='integrations.acuityaccount')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rejects', to='integrations.importrun')),
            ],
        ),
        migrations.CreateModel(
            name='StagedPage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('offset', models.PositiveIntegerField()),
                ('records', models.TextField(help_text='JSON, as it came.')),
                ('step', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='staged', to='integrations.importstep')),
            ],
        ),
        migrations.AddConstraint(
            model_name='acuityaccount',
            constraint=models.UniqueConstraint(fields=('tenant', 'user_id'), name='account_identity'),
        ),
        migrations.AddIndex(
            model_name='importrun',
            index=models.Index(fields=['status', 'created_at'], name='integration_status_5d62cb_idx'),
        ),
        migrations.AddConstraint(
            model_name='importrun',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['queued', 'running', 'verifying', 'pausing', 'paused', 'cancelling'])), fields=('account',), name='one_active_run'),
        ),
        migrations.AddConstraint(
            model_name='importrun',
            constraint=models.UniqueConstraint(fields=('account', 'idempotency_key'), name='one_run_per_key'),
        ),
        migrations.AddConstraint(
            model_name='importstep',
            constraint=models.UniqueConstraint(fields=('run', 'resource'), name='step_identity'),
        ),
        migrations.AddIndex(
            model_name='pagefetch',
            index=models.Index(fields=['run', 'fetched_at'], name='integration_run_id_051f82_idx'),
        ),
        migrations.AddConstraint(
            model_name='refreshrequest',
            constraint=models.UniqueConstraint(fields=('account', 'external_id'), name='refresh_identity'),
        ),
        migrations.AddConstraint(
            model_name='rejectedrecord',
            constraint=models.UniqueConstraint(fields=('account', 'resource', 'digest'), name='reject_identity'),
        ),
        migrations.AddConstraint(
            model_name='stagedpage',
            constraint=models.UniqueConstraint(fields=('step', 'offset'), name='staged_identity'),
        ),
    ]
