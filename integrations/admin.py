"""Where do people manage accounts, runs, rejected records and tokens?"""

import hashlib
import secrets
from collections import Counter
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core import validators
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from bookings import tables, zones
from bookings.admin import ClientAdmin, Mirror, Scoped, TenantAdmin, link
from bookings.models import Client, Tenant
from bookings.theme import PasswordInput, URLInput, button, label
from integrations import access, audit
from integrations.acuity.accounts import addresses, keys, oauth
from integrations.acuity.errors import AcuityError, ConfigurationError, PrivateAddress
from integrations.acuity.sync import freshness, plans
from integrations.acuity.sync import webhooks as hooks_of
from integrations.console import (
    connect,
    dry_runs,
    exports,
    gone,
    hooks,
    key,
    key_page,
    people,
    rejects,
    views,
)
from integrations.console.looks import COLOURS, LOOKS
from integrations.console.sentences import said
from integrations.console.words import for_people
from integrations.models import (
    AcuityAccount,
    ApiToken,
    AuditEntry,
    ImportRun,
    Membership,
    NoticeChannel,
    Plan,
    RejectedRecord,
    Webhooks,
)
from integrations.notices import sending
from integrations.privacy import deleting

# A project's own home page stays.
admin.site.index_template = admin.site.index_template or "integrations/home.html"
KEY_AGAIN = _(
    "The address changed: enter the API key again, so that the stored one is not sent there."
)


def link_to(url: str) -> str:
    return format_html('<a class="underline" href="{}">{}</a>', url, gettext("Connect at Acuity …"))


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]
    """The key goes in and never comes out again."""

    api_key = forms.CharField(
        label=_("API key"),
        required=False,
        widget=PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_(
            "Acuity: Integrations → API. Never shown again; leave empty to keep the stored one."
        ),
    )

    base_url = forms.URLField(
        label=_("Address"),
        required=False,
        assume_scheme="https",
        widget=URLInput(),
        help_text=_("Only for a server that is not Acuity's own."),
    )

    class Meta:
        model = AcuityAccount
        fields = ["tenant", "user_id", "api_key", "base_url"]

    def clean(self) -> dict[str, Any] | None:
        data = super().clean() or {}
        given, had = data.get("api_key"), self.instance
        if had.pk:
            address = addresses.address_of(had)
            moved = (
                addresses.address_of(AcuityAccount(base_url=data.get("base_url") or "")) != address
            )
        if not given and not had.api_key and not had.oauth_token:
            self.add_error("api_key", gettext("Enter the API key of the account."))
        elif not given and had.pk and moved:
            self.add_error("api_key", KEY_AGAIN)
        elif not given:
            # As it is stored, whether this server can decrypt it or not.
            data["api_key"] = had.api_key
        elif had.pk:
            self.instance.oauth_token = ""
        return data

    def clean_base_url(self) -> str:
        url = str(self.cleaned_data["base_url"])
        try:
            addresses.check(AcuityAccount(base_url=url))
        except (ConfigurationError, PrivateAddress) as error:
            raise forms.ValidationError(said(for_people(str(error)))) from None
        return url


