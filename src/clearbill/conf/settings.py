"""Django's settings, all derived from :mod:`clearbill.conf.config`."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from clearbill.conf.config import configuration_of_process
from clearbill.conf.logs import logging_configuration

CLEARBILL = configuration_of_process()
_ROOT = Path(__file__).resolve().parent.parent

DEBUG = False
SECRET_KEY = CLEARBILL.secret_key
_PUBLIC = urlsplit(CLEARBILL.public_url)
ALLOWED_HOSTS = [*CLEARBILL.allowed_hosts, _PUBLIC.hostname or "localhost"]
CSRF_TRUSTED_ORIGINS = [f"{_PUBLIC.scheme}://{_PUBLIC.netloc}"]
USE_X_FORWARDED_HOST = False
if CLEARBILL.trusted_proxies:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

INSTALLED_APPS = [
    "clearbill.scope",
    "clearbill.outbox",
    "clearbill.sellers",
    "clearbill.customers",
    "clearbill.ledger",
    "clearbill.mail",
    "clearbill.pricing",
    "clearbill.billing",
    "clearbill.payments",
    "clearbill.web",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "procrastinate.contrib.django",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "django_htmx",
    "csp",
    "ninja",
]

MIDDLEWARE = [
    "clearbill.web.middleware.correlation",
    # outside of whatever may refuse, so that refusals carry these headers too
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "clearbill.web.middleware.probes",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "clearbill.web.middleware.body_limit",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "clearbill.web.middleware.language",
    "clearbill.web.card_guard.card_guard",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "clearbill.web.middleware.refusals",
]

ROOT_URLCONF = "clearbill.conf.urls"
WSGI_APPLICATION = "clearbill.conf.asgi.django_application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [_ROOT / "web" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "csp.context_processors.nonce",
                "clearbill.web.context.surroundings",
            ],
            "builtins": ["django.templatetags.i18n", "clearbill.web.templatetags.clearbill"],
        },
    }
]


def _database(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "clearbill.scope.backend",
        "NAME": unquote(parts.path.lstrip("/")) or "clearbill",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", "") or unquote(parts.hostname or ""),
        "PORT": query.pop("port", "") or str(parts.port or ""),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **query,
            "application_name": "clearbill",
            "options": "-c timezone=UTC -c idle_in_transaction_session_timeout=60s -c jit=off",
        },
        "TEST": {"MIRROR": None},
    }


DATABASES = {"default": _database(CLEARBILL.database_url or "postgresql://clearbill_app@/clearbill")}
if CLEARBILL.database_url and CLEARBILL.environment != "test":
    DATABASES["default"]["OPTIONS"]["pool"] = {
        "min_size": 1,
        "max_size": CLEARBILL.threads + 2,
        "timeout": 10,
    }  # type: ignore[index]
if CLEARBILL.owner_url:
    DATABASES["owner"] = _database(CLEARBILL.owner_url)
DATABASE_ROUTERS: list[str] = []
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "sellers.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "console:home"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "clearbill.web.accounts.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key", "reset_password": "10/m/ip,5/m/key"}
MFA_ADAPTER = "clearbill.web.accounts.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = False
MFA_TOTP_ISSUER = "Clearbill"
MFA_ALLOW_UNVERIFIED_EMAIL = True  # sign-up is closed: addresses come from owners and invitations
ALLAUTH_TRUSTED_PROXY_COUNT = CLEARBILL.trusted_proxies
SOCIALACCOUNT_ADAPTER = "clearbill.web.accounts.SocialAccountAdapter"
USERSESSIONS_TRACK_ACTIVITY = False
SOCIALACCOUNT_ONLY = False
SOCIALACCOUNT_AUTO_SIGNUP = False
SOCIALACCOUNT_PROVIDERS = (
    {
        "openid_connect": {
            "APPS": [
                {
                    "provider_id": "oidc",
                    "name": "OpenID Connect",
                    "client_id": CLEARBILL.oidc_client_id,
                    "secret": CLEARBILL.oidc_client_secret,
                    "settings": {"server_url": CLEARBILL.oidc_issuer},
                }
            ]
        }
    }
    if CLEARBILL.oidc_issuer
    else {}
)

CACHES = {"default": {"BACKEND": "clearbill.scope.shared_cache.SharedCache"}}

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CLEARBILL.is_production
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = CLEARBILL.is_production
CSRF_FAILURE_VIEW = "clearbill.web.errors.csrf_failed"
SECURE_HSTS_SECONDS = 31_536_000 if CLEARBILL.is_production else 0
SECURE_SSL_REDIRECT = CLEARBILL.is_production
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "style-src": [SELF],
        "script-src": [SELF],
        "connect-src": [SELF],
        "font-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [_ROOT / "web" / "locale"]
LANGUAGE_COOKIE_NAME = "clearbill_language"
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = CLEARBILL.is_production
LANGUAGE_COOKIE_AGE = 31_536_000
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATICFILES_DIRS = [_ROOT / "web" / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = CLEARBILL.environment == "test"
WHITENOISE_MAX_AGE = 3600

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = CLEARBILL.smtp_host
EMAIL_PORT = CLEARBILL.smtp_port
EMAIL_HOST_USER = CLEARBILL.smtp_user
EMAIL_HOST_PASSWORD = CLEARBILL.smtp_password
EMAIL_USE_TLS = CLEARBILL.smtp_tls == "starttls"
EMAIL_USE_SSL = CLEARBILL.smtp_tls == "tls"
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = CLEARBILL.mail_from

LOGGING = logging_configuration(CLEARBILL.log_format, CLEARBILL.log_level)
NINJA_PAGINATION_PER_PAGE = 50
SILENCED_SYSTEM_CHECKS: list[str] = []
