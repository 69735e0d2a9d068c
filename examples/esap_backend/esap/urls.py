"""The one path of ESAP's that this example has."""

from django.urls import include, path

urlpatterns = [path("esap-api/batch/", include("batch.api.urls"))]
