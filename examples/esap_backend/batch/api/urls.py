"""The paths below `esap-api/batch/`."""

from django.urls import path, register_converter

from batch.api import views


class _Identifier:
    """An id of the contract. None is `..`, so that no path leads elsewhere."""

    regex = "[A-Za-z0-9][A-Za-z0-9._~-]{0,63}"

    def to_python(self, value: str) -> str:
        return value

    to_url = to_python


class _Stream(_Identifier):
    regex = "stdout|stderr"


register_converter(_Identifier, "identifier")
register_converter(_Stream, "stream")

urlpatterns = [
    path("facilities/search", views.SearchFacilities.as_view(), name="batch-facility-search"),
    path(
        "facilities/<identifier:facility_id>/credential/", views.Credential.as_view(), name="batch-credential"
    ),
    path("workflows/search", views.SearchWorkflows.as_view(), name="batch-workflow-search"),
    path("jobs/", views.Jobs.as_view(), name="batch-jobs"),
    path("jobs/<uuid:pk>/", views.Job.as_view(), name="batch-job"),
    path("jobs/<uuid:pk>/cancel/", views.Cancel.as_view(), name="batch-cancel"),
    path("jobs/<uuid:pk>/logs/<stream:stream>/", views.Log.as_view(), name="batch-log"),
    path("jobs/<uuid:pk>/tasks/", views.Tasks.as_view(), name="batch-tasks"),
    path("jobs/<uuid:pk>/results/", views.Results.as_view(), name="batch-results"),
    path("jobs/<uuid:pk>/results/<identifier:result_id>/", views.Result.as_view(), name="batch-result"),
]
