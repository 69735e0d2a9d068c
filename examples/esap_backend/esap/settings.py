"""Settings of the stand-in for ESAP; the three of Common Compute are what ESAP would add to its own."""

import os
from pathlib import Path

COMMON_COMPUTE_URL = os.environ.get("COMMON_COMPUTE_URL", "http://127.0.0.1:8080/v1")
COMMON_COMPUTE_TOKEN = os.environ.get("COMMON_COMPUTE_TOKEN", "")
# For so long a request to ESAP waits in all where the computing service asks for patience (Retry-After).
COMMON_COMPUTE_PATIENCE_SECONDS = int(os.environ.get("COMMON_COMPUTE_PATIENCE_SECONDS", "5"))

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = os.environ.get("ESAP_SECRET_KEY", "known to everybody who reads this example")
DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]

INSTALLED_APPS = [
    "batch",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "rest_framework",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]

ROOT_URLCONF = "esap.urls"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("ESAP_DATABASE", str(BASE_DIR / "esap.sqlite3")),
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.SessionAuthentication",
        "rest_framework.authentication.BasicAuthentication",
    ],
    "DEFAULT_PAGINATION_CLASS": "esap.pagination.Pages",
}

USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
