"""The vending station on PostgreSQL: the unit tests of test_vend and the killed campaign once more, on a server of
our own with its data in a folder that goes again. It refuses to run as root, so there it runs as Debian's postgres."""
import glob
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def main():
    tools = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if not tools:
        sys.exit("no PostgreSQL server here; `tools/setup.sh test` installs it")
    folder = tempfile.mkdtemp(prefix="m22pg-")
    other = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        other = ["runuser", "-u", "postgres", "--"]

    def server(name, *arguments):
        done = subprocess.run([*other, f"{tools[-1]}/{name}", *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            sys.exit(f"{name}: {done.stdout}")

    try:
        server("initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "vend", "-E", "UTF8", "--locale", "C")
        # a file, not the pipe above: the server would keep that open
        server("pg_ctl", "-D", f"{folder}/data", "-o", f"-k {folder} -h '' -F", "-l", f"{folder}/log", "-w", "start")
        try:
            for name in "unit", "campaign":
                server("createdb", "-h", folder, "-U", "vend", name)
            url = f"postgresql:///%s?host={folder}&user=vend"
            unit = subprocess.run([os.environ["TEST_VEND"]], env={**os.environ, "VEND_TEST_DB": url % "unit"})
            campaign = subprocess.run([sys.executable, HERE / "cli_vend.py", "Campaign"],
                                      env={**os.environ, "VEND_DB": url % "campaign", "CAMPAIGN_METERS": "1500"})
            return unit.returncode or campaign.returncode
        finally:
            server("pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
