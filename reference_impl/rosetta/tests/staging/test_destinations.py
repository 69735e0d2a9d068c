"""Where results go: the URL of each file, and what is told of it."""

import pytest

from common_compute_connector.plan import OutputRule, plan_task
from common_compute_rosetta.destinations import deliver, destination_fault
from common_compute_rosetta.placing import Kept, Stored, Unavailable
from common_compute_rosetta.sending import read_seen
from common_compute_rosetta.staging import Elsewhere, Fetched, Request, read_states, requests_of
from common_compute_rosetta.storage_settings import Storage


def rule(url, path="**"):
    return OutputRule(path, True, url)


@pytest.mark.parametrize(
    ("url", "index", "target", "location"),
    [
        ("https://h/x", None, "https://h/x", "https://h/x"),
        ("https://h/x?a=b#c", None, "https://h/x?a=b", "https://h/x"),
        ("HTTPS://u:p@h:8/d/?a=b", None, "https://u:p@h:8/d/in/it%20s?a=b", "https://h:8/d/in/it%20s"),
        ("https://h", None, "https://h/in/it%20s", "https://h/in/it%20s"),
        ("https://h?a=/", None, "https://h/in/it%20s?a=/", "https://h/in/it%20s"),
        ("https://h/d/", 7, "https://h/d/7/in/it%20s", "https://h/d/7/in/it%20s"),
        ("https://h/x?a=/", None, "https://h/x?a=/", "https://h/x"),
    ],
)
def test_the_url_of_a_file(url, index, target, location):
    """A folder takes files by their paths; what may be secret is not in what is told."""
    delivery = deliver(b"in/it s", "in/it s", [rule(url)], index)
    assert (target, location) == (delivery.url, delivery.location)
    assert "u:p" not in repr(delivery)


def test_which_destination():
    """The first destination that matches takes the file, whatever matches it beside; else it stays."""
    rules = [OutputRule("*"), rule("https://h/1/", "*.csv"), rule("https://h/2/", "a.*")]
    assert "https://h/1/a.csv" == deliver(b"a.csv", "a.csv", rules, None).url
    assert "https://h/2/a.txt" == deliver(b"a.txt", "a.txt", rules, None).url
    assert deliver(b"b.txt", "b.txt", rules, None) is None


@pytest.mark.parametrize(
    ("url", "path", "array", "fits"),
    [
        ("https://h/x", "a", False, True),
        ("https://h/x/", "*", True, True),
        ("https://h", "*", True, True),
        ("https://h/x?a=/", "*", False, False),
        ("https://h/x", "[ab]", False, False),
        ("https://h/x", "a", True, False),
    ],
)
def test_a_file_s_url_is_for_one_file(url, path, array, fits):
    """Where several files may come, the destination must be a folder."""
    spec = {"outputs": [{"path": "z"}, {"path": path, "destination": {"url": url}}]}
    if array:
        spec["array"] = {"count": 1}
    assert fits == (destination_fault(spec) is None)


SPEC = {
    "command": ["x"],
    "array": {"count": 3},
    "inputs": [
        {"path": "a", "source": {"kind": "url", "url": "HTTPS://h/all", "sha256": "A" * 64}},
        {"path": "b", "source": {"kind": "url", "url": "https://h/{{CC_TASK_INDEX}}"}},
        {"path": "c", "source": {"kind": "storage", "storage": "s", "path": "p/q"}},
        {"path": "d", "source": {"kind": "inline", "content_base64": ""}},
    ],
}
PLANS = [plan_task(SPEC, "j", index) for index in (1, 2)]


def test_what_a_part_asks_for():
    """Each URL of a part is asked for once, by a number that is the same whenever it is counted."""
    assert {
        Request("https://h/all", "a" * 64): 0,
        Request("https://h/1", None): 1,
        Request("https://h/2", None): 2,
    } == requests_of(PLANS)
    assert "h/all" not in repr(next(iter(requests_of(PLANS))))


def test_where_inputs_are():
    """A file is where it was fetched, a stored one in its storage, and what is not there has words."""
    elsewhere = Elsewhere(PLANS, Fetched("/f", {2: "it is gone"}), [Storage("s", "/s")])
    assert [Kept("/f/0"), Unavailable("it is gone"), Stored("/s", "p/q")] == [
        elsewhere.source_of(entry) for entry in PLANS[1].inputs[:3]
    ]
    assert elsewhere.refusal() is None
    assert (
        "b: it is gone"
        == Elsewhere(PLANS[1:], Fetched("/f", {1: "it is gone"}), [Storage("s", "/s")]).refusal()
    )
    assert "c: the facility no longer has this storage" == Elsewhere(PLANS, Fetched("/f", {}), []).refusal()


def test_the_answers_of_a_host():
    """Each part and task is told with a word, and with what failed or arrived."""
    lines = ["ready\ta.0", "failed\ta.0\t2\tit is\tgone", "moving\tb.0", "waiting\tc.1", "unknown\td.0"]
    assert {
        "a.0": ("ready", {2: "it is"}),
        "b.0": ("moving", {}),
        "c.1": ("waiting", {}),
        "d.0": ("unknown", {}),
    } == read_states(lines)
    seen = read_seen(
        [
            "sent\ta.0\t3",
            "file-sent\tx\t5 ff",
            "file-unsent\ty\tno\troom",
            "moving\tb.0\t1",
            "unknown\tc.0\t0",
        ]
    )
    assert {("b", 0)} == {key for key, _ in seen.under_way}
    ((task, outcomes),) = seen.done.items()
    assert (("a", 0), 3, 5, "no\troom") == (*task, outcomes["x"].size_bytes, outcomes["y"])
