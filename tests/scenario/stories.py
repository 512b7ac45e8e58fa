"""Every story holds, and ends the same whether flash takes time or not.

usage: stories.py MAGNO STORY...
"""
import subprocess, sys

magno, stories = sys.argv[1], sys.argv[2:]
at_once = subprocess.run([magno, "scenario", "--quiet", *stories], capture_output=True, text=True)
busy = subprocess.run([magno, "scenario", "--quiet", "--busy", *stories], capture_output=True, text=True)
print(at_once.stdout, at_once.stderr, end="")
if at_once.stdout != busy.stdout:
    sys.exit("with a busy flash:\n" + busy.stdout + busy.stderr)
sys.exit(at_once.returncode or busy.returncode)