class Deletable(Scoped):
    """What is deleted with all that is its own, counted on the page before."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        counts: Counter[str] = Counter()
        for one in objs:
            counts.update(deleting.belongings(one))
        listed = [str(one) for one in objs]
        listed += [f"{tables.number(count)} {name}" for name, count in counts.items()]
        return listed, counts, set(), [said for one in objs if (said := deleting.hindrance(one))]

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with audit.acting("person", request.user.get_username()):
            deleting.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for one in queryset:
            self.delete_model(request, one)


@admin.register(AcuityAccount)
class AcuityAccountAdmin(Deletable):
    form = AccountForm
    list_display = ["__str__", "tenant", "user_id", "key", "timezone", "runs"]
    list_select_related = ["tenant"]
    search_fields = ["name", "user_id", "tenant__name"]
    readonly_fields = ["test", "connection", "hooks", "exports", "fresh"]
    actions = ["import_from_acuity"]
    actions_detail = ["import_this"]

    class Media:
        js = ["integrations/account.js"]
        css = {"all": ["integrations/console.css"]}

    @admin.action(description=_("Import from Acuity"), permissions=["run_import"])
    def import_from_acuity(
        self, request: HttpRequest, queryset: QuerySet[AcuityAccount]
    ) -> HttpResponseRedirect:
        chosen = ",".join(str(pk) for pk in queryset.values_list("pk", flat=True))
        return redirect(f"{reverse('admin:acuity_start')}?accounts={chosen}")

    @button(_("Import from Acuity"), url_path="import", permissions=["run_import"])
    def import_this(self, request: HttpRequest, object_id: int) -> HttpResponseRedirect:
        rows = access.of_user(request.user).narrow(AcuityAccount.objects.all(), "run")
        get_object_or_404(rows, pk=object_id)
        return redirect(f"{reverse('admin:acuity_start')}?accounts={object_id}")

    def has_run_import_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access.of_user(request.user).may("run")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may only look sees no key: Django would show the stored one."""
        writes = (
            self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        )
        hidden = set() if writes else {"api_key", "test", "connection", "hooks", "exports"}
        if not oauth.offered():
            hidden.add("connection")
        return [name for name in super().get_fields(request, obj) if name not in hidden]

    @admin.display(description=_("Is the key right?"))
    def test(self, account: AcuityAccount) -> str:
        return format_html(
            '<span class="console inset"><button type="submit" formaction="{}" formtarget="_blank"'
            ' formnovalidate name="account" value="{}" data-test-key data-asking="{}" data-failed="{}">'
            '{}</button> <output id="key-said" role="status"></output></span>',
            reverse("admin:acuity_key"),
            account.pk or "",
            gettext("Acuity is asked …"),
            gettext("This server did not answer: try again."),
            gettext("Test"),
        )

    def test_key(self, request: HttpRequest) -> HttpResponse:
        account = key_page.of_request(request)
        form = self.get_form(request, account, change=account is not None)
        return key_page.answer(request, form(request.POST, instance=account))

    @admin.display(description=_("Without a key"))
    def connection(self, account: AcuityAccount) -> str:
        url = reverse("admin:acuity_connect")
        if not account.pk:
            return link_to(url)
        again = link_to(f"{url}?account={account.pk}")
        if not account.oauth_token:
            return again
        return format_html(
            '{} {} <button type="submit" formaction="{}" formnovalidate>{}</button>',
            gettext("Connected."),
            again,
            reverse("admin:acuity_disconnect", args=[account.pk]),
            gettext("Disconnect"),
        )

    @admin.display(description=_("Webhooks"))
    def hooks(self, account: AcuityAccount) -> str:
        if not account.pk:
            return gettext("once the account is saved")
        known = Webhooks.objects.filter(account=account).first()
        words = gettext("not registered")
        if known:
            seen = said(hooks_of.this_week(account).words)
            words = said(known.trouble) or f"{gettext('registered')}; {seen}"
        return format_html(
            '{} <button type="submit" name="webhooks" value="{}" formaction="{}" formnovalidate>{}</button>',
            words,
            "remove" if known else "register",
            reverse("admin:acuity_webhooks", args=[account.pk]),
            gettext("Remove them") if known else gettext("Register webhooks"),
        )

    @admin.display(description=_("As fresh as"))
    def fresh(self, account: AcuityAccount) -> str:
        if not account.pk:
            return gettext("not yet imported")
        return said(freshness.of(account).words(account.timezone))

    @admin.display(description=_("Key"))
    def key(self, account: AcuityAccount) -> str:
        if keys.unreadable(account):
            return gettext("cannot be decrypted: enter it again")
        return "OAuth" if account.oauth_token else gettext("stored")

    @admin.display(description=_("Exports"))
    def exports(self, account: AcuityAccount) -> str:
        if not account.pk:
            return gettext("once the account is saved")
        return link(gettext("take everything out …"), "acuity_exports", pk=account.pk)

    @admin.display(description=_("Imports"))
    def runs(self, account: AcuityAccount) -> str:
        return link(
            gettext("show"), "integrations_importrun_changelist", account__id__exact=account.pk
        )

    def save_model(self, request: HttpRequest, obj: AcuityAccount, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if {"user_id", "api_key", "base_url"} & set(form.changed_data):
            [opened] = key.ask([obj])
            tell = messages.success if opened.facts else messages.warning
            tell(request, opened.words)
        with audit.acting("person", request.user.get_username()):
            if form.cleaned_data.get("api_key") and "api_key" in form.changed_data:
                audit.write("changed a key", tenant=obj.tenant_id, note=f"Account {obj.user_id}")
            elif form.changed_data:
                what = ", ".join(form.changed_data)
                audit.write("changed an account", tenant=obj.tenant_id, note=what)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("import/", view(views.start_page), name="acuity_start"),
            path("key/", view(require_POST(self.test_key)), name="acuity_key"),
            path("connect/", view(connect.connect_page), name="acuity_connect"),
            path("connected/", view(connect.connected), name="acuity_connected"),
            path(
                "<int:object_id>/disconnect/",
                view(connect.disconnect),
                name="acuity_disconnect",
            ),
            path("<int:object_id>/webhooks/", view(hooks.change), name="acuity_webhooks"),
            path("<int:object_id>/exports/", view(exports.page), name="acuity_exports"),
        ]
        return [*own, *super().get_urls()]


