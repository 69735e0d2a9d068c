"""A configuration file becomes data, and every fault in it one sentence."""

import tomllib
from pathlib import Path

import pytest

from common_compute_connector.configuration import Configuration, configuration_of, read_configuration
from common_compute_connector.errors import ConfigurationError
from common_compute_connector.protocol import FacilityConfiguration
from common_compute_connector.tokens.oidc import Issuer

FACILITY = '[[facility]]\nid = "a"\nconnector = "mock"\nflavour = "rosetta"\n'
LEAST = '[service]\nid = "org.example"\n' + FACILITY


def _read(text: str, directory: Path = Path("/etc/cc"), **environment: str) -> Configuration:
    return configuration_of(tomllib.loads(text), directory, environment)


def _faults(text: str, **environment: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as raised:
        _read(text, **environment)
    return raised.value.faults


def test_the_least_that_is_needed() -> None:
    """An id and one facility are enough; the facility's own settings are left to its connector."""
    configuration = _read(LEAST)

    assert "org.example" == configuration.service.id
    assert "127.0.0.1" == configuration.service.host
    assert "none" == configuration.access.kind
    assert (FacilityConfiguration("a", "mock", {"flavour": "rosetta"}),) == configuration.facilities


def test_everything_can_be_said() -> None:
    """All settings reach the data that they are meant for; relative paths begin at the file."""
    configuration = _read(
        """
        [service]
        id = "org.example"
        name = "Example"
        description = "d"
        organization = "O"
        organization_url = "https://o.example"
        host = "0.0.0.0"
        port = 0
        cors_origins = ["https://page.example"]
        requests_per_minute = 600
        [store]
        url = "sqlite:///data/store.sqlite3"
        results = "results"
        [access]
        kind = "bearer"
        tokens_file = "tokens"
        audience = "https://compute.example"
        [[access.issuer]]
        url = "https://iam.example/"
        [[access.issuer]]
        url = "http://localhost:9000"
        scopes = ["compute.read", "compute.create"]
        [limits]
        max_request_bytes = 2048
        max_wait_seconds = 5
        max_page_size = 50
        """
        + FACILITY
    )

    assert ("https://page.example",) == configuration.service.cors_origins
    assert 600 == configuration.service.requests_per_minute
    assert "sqlite:////etc/cc/data/store.sqlite3" == configuration.store.url
    assert Path("/etc/cc/results") == configuration.store.results
    assert Path("/etc/cc/tokens") == configuration.access.tokens_file
    assert (
        Issuer("https://iam.example/", frozenset({"compute.read"})),
        Issuer("http://localhost:9000", frozenset({"compute.read", "compute.create"})),
    ) == configuration.access.issuers
    assert (2048, 5, 50) == (
        configuration.limits.max_request_bytes,
        configuration.limits.max_wait_seconds,
        configuration.limits.max_page_size,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FACILITY, '[service]: id is missing; write for example id = "org.example.compute".'),
        ('[service]\nid = "x"\n', "There is no facility"),
        ("service = 1\n" + FACILITY, "[service] must be a table."),
        ('[service]\nid = ""\n' + FACILITY, "[service]: id must not be empty."),
        ('[service]\nid = "x"\nprot = 1\n' + FACILITY, "[service]: prot is not known; did you mean port?"),
        ('[service]\nid = "x"\nport = "1"\n' + FACILITY, "[service]: port must be a whole number."),
        ('[service]\nid = "x"\nport = true\n' + FACILITY, "[service]: port must be a whole number."),
        (
            '[service]\nid = "x"\nport = 70000\n' + FACILITY,
            "[service]: port must be at least 0 and at most 65535",
        ),
        ('[service]\nid = "x"\ncors_origins = [1]\n' + FACILITY, "cors_origins must be a list of texts"),
        ("[sevice]\n" + LEAST, "the file: sevice is not known; did you mean service?"),
        (
            '[store]\nurl = "mysql://x"\n' + LEAST,
            "[store]: url must begin with sqlite:/// or postgresql+psycopg://",
        ),
        ('[store]\nurl = "postgresql+psycopg://u:secret@h/d"\n' + LEAST, "[store]: url holds a password"),
        ('[store]\nurl_environment = "DB"\n' + LEAST, "[store]: url_environment names DB, which is not set"),
        ('[store]\nurl_file = "no"\n' + LEAST, "[store]: url_file names /etc/cc/no, which cannot be read"),
        ('[store]\nurl = "sqlite:///a"\nurl_file = "b"\n' + LEAST, "is said more than once"),
        ('[access]\nkind = "open"\n' + LEAST, '[access]: kind must be one of none, bearer, not "open".'),
        ('[access]\nkind = "bearer"\n' + LEAST, "a tokens_file or an [[access.issuer]] is needed"),
        ('[access]\ntokens_file = "t"\n' + LEAST, 'write kind = "bearer"'),
        (
            '[access]\nkind = "bearer"\n[[access.issuer]]\nurl = "https://i"\n' + LEAST,
            "[access]: audience is missing",
        ),
        (
            '[access]\nkind = "bearer"\naudience = "a"\n[[access.issuer]]\nurl = "http://i"\n' + LEAST,
            "[[access.issuer]] number 1: url must begin with https://",
        ),
        (
            '[access]\nkind = "bearer"\naudience = "a"\n[[access.issuer]]\nurl = "https://i"\nscopes = ["x"]\n'
            + LEAST,
            "scopes has x; there are compute.cancel",
        ),
        ("[limits]\nmax_request_bytes = 1\n" + LEAST, "max_request_bytes must be at least 1024, not 1."),
        ("[limits]\nmax_page_size = 1001\n" + LEAST, "max_page_size must be at least 1 and at most 1000"),
        (LEAST + FACILITY, "[[facility]] number 2: id a is the id of another facility too."),
        (LEAST.replace('"a"', '"a b"'), 'number 1: id "a b" must consist of'),
        (
            LEAST.replace('"mock"', '"mokc"'),
            'connector "mokc" is not installed; there are dirac, internal, mock, ssh.',
        ),
        (LEAST.replace('connector = "mock"\n', ""), "number 1: connector is missing"),
    ],
)
def test_a_fault_is_one_sentence_with_its_place(text: str, said: str) -> None:
    """What is wrong, where it stands and what to do is said; a secret is not."""
    faults = _faults(text)

    assert [True] == [said in fault for fault in faults]
    assert "secret" not in faults[0]


