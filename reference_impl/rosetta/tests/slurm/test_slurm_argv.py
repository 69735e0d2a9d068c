"""Arguments and environment reach the process byte for byte through Slurm, whatever they hold."""

import json

import pytest

from common_compute_connector.protocol import Refused

pytestmark = [pytest.mark.real, pytest.mark.needs("slurm")]

ECHO = "import json,os,sys; json.dump([sys.argv[1:], {k.decode(): v.decode() for k, v in os.environb.items()}], sys.stdout)"
PYTHON = "/usr/bin/python3"


async def test_hostile_arguments_and_environment(house, hostile):
    """Every string of the corpus arrives as it was sent, as argument and as variable."""
    environment = {f"V{number}": text for number, text in enumerate(hostile) if len(text) < 50_000}
    run = await house.run(PYTHON, "-I", "-c", ECHO, *hostile, environment=environment)
    assert b"" == run.stderr
    arguments, variables = json.loads(run.stdout)
    assert hostile == arguments
    assert environment == {name: value for name, value in variables.items() if name.startswith("V")}


async def test_hostile_parameters_of_an_array(house, hostile):
    """What is put into an array's words is never looked at again."""
    parameters = [{"P": text} for text in hostile if len(text) < 1000]
    command = [PYTHON, "-I", "-c", ECHO, "<{{P}}>"]
    run = await house.run(*command, array={"parameters": parameters}, count=len(parameters))
    for index, parameter in enumerate(parameters):
        arguments, variables = json.loads(run.logs[index, "stdout"])
        assert ([f"<{parameter['P']}>"], parameter["P"]) == (arguments, variables["P"])


async def test_hostile_names_of_jobs_and_projects(house, hostile):
    """A job's name never reaches Slurm; a project that is no name of Slurm's is refused without asking it."""
    assert 0 == (await house.run("true", name='a|b\n"$(x)"', labels={"x": "| ,"})).task.exit_code
    submissions = [
        house.submission(house.spec("true", project=text))
        for text in hostile
        if text.strip() and len(text) < 99
    ]
    answers = await house.connector.submit(submissions)
    assert {Refused} == {type(answer) for answer in answers}
    assert {"submission-rejected"} == {answer.reason.code for answer in answers}
