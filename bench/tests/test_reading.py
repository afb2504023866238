"""Wrong result files and wrong options: each is refused in one line that names the file or option and what is wrong.

Run by tools/check.sh bench: python3 -m unittest discover -s bench -t bench.
"""
import copy
import json
import os
import subprocess
import sys
import tempfile
import unittest

from report import reading
from report.front import UserError

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RIGHT = {
    "machine": {"cpu": "A CPU", "commit": "abc", "date": "2026-01-01", "isa": "avx2", "cpus": 2},
    "cases": [{"name": "throughput/64K/adamw/avx2/1/huge", "parameters": 65536, "tensors": 1, "bytes_per_parameter": 28,
               "samples": {"step": [1e-5, 2e-5], "plain": [1e-5, 1e-5], "unrolled": [1e-5, 1e-5]}}],
}


def changed(*path_and_value):
    """RIGHT with one value replaced, or with one key taken away where the value is DROP."""
    *path, last, value = path_and_value
    whole = copy.deepcopy(RIGHT)
    place = whole
    for key in path:
        place = place[key]
    if value is DROP:
        del place[last]
    else:
        place[last] = value
    return json.dumps(whole).encode()


DROP = object()
CASE = ("cases", 0)
SAMPLES = (*CASE, "samples")
# (what the message says, the bytes of the file)
WRONG = [
    ("is no JSON", b""),
    ("line 1: is no JSON", b'{"cases": 1'),
    ("line 2: is no JSON", b'{"machine":\n}'),
    ("is no UTF-8", b"\x80\x81\x82"),
    ("is no JSON", b"\xef\xbb\xbf{}"),
    ("nested too deeply", b"[" * 200000),
    ("no JSON that can be read", b"[" + b"9" * 5000 + b"]"),
    ("the file is []: it must be an object", b"[]"),
    ("the file is null: it must be an object", b"null"),
    ("the file has no `machine`", b"{}"),
    ("the file has no `cases`", changed("cases", DROP)),
    ("machine is 3: it must be an object", changed("machine", 3)),
    ("machine has no `cpu`", changed("machine", "cpu", DROP)),
    ("machine.commit is 7: it must be a text", changed("machine", "commit", 7)),
    ("machine.date is null: it must be a text", changed("machine", "date", None)),
    ("machine.cpu is \"a\\nb\"", changed("machine", "cpu", "a\nb")),
    ("machine.cpu is \"\\u001b[2J\"", changed("machine", "cpu", "\x1b[2J")),
    ("machine.cpu is \"\\ud800\"", changed("machine", "cpu", "\ud800")),
    ("machine.isa is \"mmx\": it must be one of", changed("machine", "isa", "mmx")),
    ("machine.cpus is \"2\": it must be a whole number", changed("machine", "cpus", "2")),
    ("cases is {}: it must be a list", changed("cases", {})),
    ("cases[0] is 5: it must be an object", changed("cases", [5])),
    ("cases[0] has no `name`", changed(*CASE, "name", DROP)),
    ("cases[0].name is 1", changed(*CASE, "name", 1)),
    ("cases[0].name is \"gpt2\": it must be such as throughput/", changed(*CASE, "name", "gpt2")),
    ("with one of scalar", changed(*CASE, "name", "throughput/64K/adamw/sse9/1/huge")),
    ("it must be such as", changed(*CASE, "name", "throughput/64K/adamw/avx2/two/huge")),
    ("which an earlier case has", changed("cases", [*RIGHT["cases"], *RIGHT["cases"]])),
    ("cases[0].parameters is 0", changed(*CASE, "parameters", 0)),
    ("cases[0].parameters is 1.5", changed(*CASE, "parameters", 1.5)),
    ("cases[0].parameters is true", changed(*CASE, "parameters", True)),
    ("cases[0].tensors is -1", changed(*CASE, "tensors", -1)),
    ("cases[0] has no `bytes_per_parameter`", changed(*CASE, "bytes_per_parameter", DROP)),
    ("cases[0] has no `samples`", changed(*SAMPLES, DROP)),
    ("cases[0].samples is []", changed(*SAMPLES, [])),
    ("cases[0].samples has no `step`", changed(*SAMPLES, "step", DROP)),
    ("cases[0].samples has no `plain`", changed(*SAMPLES, "plain", DROP)),
    ("cases[0].samples.step is 1: it must be a list", changed(*SAMPLES, "step", 1)),
    ("cases[0].samples has lists of 0, 2 values", changed(*SAMPLES, "step", [])),
    ("cases[0].samples has lists of 1, 2 values", changed(*SAMPLES, "step", [1e-5])),
    ("cases[0].samples.step[1] is 0: it must be a positive number", changed(*SAMPLES, "step", 1, 0)),
    ("cases[0].samples.step[0] is -1", changed(*SAMPLES, "step", 0, -1)),
    ("cases[0].samples.step[0] is \"1\"", changed(*SAMPLES, "step", 0, "1")),
    ("cases[0].samples.step[0] is \"NaN\"", changed(*SAMPLES, "step", 0, float("nan"))),
    ("cases[0].samples.plain[0] is \"Infinity\"", changed(*SAMPLES, "plain", 0, float("inf"))),
    ("cases[0].samples.plain[0] is Infinity", changed(*SAMPLES, "plain", 0, 1).replace(b"[1,", b"[1e999,")),
    ("cases[0].samples.plain[0] is null", changed(*SAMPLES, "plain", 0, None)),
]


