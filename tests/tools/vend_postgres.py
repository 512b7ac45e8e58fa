"""The vending station on PostgreSQL: the unit tests of test_vend and the killed campaign once more.
Skipped (77) where there is no server to start."""
import glob
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def as_user(user, *command):
    if user:
        command = ("runuser", "-u", user, "--", *command)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run():
    tools = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    user = "postgres" if os.geteuid() == 0 else None
    if not tools or (user and not shutil.which("runuser")):
        print("skipped: no PostgreSQL server here")
        return 77
    bin = tools[-1]
    folder = tempfile.mkdtemp(prefix="m22pg-")
    try:
        if user:
            try:
                shutil.chown(folder, user)
            except LookupError:
                print("skipped: no user postgres")
                return 77
        as_user(user, f"{bin}/initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "vend")
        as_user(user, f"{bin}/pg_ctl", "-D", f"{folder}/data", "-o", f"-k {folder} -h '' -F", "-l", f"{folder}/log", "-w", "start")
        try:
            for name in "unit", "campaign":
                as_user(user, f"{bin}/createdb", "-h", folder, "-U", "vend", name)
            url = f"postgresql:///%s?host={folder}&user=vend"
            failed = subprocess.run([os.environ["TEST_VEND"]], env={**os.environ, "VEND_TEST_DB": url % "unit"}).returncode
            failed |= subprocess.run([sys.executable, HERE / "cli_vend.py", "Campaign"],
                                     env={**os.environ, "VEND_DB": url % "campaign", "CAMPAIGN_METERS": "1500"}).returncode
            return failed
        finally:
            as_user(user, f"{bin}/pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(run())
