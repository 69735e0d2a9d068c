"""Which places on the network are asked, as the shell on the host judges URLs and addresses."""

import shutil
import subprocess
from importlib.resources import files

import pytest

pytestmark = [pytest.mark.real, pytest.mark.needs("dash")]

TEXT = files("common_compute_rosetta").joinpath("sh", "transfer.sh").read_text()
NOT_UNDERSTOOD = ""


@pytest.fixture(params=["dash", "bash"])
def ask(request):
    """Run shell text after the functions of a transfer."""
    shell = shutil.which(request.param)

    def run(text: str, stdin: str = "") -> str:
        done = subprocess.run([shell, "-c", f"{TEXT}\n{text}"], input=stdin, capture_output=True, text=True)
        assert "" == done.stderr
        return done.stdout.strip()

    return run


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("data.example.org", "named data.example.org 443"),
        ("DATA.Example.org:8443", "named data.example.org 8443"),
        ("me:pa$$%40@data.example.org", "named data.example.org 443"),
        ("data.example.org:", "named data.example.org 443"),
        ("a.b.pool.org", "named a.b.pool.org 443"),
        ("pool.org", "closed pool.org 443"),
        ("evilpool.org", "closed evilpool.org 443"),
        ("data.example.org.evil.org", "closed data.example.org.evil.org 443"),
        ("10.0.0.7", "named 10.0.0.7 443"),
        ("10.0.0.8", "closed 10.0.0.8 443"),
        ("[::1]:1", "named [::1] 1"),
        ("data.example.org@evil.org", "closed evil.org 443"),
        ("evil.org@data.example.org", "named data.example.org 443"),
        (r"evil.org\@data.example.org", NOT_UNDERSTOOD),
        (r"data.example.org\.evil.org", NOT_UNDERSTOOD),
        ("a@b@data.example.org", NOT_UNDERSTOOD),
        ("data.example.org:99999999", NOT_UNDERSTOOD),
        ("data.example.org:80:80", NOT_UNDERSTOOD),
        ("data..example.org", NOT_UNDERSTOOD),
        ("data.example.org.", NOT_UNDERSTOOD),
        ("d\xe4ta.example.org", NOT_UNDERSTOOD),
        ("data%2eexample.org", NOT_UNDERSTOOD),
        ("[::1", NOT_UNDERSTOOD),
        ("[fe80::1%25eth0]", NOT_UNDERSTOOD),
        ("", NOT_UNDERSTOOD),
        ("-x", NOT_UNDERSTOOD),
        ("167772167", NOT_UNDERSTOOD),
        ("10.7", NOT_UNDERSTOOD),
        ("012.0.0.7", NOT_UNDERSTOOD),
        ("0xa.0.0.7", NOT_UNDERSTOOD),
        ("x.0xa", NOT_UNDERSTOOD),
        ("10.0.0.256", NOT_UNDERSTOOD),
        ("10.0.0.7.", NOT_UNDERSTOOD),
        ("10.0.0.7.5", NOT_UNDERSTOOD),
    ],
)
def test_hosts_are_known_by_their_names(ask, place, said):
    """Only the host counts, in any case of its letters; what could be read in two ways is not understood."""
    hosts = "data.example.org *.pool.org 10.0.0.7 [::1]"
    assert said == ask(f"HOSTS='{hosts}' _scheme=https; place_of", f"{place}\n")


def test_every_public_host(ask):
    """A star alone leaves the answer to the addresses, and a name beside it counts all the same."""
    asked = ask("HOSTS='* in.example.org' _scheme=http; place_of", "x.example.org\n")
    assert "public x.example.org 80" == asked
    assert "named in.example.org 80" == ask(
        "HOSTS='* in.example.org' _scheme=http; place_of", "in.example.org\n"
    )


@pytest.mark.parametrize(
    "address",
    [
        *(
            "0.0.0.0",
            "10.1.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
        ),
        *(
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
        ),
        *("198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *(
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "::ffff:127.0.0.1",
            "64:ff9b::8.8.8.8",
            "100::1",
            "fc00::1",
            "fd12::1",
        ),
        *(
            "fe80::1",
            "fe80::1%eth0",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:0:1::",
            "2001:10::1",
            "2001:20::1",
        ),
        *("2001:1ff::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "200::1", "2", "nonsense"),
    ],
)
def test_addresses_that_are_not_public(ask, address):
    """An address of the inside, of a machine itself, or for examples is none, also beside one that is."""
    assert "no" == ask("public_ones || echo no", f"{address}\n")
    assert "no" == ask("public_ones || echo no", f"8.8.8.8\n{address}\n")


def test_addresses_that_are_public(ask):
    """Public addresses are given as curl takes them."""
    public = ["8.8.8.8", "100.63.0.1", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1", "198.20.0.1"]
    public += ["2001:200::1", "2001:4860:4860::8888", "2a00:1450::1", "3ffe::1", "223.255.255.255"]
    assert ",".join(public) == ask("public_ones", "\n".join(public) + "\n")
    assert "no" == ask("public_ones || echo no")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://data.example.org/x?y#z", "yes data.example.org"),
        ("https://data.example.org?y@evil.org", "yes data.example.org"),
        ("https://data.example.org#@evil.org/", "yes data.example.org"),
        ("http://data.example.org/x", "a URL with http is not used here"),
        ("https:data.example.org", "its URL is none that is understood here"),
        ("https:/data.example.org/x", "its URL is none that is understood here"),
        ("https:///data.example.org", "its URL is none that is understood here"),
        ("HTTPS://data.example.org/", "its URL is none that is understood here"),
        ("data.example.org", "its URL is none that is understood here"),
        ("", "its URL is none that is understood here"),
        ("https://evil.org/?s3same", "evil.org is none of the hosts that are used here"),
        ("https://s3same:0pen@evil.org/", "evil.org is none of the hosts that are used here"),
        ("file:///etc/passwd", "a URL with file is not used here"),
    ],
)
def test_urls_are_judged_before_they_are_asked(ask, url, words):
    """A URL that may not be asked is told with words that hold nothing of what may be secret in it."""
    text = f"SCHEMES=https HOSTS=data.example.org PROXY=; if may_reach '{url}'; then echo yes $HOST; else echo $WORDS; fi"
    assert words == ask(text)


def test_a_name_is_looked_up_once(ask):
    """Curl takes the addresses that were judged, and looks for no others."""
    getent = "getent() { echo 8.8.8.8 STREAM x; echo 8.8.8.8 DGRAM; echo 2a00::1 STREAM; }"
    text = f"{getent}\nSCHEMES=https HOSTS='*' PROXY=; may_reach 'https://x.org:8443/' && echo $PIN"
    assert "x.org:8443:8.8.8.8,2a00::1" == ask(text)
    mixed = getent.replace("2a00::1", "10.0.0.1")
    text = f"{mixed}\nSCHEMES=https HOSTS='*' PROXY=; may_reach 'https://x.org/' || echo $WORDS"
    assert "not public" in ask(text)
    # A proxy looks names up itself.
    text = f"{mixed}\nSCHEMES=https HOSTS='*' PROXY=http://p:1; may_reach 'https://x.org/' && echo yes $PIN"
    assert "yes" == ask(text)
