"""magno flash: an image explained, checked and dumped, and what is damaged in it found."""
import os
import subprocess
import tempfile
import unittest

from magno import magno, main

HOUR = os.environ["HOUR"]
CHIP = 8 << 20
SURVEY_1 = 528 * 4096  # docs/formats.md 2


class Flash(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.image = os.path.join(cls.folder.name, "flash")
        done = subprocess.run([HOUR, "7200", "22", "1772344800", cls.image], check=True, capture_output=True, text=True)
        cls.registers = dict(line.split("=") for line in done.stdout.splitlines())
        with open(cls.image, "rb") as f:
            cls.octets = f.read()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def changed(self, at, octets):
        path = os.path.join(self.folder.name, "changed")
        with open(path, "wb") as f:
            f.write(self.octets[:at] + octets + self.octets[at + len(octets):])
        return path

    def test_info(self):
        rows = {row["part"]: row for row in magno("flash", "info", self.image, "--json").lines()}
        self.assertEqual(rows["journal"]["import_wh"], int(self.registers["import_wh"]))
        self.assertEqual((rows["journal"]["boots"], rows["journal"]["retired"]), (1, 0))
        self.assertEqual((rows["survey-1"]["rows"], rows["survey-2"]["rows"]), (8, 2))
        self.assertEqual((rows["survey-1"]["from"], rows["survey-1"]["to"]), ("2026-03-01T06:15:00Z", "2026-03-01T08:00:00Z"))
        self.assertEqual(rows["survey-1"]["sector"] * 4096, SURVEY_1)
        self.assertGreaterEqual(rows["survey-1"]["keeps"], 366 * 96)
        text = magno("flash", "info", self.image).out
        for name in rows:
            self.assertIn(name, text)

    def test_check(self):
        r = magno("flash", "check", self.image, "--json")
        self.assertEqual(r.code, 0, r.out + r.err)
        (row,) = r.lines()
        self.assertEqual((row["damaged"], row["mended"]), (0, 0))
        self.assertGreater(row["rows"], 20)

    def test_one_bit_is_mended_and_more_is_damage(self):
        at = SURVEY_1 + 16 + 40 + 8  # in the second of eight rows
        was = self.octets[at]
        r = magno("flash", "check", self.changed(at, bytes([was ^ 16])), "--json")
        self.assertEqual((r.code, r.lines()[-1]["mended"], r.lines()[-1]["damaged"]), (0, 1, 0))
        r = magno("flash", "check", self.changed(at, bytes([was ^ 16, self.octets[at + 1] ^ 1])), "--json")
        self.assertEqual(r.code, 1)
        self.assertEqual(r.lines()[0], {"damaged": "survey-1", "number": 1})
        self.assertEqual(r.lines()[-1]["damaged"], 1)

    def test_dump(self):
        rows = magno("flash", "dump", self.image, "survey-1", "--json").lines()
        self.assertEqual([row["number"] for row in rows], list(range(8)))
        first = self.octets[SURVEY_1 + 16:SURVEY_1 + 16 + 38]
        self.assertEqual(rows[0]["octets"], first.hex().upper())
        self.assertEqual(int.from_bytes(first[:4], "little"), 1772344800 + 900)
        parts = {row["part"] for row in magno("flash", "dump", self.image, "--json").lines()}
        self.assertLessEqual({"journal", "survey-1", "survey-3", "log-standard"}, parts)
        events = magno("flash", "dump", self.image, "log-standard").out
        self.assertIn("2026-03-01T06:00:00Z", events)

    def test_the_file_is_left_alone(self):
        for verb in "info", "check", "dump":
            magno("flash", verb, self.image)
        with open(self.image, "rb") as f:
            self.assertEqual(f.read(), self.octets)

    def test_wrong_input(self):
        blank, short, junk = (os.path.join(self.folder.name, name) for name in ("blank", "short", "junk"))
        for path, octets in (blank, b"\xff" * CHIP), (short, b"\xff" * 4096), (junk, b"magno" * (CHIP // 5 + 1)):
            with open(path, "wb") as f:
                f.write(octets)
        r = magno("flash", "info", blank)
        self.assertEqual((r.code, r.out), (0, ""))
        self.assertIn("is blank", r.err)
        for path, word in (short, "4096 octets"), (junk, "no meter"), ("/nonexistent", "cannot open"):
            r = magno("flash", "check", path)
            self.assertEqual((r.code, r.out), (1, ""))
            self.assertIn(word, r.err)
        for args in ([], ["info"], ["bake", blank], ["info", blank, "daily"], ["dump", blank, "weekly"]):
            self.assertEqual(magno("flash", *args).code, 2, args)


if __name__ == "__main__":
    main()
