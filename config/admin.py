"""Django's pages of users and Celery's of schedules, in the form of all the others."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.utils.translation import gettext_noop as _
from django_celery_beat import admin as beat
from django_celery_beat import models as schedules
from unfold.admin import TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from bookings import zones
from bookings.admin.base import Light

# What the theme's form says; it has no German.
SAID = _(
    "Raw passwords are not stored, so there is no way to see this user’s password, but you can change the"
    ' password using <a href="{}" class="text-primary-600 dark:text-primary-500">this form</a>.'
)

# The other apps' own come first.
admin.autodiscover()
for model in (
    User,
    Group,
    schedules.PeriodicTask,
    schedules.IntervalSchedule,
    schedules.CrontabSchedule,
    schedules.ClockedSchedule,
    schedules.SolarSchedule,
):
    admin.site.unregister(model)


# What a user's page has, and the head of what is last on it: when somebody came.
*IDENTITY, (DATES, _when) = UserAdmin.fieldsets or ()


@admin.register(User)
class Users(UserAdmin, Light):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    # Nobody has a reason to say otherwise.
    readonly_fields = ("last_seen", "joined")
    fieldsets = (*IDENTITY, (DATES, {"fields": readonly_fields}))
    # Django's pairs of lists have labels that no screen reader may read.
    filter_horizontal = ()

    @admin.display(description=User._meta.get_field("last_login").verbose_name)
    def last_seen(self, user: User) -> str:
        return zones.written(user.last_login, zones.zone("UTC"), named=True)

    @admin.display(description=User._meta.get_field("date_joined").verbose_name)
    def joined(self, user: User) -> str:
        return zones.written(user.date_joined, zones.zone("UTC"), named=True)


@admin.register(Group)
class Groups(GroupAdmin, Light):
    filter_horizontal = ()


class Tasks(UnfoldAdminSelectWidget, beat.TaskSelectWidget):  # type: ignore[misc]
    """A choice of what Celery can do."""


class TaskForm(beat.PeriodicTaskForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = Tasks()


@admin.register(schedules.PeriodicTask)
class PeriodicTasks(beat.PeriodicTaskAdmin, Light):  # type: ignore[misc]
    form = TaskForm


class TasksOf(beat.PeriodicTaskInline, TabularInline):  # type: ignore[misc]
    pass


@admin.register(schedules.IntervalSchedule, schedules.ClockedSchedule, schedules.SolarSchedule)
class Schedules(Light):
    inlines = [TasksOf]


@admin.register(schedules.CrontabSchedule)
class Crontabs(beat.CrontabScheduleAdmin, Light):  # type: ignore[misc]
    inlines = [TasksOf]
