"""Where do people connect an account, and what hangs on it?"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from bookings.admin import link
from bookings.theme import PasswordInput, URLInput, button
from integrations import access, audit
from integrations.acuity.accounts import addresses, keys, oauth
from integrations.acuity.errors import ConfigurationError, PrivateAddress
from integrations.acuity.sync import freshness
from integrations.acuity.sync import webhooks as hooks_of
from integrations.admin.deletable import Deletable
from integrations.console import connect, exports, hooks, key, key_page, views
from integrations.console.sentences import said
from integrations.console.words import for_people
from integrations.models import AcuityAccount, Webhooks

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
            '<span class="console inset">{} <button type="submit" name="webhooks" value="{}"'
            ' formaction="{}" formnovalidate>{}</button></span>',
            words,
            "remove" if known else "register",
            reverse("admin:acuity_webhooks", args=[account.pk]),
            gettext("Remove them") if known else gettext("Register webhooks"),
        )

    @admin.display(description=_("How fresh"))
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
