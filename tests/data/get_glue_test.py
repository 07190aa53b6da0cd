#!/usr/bin/env python3
"""data/get_glue.py on small files laid out as the official ones are."""
import pathlib
import subprocess
import sys
import tempfile
import unittest
import zipfile

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "data" / "get_glue.py"
HEADER = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String"


class GetGlue(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.source = pathlib.Path(self.folder.name) / "files"
        self.output = pathlib.Path(self.folder.name) / "glue"
        self.source.mkdir()

    def tearDown(self):
        self.folder.cleanup()

    def archive(self, name, entries):
        with zipfile.ZipFile(self.source / name, "w") as opened:
            for path, text in entries.items():
                opened.writestr(path, text)

    def get(self, task):
        return subprocess.run([sys.executable, SCRIPT, "--output", self.output, "--from", self.source, "--tasks", task],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)

    def test_an_archive(self):
        self.archive("QNLIv2.zip", {"QNLI/train.tsv": "a\n", "QNLI/dev.tsv": "b\n", "QNLI/original/x.txt": "c",
                                    "__MACOSX/QNLI/._dev.tsv": "d"})
        done = self.get("QNLI")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.output / "QNLI/dev.tsv").read_text(), "b\n")
        self.assertEqual((self.output / "QNLI/original/x.txt").read_text(), "c")
        self.assertEqual([p.name for p in self.output.iterdir()], ["QNLI"])
        (self.output / "QNLI/dev.tsv").write_text("mine")
        self.assertIn("left alone", self.get("QNLI").stdout)
        self.assertEqual((self.output / "QNLI/dev.tsv").read_text(), "mine")

    def test_mrpc_is_put_together(self):
        rows = [f"{i % 2}\t{i}\t{i + 100}\tfirst {i}\tsecond {i}" for i in range(4)]
        (self.source / "msr_paraphrase_train.txt").write_text("\ufeff" + "\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
        (self.source / "msr_paraphrase_test.txt").write_text("\n".join([HEADER, rows[3]]) + "\n")
        (self.source / "mrpc_dev_ids.tsv").write_text("2\t102\n")
        done = self.get("MRPC")
        self.assertEqual(done.returncode, 0, done.stderr)
        read = {name: (self.output / f"MRPC/{name}.tsv").read_text().splitlines() for name in ("train", "dev", "test")}
        self.assertEqual(read["train"], [HEADER, rows[0], rows[1], rows[3]])
        self.assertEqual(read["dev"], [HEADER, rows[2]])
        self.assertEqual(read["test"], ["index\t#1 ID\t#2 ID\t#1 String\t#2 String", "0\t3\t103\tfirst 3\tsecond 3"])

    def refused(self, task, text):
        done = self.get(task)
        self.assertEqual(done.returncode, 1)
        self.assertIn(text, done.stderr)
        self.assertFalse((self.output / task).exists())
        left = list(self.output.iterdir()) if self.output.exists() else []
        self.assertEqual(left, [])

    def test_what_is_wrong_leaves_nothing(self):
        self.refused("RTE", "is not there; it comes from https://")
        (self.source / "RTE.zip").write_bytes(b"<html>")
        self.refused("RTE", "not a zip archive")
        self.archive("RTE.zip", {"RTE/../../evil.tsv": "x"})
        self.refused("RTE", "leads out of")
        self.archive("RTE.zip", {"RTE/train.tsv": "x"})
        self.refused("RTE", "expected train.tsv and dev.tsv")
        self.archive("RTE.zip", {"RTE/train.tsv": "some text " * 50, "RTE/dev.tsv": "y"})
        packed = bytearray((self.source / "RTE.zip").read_bytes())
        packed[60] ^= 1
        (self.source / "RTE.zip").write_bytes(packed)
        self.refused("RTE", "damaged")
        self.refused("Nothing", "is not one of")


if __name__ == "__main__":
    unittest.main()
