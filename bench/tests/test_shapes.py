"""Shapes out of model files, made here byte by byte; and files that lie about their lengths, or would run code."""
import collections
import io
import json
import os
import pickle
import random
import struct
import tempfile
import unittest
import zipfile

from report import shapes
from report.front import UserError


def safetensors(header, length=None):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text


def gguf_text(text):
    return struct.pack("<Q", len(text)) + text.encode()


def gguf(tensors, pairs=b"", count=None, pair_count=0):
    body = b"".join(gguf_text(name) + struct.pack("<I", len(dims)) + b"".join(struct.pack("<Q", d) for d in dims)
                    + struct.pack("<IQ", kind, 0) for name, dims, kind in tensors)
    return b"GGUF" + struct.pack("<IQQ", 3, len(tensors) if count is None else count, pair_count) + pairs + body


class Named:
    """Pickled by a name that need not exist here."""

    def __init__(self, name, *arguments):
        self.name, self.arguments = name, arguments


class Writer(pickle._Pickler):  # the one in Python, whose save() can be told what a name is
    def persistent_id(self, obj):
        return obj.arguments if isinstance(obj, Named) and obj.name == "storage" else None

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, Named) and obj.name != "storage":
            module, name = obj.name.rsplit(".", 1)
            self.write(b"c" + module.encode() + b"\n" + name.encode() + b"\n")
            if obj.arguments:
                self.save(obj.arguments[0])
                self.write(b"R")
            return
        super().save(obj, save_persistent_id)


def tensor(size, kind="FloatStorage"):
    storage = Named("storage", "storage", Named("torch." + kind), "0", "cpu", 1)
    return Named("torch._utils._rebuild_tensor_v2", (storage, 0, size, size, False, {}))


def checkpoint(value, name="archive/data.pkl"):
    packed = io.BytesIO()
    Writer(packed, protocol=2).dump(value)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(name, packed.getvalue())
    return archive.getvalue()


