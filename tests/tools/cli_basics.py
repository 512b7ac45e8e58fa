"""What every command of magno owes its user: help, version, exit codes, suggestions."""
import re
import unittest

from magno import magno, main


def commands():
    """Names as `magno --help` lists them."""
    return re.findall(r"^  ([a-z]+) +\S", magno("--help").out.split("\n\n")[1], re.M)


class Basics(unittest.TestCase):
    def test_help_lists_commands_and_exits_0(self):
        r = magno("--help")
        self.assertEqual(r.code, 0)
        self.assertIn("Exit status", r.out)
        self.assertIn("completion", commands())
        self.assertEqual(r.err, "")

    def test_nothing_given_teaches_on_stderr(self):
        r = magno()
        self.assertEqual((r.code, r.out), (2, ""))
        self.assertIn("Usage: magno COMMAND", r.err)

    def test_version(self):
        self.assertRegex(magno("--version").out, r"^magno \d+\.\d+\.\d+\n$")

    def test_every_command_has_help_and_an_example_or_more(self):
        for name in commands():
            r = magno(name, "--help")
            self.assertEqual(r.code, 0, name)
            self.assertIn("Usage: magno " + name, r.out)
            self.assertIn("xample", r.out, f"{name} --help shows no example")
            self.assertEqual(magno("help", name).out, r.out)

    def test_unknown_command_suggests(self):
        r = magno("compleiton")
        self.assertEqual((r.code, r.out), (2, ""))
        self.assertIn("did you mean 'completion'?", r.err)
        r = magno("xyzzyx")
        self.assertEqual(r.code, 2)
        self.assertIn("magno --help", r.err)
        self.assertNotIn("did you mean", r.err)

    def test_unknown_option_is_usage(self):
        for name in commands():
            r = magno(name, "--no-such-option")
            self.assertEqual((r.code, r.out), (2, ""), name)
            self.assertIn("no-such-option", r.err)
            self.assertIn("magno " + name, r.err)
        self.assertEqual(magno("--no-such-option").code, 2)

    def test_completion_knows_every_command(self):
        for shell in "bash", "zsh", "fish":
            r = magno("completion", shell)
            self.assertEqual(r.code, 0)
            for name in commands():
                self.assertIn(name, r.out)
        self.assertEqual(magno("completion", "csh").code, 2)
        self.assertEqual(magno("completion").code, 2)


if __name__ == "__main__":
    main()
