"""What is computed, drawn and merged from results, on made-up figures. Nothing here measures."""
import json
import os
import tempfile
import unittest
from unittest import mock

import readme
import results_page
from report import compare, front, machine, page, pictures, processes, tables
from report.results import Case, fastest_tenth

ABOUT = {"cpu": "A CPU", "cpus": 2, "caches": "L1d 32 KiB, L2 512 KiB, L3 32 MiB", "commit": "abc", "date": "2026-01-01",
         "isa": "avx2", "busy": "other work took 12 % of the CPUs"}


def case(name, seconds, limit=1e-5, parameters=65536, **more):
    samples = {"step": [seconds] * 3, "plain": [limit] * 3, "unrolled": [2 * limit] * 3, **more}
    return Case(name, parameters, 1, 28, samples)


def drawn(function, *arguments):
    """The gnuplot script that a picture is made of."""
    scripts = []
    with mock.patch.object(pictures.subprocess, "run", lambda *_, input, **__: scripts.append(input)), \
            mock.patch.object(pictures.os, "replace"):
        function(*arguments)
    return scripts


class Figures(unittest.TestCase):
    def test_fastest_tenth_stands_beside_a_disturbed_median(self):
        busy = case("throughput/64K/adamw/avx2/1/huge", 9e-5, step_fast=[1e-5, 2e-5, 2e-5], plain_fast=[8e-6] * 3,
                    unrolled_fast=[9e-6] * 3)
        self.assertAlmostEqual(busy.fastest_share, 0.8)
        self.assertAlmostEqual(busy.share, 1 / 9)
        self.assertEqual(fastest_tenth(list(range(20, 0, -1))), 3)
        text = tables.text([busy])
        self.assertIn("fastest", text)
        self.assertIn("0.80", text)

    def test_one_repetition_is_not_trusted(self):
        samples = {"step": [1e-5], "plain": [8e-5], "unrolled": [8e-5]}
        self.assertIn("8.00~", tables.text([Case("throughput/64K/adamw/avx2/1/huge", 65536, 1, 28, samples)]))

    def test_slower_threads_are_told_with_what_to_set(self):
        one, two = (case(f"throughput/1M/adamw/avx2/{threads}/huge", seconds) for threads, seconds in ((1, 1e-4), (2, 3e-4)))
        said = tables.slower_threads([one, two], "avx2")
        for word in ("2 threads took longer than one", "1M 3.0 times", "threads to 1", "OMP_WAIT_POLICY=passive"):
            self.assertIn(word, said)
        self.assertEqual(tables.slower_threads([one], "avx2"), "")

    def test_start_up_is_subtracted(self):
        whole, start = {"median": 0.5, "stddev": 0.001}, {"median": 0.3, "stddev": 0.001}
        self.assertIn("| 10 ms +- 100 us |", processes.table([("4M", 20)], [whole, start]))
        self.assertIn("within the noise", processes.table([("4M", 20)], [start, start]))

    def test_busy_is_a_share(self):
        self.assertTrue(0 <= machine.Busy().share() <= 1)

    def test_a_description_has_caches_without_a_context_of_them(self):
        about = machine.describe("make", {"isa": "avx2"}, machine.Busy())
        if os.path.isdir("/sys/devices/system/cpu/cpu0/cache"):
            self.assertIn("L1d", machine.cache_bytes(about))
        self.assertRegex(about["busy"], r"^other work took \d+ % of the CPUs$")

    def test_cache_sizes(self):
        self.assertEqual(machine.cache_bytes(ABOUT), {"L1d": 32 << 10, "L2": 512 << 10, "L3": 32 << 20})


class Progress(unittest.TestCase):
    def test_sixty_columns_and_a_word_when_piped(self):
        for terminal in (True, False):
            said = []
            with mock.patch.object(front.sys, "stderr") as stderr, \
                    mock.patch("builtins.print", lambda text, **_: said.append(text)):
                stderr.isatty.return_value = terminal
                progress = front.Progress("bench")
                for _ in range(3):
                    progress.say("x" * 200)
            self.assertEqual(len(said), 3 if terminal else 1)
            self.assertLessEqual(max(len(text.strip("\r")) for text in said), 60)


