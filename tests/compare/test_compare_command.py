"""`multinet compare`: what it shows of rounds, what it refuses, and how it ends."""

import dataclasses

import pytest
from compare_rounds import CASE, FILE, calm, comparison
from typer.testing import CliRunner

from multinet.cli import app
from multinet.compare import coordinator, record
from multinet.compare.record import Agreed


@pytest.fixture
def run(monkeypatch):
    """Return what runs the command where a case is what was measured."""

    def command(case, *options):
        found = comparison(*(case if isinstance(case, tuple) else (case,)))

        def measure(tasks, contenders, settings, command, tell, *rest):
            tell("measuring", 0.5)
            asked.update(tasks=tasks, contenders=contenders, settings=settings)
            return found

        monkeypatch.setattr(coordinator, "compare", measure)
        result = CliRunner().invoke(app, ["compare", *options])
        return result.exit_code, result.output

    asked = {}
    command.asked = asked
    return command


def test_one_plain_sentence_ends_it(run):
    code, text = run(calm(1.2))
    assert code == 0
    assert text.rstrip().splitlines()[-1].startswith("On this machine numpy trains mlp")
    for heading in ("path taken", "a step (95% within)", "of GEMM", "first step"):
        assert heading in text
    assert "numpy again" in text and "Noise: two processes of numpy differ" in text


def test_a_missing_backend_is_a_row_with_its_reason(run):
    _, text = run(CASE)
    (row,) = (line for line in text.splitlines() if line.startswith("  tensorflow"))
    assert "not installed: pip install 'multinet-nn[tensorflow]'" in row
    assert "jax: drifting, at relu" in text
    assert "Nobody is called the fastest on mlp" in text.splitlines()[-1]


def test_several_models_end_in_one_sentence_too(run):
    cnn = dataclasses.replace(calm(1 / 1.2), task=record.Task("cnn"))
    lstm = dataclasses.replace(CASE, task=record.Task("lstm"))
    _, text = run((calm(1.2), cnn, lstm))
    assert text.rstrip().splitlines()[-1] == (
        "On this machine numpy trains mlp fastest, torch trains cnn fastest and nobody "
        "is called the fastest on lstm."
    )


def test_every_round_is_written(run, tmp_path):
    code, _ = run(CASE, "--json", str(tmp_path / "found.json"))
    assert code == 0
    assert record.read(tmp_path / "found.json").cases == (CASE,)


def test_what_is_asked_for_arrives(run):
    code, text = run(
        *(
            calm(),
            "--backends",
            "torch,numpy",
            "--models",
            "cnn,lstm",
            "--threads",
            "1",
        ),
        *("--batch", "16", "--epochs", "3", "--steps", "20", "--target", "loss=0.5"),
        *("--seed", "7", "--rounds", "4"),
    )
    assert code == 0, text
    found = run.asked["settings"]
    assert found.backends == ("torch", "numpy") and found.threads == 1
    assert (found.rounds, found.epochs, found.steps) == (4, 3, 20)
    assert (found.metric, found.target) == ("loss", 0.5)
    tasks = [(t.name, t.batch, t.seed) for t in run.asked["tasks"]]
    assert tasks == [("cnn", 16, 7), ("lstm", 16, 7)]
    assert [each.name for each in run.asked["contenders"]] == ["torch", "numpy"]


def test_a_file_is_a_task(run, tmp_path):
    path = tmp_path / "own.py"
    path.write_text("")
    run(calm(), f"{path}:build")
    (task,) = run.asked["tasks"]
    assert (task.name, task.file, task.function) == ("own", str(path), "build")
    run(calm(), str(path))
    assert run.asked["tasks"][0].function == "make"
    assert run.asked["settings"].metric is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--backends", "numby"], "numby"),
        (["--models", "mpl"], "mlp"),
        (["gone.py"], "There is no file gone.py"),
        (["--threads", "0"], "--threads"),
        (["--threads", "4096"], "at most"),
        (["--rounds", "0"], "--rounds"),
        (["--target", "accuracy"], "accuracy=0.9"),
        (["--json", "nowhere/x.json"], "no"),
        (["--against", "gone.json"], "multinet compare --json"),
        ([str(FILE), "--models", "mlp"], "got both"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_measured(run, options, words):
    code, text = run(calm(), *options)
    assert code == 2 and words in " ".join(text.split())
    assert not run.asked


# -- checks ----------------------------------------------------------------------------


def test_a_check_passes_where_all_is_well(run):
    code, text = run(calm(1.2), "--check")
    assert code == 0 and "CHECK" not in text


def test_a_check_fails_where_one_is_wrong(run):
    wrong = (Agreed("numpy", "equal to rounding"), Agreed("torch", "WRONG", "matmul"))
    found = dataclasses.replace(calm(1.2), agreement=wrong)
    code, text = run(found, "--check")
    assert code == 1 and "CHECK: mlp, torch: WRONG at matmul" in text
    assert run(found)[0] == 0
    unknown = (Agreed("numpy", reason="it draws"), Agreed("torch", "drifting"))
    code, text = run(dataclasses.replace(calm(1.2), agreement=unknown), "--check")
    assert code == 1 and "numpy: whether it agrees is not known: it draws" in text


def test_a_check_fails_where_one_fails_or_was_named_and_is_missing(run):
    failed = dataclasses.replace(calm().contender("torch"), reason="killed by signal 9")
    found = dataclasses.replace(calm(), contenders=(calm().contenders[0], failed))
    code, text = run(found, "--check")
    assert code == 1 and "CHECK: mlp, torch: killed by signal 9" in text
    # TensorFlow is not installed in what was recorded: that matters to who named it.
    assert run(CASE, "--check")[0] == 0
    assert run(CASE, "--check", "--backends", "numpy,tensorflow")[0] == 1


def test_a_check_against_an_earlier_file_finds_regressions(run, tmp_path):
    before = tmp_path / "before.json"
    record.write(comparison(calm(1.2, noise=0.02)), before)
    slow = calm(1.32, noise=0.02)
    code, text = run(slow, "--against", str(before), "--check")
    assert code == 1
    assert "CHECK: mlp, torch: a step takes +10.0%" in text
    assert run(slow, "--against", str(before))[0] == 0
    same = calm(1.2, noise=0.02)
    assert run(same, "--against", str(before), "--check")[0] == 0
