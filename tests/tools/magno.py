"""Runs `magno` as a user would. Used by the other scripts of this folder."""
import json
import os
import subprocess
import unittest

MAGNO = os.environ["MAGNO"]
DATA = os.environ["DATA"]


class Result:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    def lines(self):
        """Every line of standard output as JSON."""
        return [json.loads(x) for x in self.out.splitlines()]


def magno(*args, stdin=None, timeout=60, env=None):
    done = subprocess.run([MAGNO, *map(str, args)], input=stdin, capture_output=True, text=True,
                          timeout=timeout, env={**os.environ, **(env or {})})
    if done.returncode < 0:
        raise AssertionError(f"magno {args} died by signal {-done.returncode}:\n{done.stderr}")
    return Result(done)


def main():
    unittest.main(verbosity=1)
