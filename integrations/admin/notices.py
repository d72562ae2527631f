"""Where do people say who is told when something happens?"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core import validators
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from integrations import access
from integrations.acuity.errors import AcuityError
from integrations.admin.told import Told
from integrations.console.sentences import said
from integrations.models import NoticeChannel
from integrations.notices import sending


class ChannelForm(forms.ModelForm):  # type: ignore[type-arg]
    """The secret goes in and never comes out again."""

    secret = forms.CharField(
        required=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text=_("Signs what a webhook gets. Never shown again; empty keeps the stored one."),
    )

    def clean_secret(self) -> str:
        # As it is stored, whether this server can decrypt it or not.
        given: str = self.cleaned_data["secret"] or self.instance.secret
        return given

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
class NoticeChannelAdmin(Told):
    """Who is told when something happens."""

    deeds = ("added a channel", "changed a channel", "deleted a channel")

    form = ChannelForm
    list_display = ["__str__", "address", "digest", "active", "unsent"]
    list_select_related = ["tenant"]
    actions = ["send_test"]

    @admin.display(description=_("Not sent"))
    def unsent(self, channel: NoticeChannel) -> str:
        """How many messages wait or were given up, and why the last of them was not taken."""
        rows = channel.messages.filter(sent_at=None).order_by("-pk")
        last = rows.exclude(trouble="").first()
        return f"{rows.count()}: {said(last.trouble)}" if last else ""

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