class Pictures(unittest.TestCase):
    def test_no_line_through_a_size_that_was_not_measured(self):
        sizes = {"1K": 1 << 10, "4K": 4 << 10, "16K": 16 << 10}
        cases = [case(f"throughput/{name}/adamw/avx2/1/huge", 1e-5, parameters=n) for name, n in sizes.items()]
        cases += [case(f"throughput/{name}/adamw/scalar/1/huge", 1e-4, parameters=sizes[name]) for name in ("1K", "16K")]
        script, = drawn(pictures.over_size, "", cases, 1, ABOUT)
        block = script[script.index("$scalar << EOD"):].split("EOD\n")[1]
        first, gap, second, _ = block.split("\n")
        self.assertEqual((first.split()[0], gap, second.split()[0]), ("1024", "", "16384"))
        block = script[script.index("$avx2 << EOD"):].split("EOD\n")[1]
        self.assertNotIn("\n\n", block)

    def test_cpu_date_caches_and_load_are_on_it(self):
        cases = [case(f"throughput/{name}/adamw/avx2/1/huge", 1e-5, parameters=n) for name, n in
                 (("1K", 1 << 10), ("4M", 4 << 20))]
        script, = drawn(pictures.over_size, "", cases, 1, ABOUT)
        for text in ("A CPU, 2 CPUs, L1d 32 KiB", "2026-01-01", "other work took 12 %", "label 'L1d' at 2048",
                     "label 'L2' at 32768", "label 'L3' at 2097152"):
            self.assertIn(text, script)

    def test_names_are_no_commands(self):
        evil = "'; system(\"id\")\n!id"
        text = pictures.quoted(evil)
        self.assertEqual(text, "'''; system(\"id\") !id'")
        script, = drawn(pictures.bars, "x.svg", evil, {evil: {"A": 1}}, ["A"], {"A": evil}, "y", (evil, evil))
        self.assertFalse([line for line in script.split("\n") if line.startswith("!")])


class Compare(unittest.TestCase):
    def test_the_best_set_of_each_machine_and_all_threads_match(self):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for isa, threads, seconds in (("avx2", 2, 2e-5), ("avx512", 8, 1e-5)):
                path = os.path.join(folder, isa + ".json")
                with open(path, "w", encoding="utf-8") as file:
                    json.dump({"machine": {**ABOUT, "isa": isa, "cpus": threads}, "cases": [
                        {"name": f"throughput/64K/adamw/{isa}/{count}/huge", "parameters": 65536, "tensors": 1,
                         "bytes_per_parameter": 28, "samples": {label: [seconds] * 2 for label in
                                                                ("step", "plain", "unrolled")}}
                        for count in (1, threads)]}, file)
                paths.append(path)
            text, pictures_drawn = compare.compare(*paths, "")
        self.assertEqual(pictures_drawn, [])
        self.assertIn("avx2 / avx512", text)
        self.assertIn("2 / 8", text)
        self.assertEqual(text.count("  2.000"), 4)  # twice as fast, of medians and of fastest tenths, both threads
        self.assertNotIn("not compared", text)


class Page(unittest.TestCase):
    PAGE = ("# R\n\nText.\n\n<!-- cpu:begin B -->\n## B\n\nold\n<!-- cpu:end -->\n")

    def test_a_block_is_replaced_and_another_kept(self):
        both = results_page.merged("p", self.PAGE, "A", "new A\n")
        self.assertLess(both.index("## A"), both.index("## B"))
        self.assertIn("old", both)
        again = results_page.merged("p", both, "B", "new B\n")
        self.assertNotIn("old", again)
        self.assertEqual(results_page.merged("p", again, "B", "new B\n"), again)
        self.assertTrue(results_page.merged("p", self.PAGE, "C", "c\n").endswith("c\n<!-- cpu:end -->\n"))
        self.assertIn("Text.", again)

    def test_readme_has_five_rows_and_the_benchmarks_page_all(self):
        about = {**ABOUT, "cpu": "AMD EPYC (family 25, model 1)", "compiler": "cc 12", "command": "make bench"}
        last = page.Last.__new__(page.Last)
        last.machine = about
        last.cases = [case(f"throughput/{name}/{variant}/avx2/{threads}/huge", seconds / threads)
                      for name in page.LISTS for threads in (1, 2)
                      for variant, seconds in (("adamw", 2e-5), ("adam_l2", 3e-5))]
        peer = {"samples": {"adamw avx2": [1e-5] * 3, "torch fused": [2e-5] * 3, "torch foreach": [1e-5, 4e-5, 9e-5]}}
        last.peers = {(name, 2): peer for name in page.BRIEF}
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(page, "Last", lambda build: last):
            paths = [os.path.join(folder, name) for name in ("README.md", "page.md")]
            for path in paths:
                with open(path, "w", encoding="utf-8") as file:
                    file.write(f"above\n{readme.BEGIN}\nold\n{readme.END}\nbelow\n")
            words = ["readme.py", "--readme", paths[0], "--page", paths[1]]
            with mock.patch("sys.argv", words), mock.patch("builtins.print"):
                readme.main()
            whole = []
            for path in paths:
                with open(path, encoding="utf-8") as file:
                    whole.append(file.read())
        for text in whole:
            self.assertTrue(text.startswith("above\n") and text.endswith("below\n") and "old" not in text, text)
            self.assertIn("AMD EPYC (family 25, model 1: Zen 3), 2 CPUs, AVX2, ", text)
        self.assertEqual(whole[0].count("\n| "), 7)
        self.assertIn("\n| 64K | 10 us | 1.00 | 2.00 | 4.00~ |\n", whole[0])
        self.assertIn("AVX2, 2 threads, L1d", whole[0])
        self.assertEqual(whole[1].count("\n| "), 2 + 2 * len(page.LISTS))

    def test_a_torn_page_is_refused(self):
        for torn in (self.PAGE.replace("<!-- cpu:end -->", ""), self.PAGE + self.PAGE):
            with self.assertRaises(front.UserError):
                results_page.merged("p", torn, "A", "a\n")


if __name__ == "__main__":
    unittest.main()