def test_all_faults_are_told_at_once() -> None:
    """Nobody has to repair a file one message at a time."""
    assert 4 == len(
        _faults('[service]\nport = "x"\n[store]\nurl = "x"\n[limits]\nmax_wait_seconds = 0\n' + FACILITY)
    )


def test_a_secret_comes_from_where_the_file_says(tmp_path: Path) -> None:
    """The address of a database, password and all, is in an environment variable or a file of its own."""
    url = "postgresql+psycopg://u:p@h/d"
    (tmp_path / "database").write_text(url + "\n", encoding="utf-8")

    assert url == _read('[store]\nurl_environment = "DB"\n' + LEAST, DB=url).store.url
    assert url == _read('[store]\nurl_file = "database"\n' + LEAST, tmp_path).store.url


def test_replicas_share_a_digest_whatever_they_listen_on() -> None:
    """The digest tells configurations apart by what they serve, not by the address."""
    here = _read('[service]\nid = "x"\nport = 1\nhost = "a"\n' + FACILITY).digest
    there = _read('[service]\nid = "x"\nport = 2\nhost = "b"\n' + FACILITY).digest
    other = _read('[service]\nid = "x"\n' + FACILITY.replace("rosetta", "dirac")).digest

    assert here == there
    assert here != other


@pytest.mark.parametrize("content", [b"[service\n", b"\xff"])
def test_a_file_that_is_no_toml_is_told(tmp_path: Path, content: bytes) -> None:
    """A broken file is a sentence, not a stack trace."""
    (tmp_path / "c.toml").write_bytes(content)

    with pytest.raises(ConfigurationError, match="is no TOML"):
        read_configuration(tmp_path / "c.toml")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_configuration(tmp_path / "nothing.toml")


def test_files_of_the_service_manager_are_found() -> None:
    """A text that begins with the variable of LoadCredential= names a file there; the digest is of what is written."""
    text = LEAST + '[access]\nkind = "bearer"\ntokens_file = "$CREDENTIALS_DIRECTORY/tokens"\n'
    one, other = (_read(text, CREDENTIALS_DIRECTORY=f"/run/credentials/{name}") for name in ("one", "other"))

    assert Path("/run/credentials/one/tokens") == one.access.tokens_file
    assert one.digest == other.digest
    assert any("a unit with LoadCredential= has it" in fault for fault in _faults(text))