class Shapes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def text(self, content, name="model"):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return shapes.text_of(path)

    def refused(self, said, content):
        with self.assertRaises(UserError) as caught:
            self.text(content)
        self.assertIn(said, str(caught.exception))
        self.assertTrue(str(caught.exception).startswith(self.folder), str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))

    def test_safetensors(self):
        header = {"__metadata__": {"format": "pt"}, "a b#c": {"dtype": "F32", "shape": [2, 3]},
                  "ids": {"dtype": "I64", "shape": [9]},
                  "norm.running_mean": {"dtype": "F32", "shape": [5]}, "bias": {"dtype": "BF16", "shape": []},
                  "none": {"dtype": "F32", "shape": [0, 3]}, "deep": {"dtype": "F16", "shape": [1, 2, 3, 4, 5, 6, 7]}}
        self.assertEqual(self.text(safetensors(header)), "a_b_c 2x3\nbias 1\ndeep 1x2x3x4x5x42\n")

    def test_wrong_safetensors(self):
        self.refused("its header should have 1000 bytes, and", safetensors({"a": {"dtype": "F32", "shape": [1]}}, 1000))
        self.refused("header is no JSON", struct.pack("<Q", 3) + b"{,}   ")
        self.refused("tensor 'a' has no dtype and shape", safetensors({"a": {"shape": [1]}}))
        self.refused("has the dimension -1", safetensors({"a": {"dtype": "F32", "shape": [-1]}}))
        self.refused("has the dimension 1.5", safetensors({"a": {"dtype": "F32", "shape": [1.5]}}))
        self.refused("has the dimension '\\x1b[2J'", safetensors({"a": {"dtype": "F32", "shape": ["\x1b[2J"]}}))
        self.refused("more than 2^60 values", safetensors({"a": {"dtype": "F32", "shape": [1 << 40, 1 << 40]}}))
        self.refused("no tensor of floating-point values", safetensors({"a": {"dtype": "I8", "shape": [1]}}))

    def test_gguf(self):
        pairs = (gguf_text("general.name") + struct.pack("<I", 8) + gguf_text("tiny")
                 + gguf_text("tokens") + struct.pack("<IIQ", 9, 8, 2) + gguf_text("a") + gguf_text("b")
                 + gguf_text("scores") + struct.pack("<IIQ", 9, 6, 2) + bytes(8))
        content = gguf([("w", (768, 2304), 0), ("q", (32,), 12), ("ids", (4,), 26)], pairs, pair_count=3)
        self.assertEqual(self.text(content), "w 2304x768\nq 32\n")

    def test_wrong_gguf(self):
        whole = gguf([("w", (768, 2304), 0)])
        self.refused("GGUF of version 9", b"GGUF" + struct.pack("<IQQ", 9, 0, 0))
        self.refused("ends within its GGUF header", whole[:-9])
        self.refused("should have 4294967296 tensors", gguf([], count=1 << 32))
        self.refused("an array at byte", gguf([], gguf_text("k") + struct.pack("<IIQ", 9, 10, 1 << 62), pair_count=1))
        self.refused("the unknown type 99", gguf([], gguf_text("k") + struct.pack("<I", 99), pair_count=1))
        self.refused("a text at byte", gguf([], struct.pack("<Q", 1 << 62), pair_count=1))

    def test_checkpoint(self):
        state = {"w": tensor((3, 4)), "steps": tensor((1,), "LongStorage"), "b": tensor((4,), "BFloat16Storage")}
        self.assertEqual(self.text(checkpoint(state)), "w 3x4\nb 4\n")
        ordered = collections.OrderedDict(state)
        ordered._metadata = {"": {"version": 1}}  # as a module's state_dict() has
        self.assertEqual(self.text(checkpoint(ordered)), "w 3x4\nb 4\n")
        whole = {"state_dict": state, "optimizer": {"m": tensor((9,))}, "args": Named("argparse.Namespace", ())}
        self.assertEqual(self.text(checkpoint(whole)), "w 3x4\nb 4\n")
        self.assertEqual(self.text(checkpoint({"net": state, "optim": {"m": tensor((9,))}})), "net.w 3x4\nnet.b 4\n")

    def test_checkpoint_runs_nothing(self):
        mark = os.path.join(self.folder, "mark")
        evil = Named("os.system", (f"touch {mark}",))
        self.assertEqual(self.text(checkpoint({"w": tensor((3,)), "evil": evil})), "w 3\n")
        self.assertFalse(os.path.exists(mark))

    def test_checkpoint_that_holds_itself(self):
        ring = [tensor((2,))]
        ring += [ring] * 1000
        self.assertEqual(self.text(checkpoint({"r": ring})), "r.0 2\n")

    def test_wrong_checkpoints(self):
        self.refused("without one data.pkl", checkpoint({}, "archive/other.pkl"))
        self.refused("no zip file that can be read", checkpoint({"w": tensor((3,))})[:60])
        self.refused("is a bare pickle", pickle.dumps({}))
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("a/data.pkl", b"\x80\x02garbage")
        self.refused("is no pickle of tensors", archive.getvalue())

    def test_damaged_files_are_read_or_refused(self):
        """Bytes changed at random: a list or one sentence, nothing else."""
        chance = random.Random(1)
        whole = [safetensors({"a": {"dtype": "F32", "shape": [2, 3]}}), gguf([("w", (7, 5), 0)]),
                 checkpoint({"w": tensor((3, 4))})]
        for number in range(1500):
            content = bytearray(whole[number % 3])
            for _ in range(chance.randint(1, 4)):
                content[chance.randrange(len(content))] = chance.randrange(256)
            try:
                self.text(bytes(content))
            except UserError as error:
                self.assertNotIn("\n", str(error))

    def test_texts_pass_as_they_are(self):
        self.assertIsNone(self.text(b"w 3x4\n"))
        path = os.path.join(self.folder, "model")
        self.assertEqual(shapes.as_list(path, self.folder), path)
        with open(path, "wb") as file:
            file.write(safetensors({"w": {"dtype": "F32", "shape": [3, 4]}}))
        with open(shapes.as_list(path, self.folder), encoding="utf-8") as file:
            self.assertEqual(file.read(), "w 3x4\n")
        self.refused("is neither a text", b"abc\0def")


if __name__ == "__main__":
    unittest.main()
