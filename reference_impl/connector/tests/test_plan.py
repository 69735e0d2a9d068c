"""What each task of a job runs."""

import base64

import pytest

from common_compute_connector.plan import OutputRule, missing_outputs, parameters_of, plan_task, task_count

SPEC = {
    "command": ["run", "{{POOL}}", "{{CC_TASK_INDEX}}/{{CC_TASK_COUNT}}"],
    "environment": {"WHERE": "in {{POOL}}"},
    "inputs": [
        {"path": "{{POOL}}.txt", "source": {"kind": "inline", "content_base64": base64.b64encode(b"x").decode()}},
        {"path": "b", "executable": True, "source": {"kind": "url", "url": "https://h/{{POOL}}"}},
    ],
    "outputs": [{"path": "{{POOL}}/*.csv", "required": False}],
    "array": {"parameters": [{"POOL": "one"}, {"POOL": "{{CC_TASK_INDEX}}"}]},
}  # fmt: skip


def test_parameters_are_put_in_once_and_never_looked_at_again():
    """A parameter that looks like a placeholder stays as it is."""
    first, second = (plan_task(SPEC, "job", index) for index in range(2))
    assert ("run", "one", "0/2") == first.command
    assert ("run", "{{CC_TASK_INDEX}}", "1/2") == second.command
    assert "in {{CC_TASK_INDEX}}" == second.environment["WHERE"]
    assert ("one.txt", b"x", False) == (
        first.inputs[0].path,
        first.inputs[0].content,
        first.inputs[0].executable,
    )
    assert ("https://h/one", None, True) == (
        first.inputs[1].source["url"],
        first.inputs[1].content,
        first.inputs[1].executable,
    )
    assert (OutputRule("one/*.csv", required=False),) == first.outputs


def test_a_task_sees_its_parameters_and_who_it_is():
    """Parameters are environment variables beside `CC_JOB_ID`, `CC_TASK_INDEX` and `CC_TASK_COUNT`."""
    environment = plan_task(SPEC, "job-1", 1).environment
    own = {"CC_JOB_ID": "job-1", "CC_TASK_INDEX": "1", "CC_TASK_COUNT": "2", "POOL": "{{CC_TASK_INDEX}}"}
    assert own == {name: value for name, value in environment.items() if name != "WHERE"}


def test_braces_stay_as_they_are_in_a_job_that_is_no_array():
    """Only array jobs have placeholders."""
    spec = {"command": ["echo", "{{POOL}}", "{{CC_TASK_INDEX}}"]}
    assert ("echo", "{{POOL}}", "{{CC_TASK_INDEX}}") == plan_task(spec, "j", 0).command
    assert 1 == task_count(spec)
    assert {} == parameters_of(spec, 0)


def test_an_array_by_count_has_its_indices():
    """`count` tasks, without parameters, know their index."""
    spec = {"command": ["a{{CC_TASK_INDEX}}"], "array": {"count": 3}}
    assert [("a0",), ("a1",), ("a2",)] == [plan_task(spec, "j", i).command for i in range(task_count(spec))]


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.txt", ["a.txt", "ä b.txt"], ["a.txt.gz", "d/a.txt", ".a.txt", "atxt"]),
        ("?", ["a", "é"], ["", "ab", "/", "."]),
        ("[a-c]x", ["ax", "cx"], ["dx", "x"]),
        ("[!a]x", ["bx"], ["ax", "/x", ".x"]),
        ("[]]", ["]"], ["["]),
        ("[x", ["[x"], ["x"]),
        ("a/**", ["a/b", "a/b/c.txt"], ["a", "a/.b", "a/.b/c", "b/a"]),
        ("**/*.log", ["x.log", "a/b/x.log"], ["a/.b/x.log", ".x.log"]),
        ("a/**/b", ["a/b", "a/x/y/b"], ["ab", "a/x/c"]),
        ("**", ["a", "a/b/c"], [".a", "a/.b"]),
        (".hidden/*", [".hidden/a"], [".hidden/.b", "xhidden/a"]),
        ("a*b", ["a\nb", "ab"], ["a/b"]),
        ("a+(b).txt", ["a+(b).txt"], ["aab.txt"]),
        ("**.txt", ["a.txt"], ["d/a.txt"]),
        ("[a\\]", ["\\", "a"], ["]"]),
    ],
)
def test_globs_match_as_the_contract_says(pattern, yes, no):
    """`*` and `?` stay in a segment, `**` is any depth, dots are hidden, `[!x]` negates."""
    rule = OutputRule(pattern)
    assert yes == [path for path in yes + no if rule.matches(path)]


def test_only_required_globs_that_nothing_fits_are_missing():
    """An optional output may be absent."""
    rules = [OutputRule("a"), OutputRule("*.csv"), OutputRule("c", required=False)]
    assert ["*.csv"] == missing_outputs(rules, ["a", "d/x.csv"])
