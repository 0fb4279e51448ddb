"""A stand-in for SLURM's commands, which plays an array's tasks here, several at a time.

Called as `sbatch`, it starts one of these processes a task, each under its `srun`; as `scontrol`
it notes that a task asks for another turn, and as `sacct` it tells how tasks stand. As `srun`, it
tells the first task, once it has saved, that its time is up, and takes the second one's place for
somebody more important, as SLURM does with jobs that may be requeued.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

STATE = Path(os.environ["SLURM_STAND_IN"])
ID = "77"
TURNS = 5
SENT = {"0": signal.SIGUSR2, "1": signal.SIGTERM}
"""What a task is sent in its first turn."""


def sbatch(script: str) -> None:
    """Start all tasks of an array; return at once."""
    text = Path(script).read_text()
    found = re.search(r"^#SBATCH --array=0-(\d+)", text, re.MULTILINE)
    tasks = int(found[1]) + 1 if found else 1
    (STATE / "script").write_text(text)
    for task in range(tasks):
        with (STATE / f"{task}.log").open("w") as log:
            subprocess.Popen(
                [sys.executable, __file__, "turns", str(task)],
                start_new_session=True,
                stdout=log,
                stderr=log,
            )
    print(f"Submitted batch job {ID}")


def turns(task: str) -> None:
    """Play a task until it does not ask for another turn."""
    (STATE / f"{task}.state").write_text("RUNNING")
    environment = {
        **os.environ,
        "SLURM_JOB_ID": f"{ID}{task}",
        "SLURM_ARRAY_JOB_ID": ID,
        "SLURM_ARRAY_TASK_ID": task,
        "SLURM_JOB_NUM_NODES": "1",
        "SLURM_JOB_NODELIST": "here",
        "SLURM_NTASKS": "1",
        "SLURM_NODEID": "0",
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0",
    }
    requeued, code = STATE / f"{task}.requeued", 1
    for turn in range(TURNS):
        requeued.unlink(missing_ok=True)
        environment["SLURM_RESTART_COUNT"] = str(turn)
        code = subprocess.run(["bash", STATE / "script"], env=environment, check=False).returncode
        with (STATE / "turns").open("a") as file:
            file.write(f"{task} {turn} {code}\n")
        if not requeued.exists():
            break
    (STATE / f"{task}.state").write_text("FAILED" if code else "COMPLETED")


def srun(words: list[str]) -> int:
    """Play a step; options come before the command, which begins with the interpreter."""
    step = subprocess.Popen(words[next(i for i, word in enumerate(words) if "python" in word) :])
    task, turn = os.environ["SLURM_ARRAY_TASK_ID"], os.environ["SLURM_RESTART_COUNT"]
    if turn == "0" and task in SENT:
        saved = Path(os.environ["SLURM_STAND_IN_SWEEP"])
        while step.poll() is None and not list(saved.glob(f"seed={task}*/checkpoints/*")):
            time.sleep(0.02)
        step.send_signal(SENT[task])
        if SENT[task] == signal.SIGTERM:
            (STATE / f"{task}.requeued").touch()
    return step.wait()


def scontrol(words: list[str]) -> None:
    """Note that a task asks for another turn."""
    assert words[0] == "requeue", words
    task = words[1].partition("_")[2] or words[1].removeprefix(ID)
    (STATE / f"{task}.requeued").touch()


def sacct() -> None:
    """Tell how tasks stand."""
    print("JobID|State|NodeList")
    for file in STATE.glob("*.state"):
        print(f"{ID}_{file.stem}|{file.read_text()}|here")


if __name__ == "__main__":
    name, *arguments = [Path(sys.argv[0]).name, *sys.argv[1:]]
    if name == Path(__file__).name:
        name, *arguments = arguments
    if name == "sbatch":
        sbatch(arguments[0])
    elif name == "turns":
        turns(arguments[0])
    elif name == "srun":
        sys.exit(srun(arguments))
    elif name == "scontrol":
        scontrol(arguments)
    elif name == "sacct":
        sacct()