class WrongResults(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "wrong.json")

    def put(self, content):
        with open(self.path, "wb") as file:
            file.write(content)

    def test_each_flaw_is_told_by_file_and_place(self):
        for said, content in WRONG:
            with self.subTest(said):
                self.put(content)
                with self.assertRaises(UserError) as caught:
                    reading.results(self.path)
                message = str(caught.exception)
                self.assertTrue(message.startswith(self.path + ": "), message)
                self.assertIn(said, message)
                self.assertNotIn("\n", message)

    def test_right_is_read(self):
        self.put(json.dumps(RIGHT).encode())
        machine, cases = reading.results(self.path)
        self.assertEqual((machine["cpu"], cases[0].list, cases[0].share), ("A CPU", "64K", 0.75))

    def test_missing_file_and_folder(self):
        for path in (self.path, os.path.dirname(self.path)):
            with self.assertRaises(UserError) as caught:
                reading.results(path)
            self.assertTrue(str(caught.exception).startswith(path + ": "))


class Programs(unittest.TestCase):
    """The programs themselves: status 2 and one line on stderr."""

    def refused(self, said, *words):
        run = subprocess.run([sys.executable, *words], cwd=BENCH, capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 2, (words, run.stderr))
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        self.assertIn(said, run.stderr)
        self.assertTrue(run.stderr.startswith(os.path.basename(words[0]) + ": "), run.stderr)

    def test_compare(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.json")
            for said, content in [("nested too deeply", b"[" * 200000), ("has no `machine`", b"{}"), ("no UTF-8", b"\xff")]:
                with open(path, "wb") as file:
                    file.write(content)
                self.refused(f"{path}: ", "bench.py", "--compare", path, path)
                self.refused(said, "bench.py", "--compare", path, path)

    def test_wrong_options(self):
        for program in ("bench.py", "peers.py", "goals.py", "update.py", "readme.py", "results_page.py",
                        "counts/counts.py"):
            self.refused("--bogus", program, "--bogus")
        self.refused("invalid choice: 'long'", "bench.py", "--form", "long")
        self.refused("--compare: expected 2 arguments", "bench.py", "--compare", "a.json")
        self.refused("it must be a whole number from 1 to 10000", "peers.py", "--rounds", "0")
        self.refused("--runs must be at least 1", "goals.py", "--runs", "0", "--build", tempfile.gettempdir())
        self.refused("libpeers.so cannot be loaded", "peers.py", "--build", "/nonexistent")
        self.refused("throughput.json: No such file", "readme.py", "--build", "/nonexistent")


if __name__ == "__main__":
    unittest.main()