class ChannelForm(forms.ModelForm):  # type: ignore[type-arg]
    """The secret goes in and never comes out again."""

    secret = forms.CharField(
        required=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text=_("Signs what a webhook gets. Never shown again; empty keeps the stored one."),
    )

    def clean_secret(self) -> str:
        return str(self.cleaned_data["secret"] or self.instance.secret)

    def clean(self) -> dict[str, Any] | None:
        data = super().clean() or {}
        mail = data.get("kind") == NoticeChannel.Kind.MAIL
        check = validators.validate_email if mail else validators.URLValidator(["http", "https"])
        try:
            check(data.get("address", ""))
        except forms.ValidationError:
            if mail:
                self.add_error("address", gettext("Enter an e-mail address."))
            else:
                wanted = gettext("Enter an address like https://hooks.example.com/in.")
                self.add_error("address", wanted)
        return data


@admin.register(NoticeChannel)
class NoticeChannelAdmin(Scoped):
    """Who is told when something happens."""

    form = ChannelForm
    list_display = ["__str__", "address", "digest", "active"]
    list_select_related = ["tenant"]
    actions = ["send_test"]

    @admin.action(description=_("Send a test"), permissions=["change"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[NoticeChannel]) -> None:
        for channel in access.of_user(request.user).narrow(queryset, "own"):
            try:
                sending.send(
                    channel, gettext("Test of a notice"), gettext("This is how you will be told.")
                )
            except (sending.NotSent, AcuityError) as error:
                facts = {"channel": channel, "error": said(str(error))}
                text = gettext("%(channel)s: not sent (%(error)s). Look at its address.")
                messages.error(request, text % facts)
            else:
                messages.info(request, gettext("%(channel)s: sent.") % {"channel": channel})


class PlanForm(forms.ModelForm):  # type: ignore[type-arg]
    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        try:
            plans.check(self.instance)
        except ConfigurationError as error:
            self.add_error(None, said(str(error)))


@admin.register(Plan)
class PlanAdmin(Scoped):
    """When an account is looked at by itself."""

    form = PlanForm
    deed = "run"
    list_display = ["account", "hourly", "nightly", "next_turn", "passed_at", "audited_at"]
    list_select_related = ["account__tenant"]
    readonly_fields = ["next_turn", "cost"]

    @admin.display(description=_("Next"))
    def next_turn(self, plan: Plan) -> Any:
        return (plan.pk and plans.following(plan, timezone.now())) or gettext("nothing planned")

    @admin.display(description=_("What the audit costs"))
    def cost(self, plan: Plan) -> str:
        return said(plans.cost(plan).words) if plan.pk else gettext("known once it is saved")

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        with audit.acting("person", request.user.get_username()):
            audit.write("planned", tenant=obj.account.tenant_id, note=plans.words(obj))


@admin.register(ImportRun)
class ImportRunAdmin(Mirror):
    words = _("imports")
    empty = _("No import yet: start one from the home page.")
    list_display = ["short", "business", "account", "state", "began", "ended", "gap_count"]
    list_filter = ["status", "account"]
    list_select_related = ["account__tenant"]
    times = {"began": ("created_at", _("Began")), "ended": ("finished_at", _("Ended"))}
    ordering = ["-created_at"]

    @admin.display(description=_("Run"))
    def short(self, run: ImportRun) -> str:
        return str(run.pk)[:8]

    @admin.display(description=_("Business"), ordering="account__tenant__name")
    def business(self, run: ImportRun) -> str:
        return str(run.account.tenant)

    @admin.display(description=_("Began"), ordering="created_at")
    def began(self, run: ImportRun) -> str:
        return zones.written(run.created_at, zones.of(run.account.tenant), named=True)

    @admin.display(description=_("Ended"), ordering="finished_at")
    def ended(self, run: ImportRun) -> str:
        return zones.written(run.finished_at, zones.of(run.account.tenant), named=True)

    @label(_("State"), COLOURS, ordering="status")
    def state(self, run: ImportRun) -> tuple[str, str]:
        return run.status, str(LOOKS[run.status].word)

    @admin.display(description=_("Gaps"))
    def gap_count(self, run: ImportRun) -> int:
        return len(run.gaps)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return views.run_page(request, object_id)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        proof = view(views.proof)
        return [
            path("dry-run/<uuid:object_id>/", view(dry_runs.page), name="acuity_dry_run"),
            path(
                "dry-run/<uuid:object_id>/do/<str:what>/",
                view(dry_runs.act),
                name="acuity_dry_run_act",
            ),
            path("proofs/", view(views.proofs_page), name="acuity_proofs"),
            path("<uuid:object_id>/do/<str:what>/", view(views.act), name="acuity_act"),
            path("<uuid:object_id>/changes/", view(views.changed), name="acuity_changes"),
            path("<uuid:object_id>/proof/", proof, {"form": "html"}, name="acuity_proof"),
            path("<uuid:object_id>/proof.json", proof, {"form": "json"}, name="acuity_proof_file"),
            *super().get_urls(),
        ]


@admin.register(RejectedRecord)
class RejectedRecordAdmin(Mirror):
    words = _("rejected records")
    empty = _("No record was rejected: everything that came could be read.")
    list_display = ["what", "reason", "business", "account", "run_link", "seen", "settled"]
    list_filter = ["resource", "account", ("resolved_at", admin.EmptyFieldListFilter)]
    list_select_related = ["run", "account__tenant"]
    search_fields = ["=external_id", "reason"]
    fields = ["what", "why", "business", "account", "run_link", "seen", "settled", "again", "came"]
    readonly_fields = ["what", "why", "business", "run_link", "seen", "settled", "again", "came"]
    times = {"seen": ("created_at", _("Seen")), "settled": ("resolved_at", _("Settled"))}

    @admin.display(description=_("Record"), ordering="external_id")
    def what(self, record: RejectedRecord) -> str:
        return f"{said(record.resource)} {record.external_id}".strip()

    @admin.display(description=_("Business"), ordering="account__tenant__name")
    def business(self, record: RejectedRecord) -> str:
        return str(record.account.tenant)

    @admin.display(description=_("Seen"), ordering="created_at")
    def seen(self, record: RejectedRecord) -> str:
        where = zones.of(record.account.tenant)
        return zones.written(record.created_at, where, named=True)

    @admin.display(description=_("Settled"), ordering="resolved_at")
    def settled(self, record: RejectedRecord) -> str:
        where = zones.of(record.account.tenant)
        return zones.written(record.resolved_at, where, named=True) or gettext("not yet")

    @admin.display(description=_("Why"))
    def why(self, record: RejectedRecord) -> str:
        return said(record.reason)

    @admin.display(description=_("Try it again"))
    def again(self, record: RejectedRecord) -> str:
        return rejects.again(record)

    @admin.display(description=_("What came"))
    def came(self, record: RejectedRecord) -> str:
        return rejects.payload(record)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        names = super().get_fields(request, obj)
        may = obj and access.of_user(request.user).may("run", obj.account.tenant_id)
        return [name for name in names if may or name != "again"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(views.retry_one)
        own = [path("<int:object_id>/retry/", view, name="acuity_retry_one")]
        return [*own, *super().get_urls()]

    @admin.display(description=_("Run"))
    def run_link(self, record: RejectedRecord) -> str:
        return link(str(record.run_id)[:8], "integrations_importrun_change", pk=record.run_id)


@admin.register(ApiToken)
class ApiTokenAdmin(Scoped):
    list_display = ["name", "role", "created_at", "last_used_at"]
    fields = ["name", "role", "tenants"]

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        if not change:
            token = secrets.token_urlsafe(32)
            obj.digest = hashlib.sha256(token.encode()).hexdigest()
            shown = format_html("{} <code>{}</code>", gettext("The token, shown only now:"), token)
            messages.warning(request, shown)
        super().save_model(request, obj, form, change)
        with audit.acting("person", request.user.get_username()):
            for tenant in form.cleaned_data["tenants"]:
                deed = "changed a token" if change else "issued a token"
                audit.write(deed, tenant=tenant, note=f"{obj.name}: {obj.role}")


@admin.register(Membership)
class MembershipAdmin(Scoped):
    """Superusers alone: whoever gives out roles could give himself any."""

    list_display = ["user", "tenant", "role"]
    list_filter = ["tenant", "role"]
    list_select_related = ["user", "tenant"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    has_add_permission = has_module_permission
    has_change_permission = has_delete_permission = has_view_permission

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        with audit.acting("person", request.user.get_username()):
            audit.write("gave a role", tenant=obj.tenant_id, note=f"{obj.user}: {obj.role}")


@admin.register(AuditEntry)
class AuditEntryAdmin(Mirror):
    list_display = ["at", "deed", "actor", "name", "tenant", "run_link", "note"]
    list_filter = ["deed", "actor", "tenant"]
    list_select_related = ["tenant", "run"]
    search_fields = ["name", "note"]
    ordering = ["-at", "-pk"]

    @admin.display(description=_("Run"))
    def run_link(self, entry: AuditEntry) -> str:
        if not entry.run_id:
            return ""
        return link(str(entry.run_id)[:8], "integrations_importrun_change", pk=entry.run_id)


admin.site.unregister([Tenant, Client])


@admin.register(Tenant)
class OwnedTenantAdmin(Deletable, TenantAdmin):
    """With what an import keeps of it. Whoever adds one has no role in it, so superusers do."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)


@admin.register(Client)
class ForgettableClientAdmin(ClientAdmin):
    """With the ways to forget a person, and to make two clients one."""

    readonly_fields = [*ClientAdmin.readonly_fields, "same", "forget"]

    @admin.display(description=_("Same person"))
    def same(self, client: Client) -> str:
        if client.merged_into:
            into = link(str(client.merged_into), "bookings_client_change", pk=client.merged_into_id)
            return format_html("{}: {}", into, self._separate(client))
        others = [
            format_html(
                "{}: {}", link(str(c), "bookings_client_change", pk=c.pk), self._separate(c)
            )
            for c in client.merged.order_by("pk")
        ]
        return format_html_join(mark_safe("<br>"), "{}", ((one,) for one in others)) or link(
            gettext("Look for others …"), "bookings_client_same"
        )

    def _separate(self, client: Client) -> str:
        return link(gettext("Separate …"), "bookings_client_separate", pk=client.pk)

    @admin.display(description=_("Personal data"))
    def forget(self, client: Client) -> str:
        return link(gettext("Forget this person …"), "bookings_client_forget", pk=client.pk)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        names = super().get_fields(request, obj)
        if obj and access.of_user(request.user).may("merge", obj.tenant_id):
            names = [*names, "same"]
        if obj and access.of_user(request.user).may("forget", obj.tenant_id):
            return [*names, "forget"]
        return names

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("same/", view(people.candidates_page), name="bookings_client_same"),
            *(
                path(f"<int:object_id>/{deed}/", view(page), name=f"bookings_client_{deed}")
                for deed, page in (
                    ("forget", gone.forget_page),
                    ("merge", people.merge_page),
                    ("separate", people.separate_page),
                )
            ),
        ]
        return [*own, *super().get_urls()]
